/**
 * XEP-0059 Result Set Management 1.0, https://xmpp.org/extensions/xep-0059.html
 */
import { Element } from "ltx";
import { onlyChild } from "./element.ts";

export const RSM = "http://jabber.org/protocol/rsm";

/** What part of a result set is asked for. Not both `after` and `before`: what that means is undefined. */
export type PageRequest = {
  /** Items at most. */
  max: number;
  /** What follows this item (§2.2). */
  after?: string | undefined;
  /** What stands before this item (§2.3); "" asks for the last page (§2.5). */
  before?: string | undefined;
};

/** The ids of the first and the last item of a page; both undefined on an empty one (§2.4). */
export type Page = { first: string | undefined; last: string | undefined };

export function encodePageRequest({ max, after, before }: PageRequest): Element {
  const set = new Element("set", { xmlns: RSM });
  set.c("max").t(String(max));
  if (after !== undefined) set.c("after").t(after);
  if (before !== undefined) {
    const element = set.c("before");
    if (before !== "") element.t(before);
  }
  return set;
}

/** The `<set/>` in an answer; undefined when there is none, or more than one. Ids are opaque, blanks included. */
export function decodePage(answer: Element): Page | undefined {
  const set = onlyChild(answer, "set", RSM);
  if (!set) return undefined;
  const id = (name: string) => set.getChild(name, RSM)?.getText() || undefined;
  return { first: id("first"), last: id("last") };
}
