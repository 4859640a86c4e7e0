/**
 * Roster: RFC 6121 §2, https://www.rfc-editor.org/rfc/rfc6121#section-2
 */
import { Element } from "ltx";
import { attribute } from "./element.ts";
import { type BareJid, bareJid } from "./jid.ts";
import { decodeRequest } from "./rfc-6120-iq.ts";

export const ROSTER = "jabber:iq:roster";

export type Subscription = "none" | "to" | "from" | "both";

export type RosterItem = {
  jid: BareJid;
  name?: string | undefined;
  /** "to": we see them; "from": they see us. "remove" only in a push and in a removal. */
  subscription: Subscription | "remove";
  /** We asked to see them and they have not answered. */
  asked: boolean;
  groups: string[];
};

/** The `<query/>` that asks for the whole roster. */
export function encodeRosterQuery(): Element {
  return new Element("query", { xmlns: ROSTER });
}

/** The `<query/>` that adds or renames one contact; the server decides about the subscription. */
export function encodeRosterSet(item: {
  jid: BareJid;
  name?: string | undefined;
  groups?: readonly string[];
}): Element {
  const query = encodeRosterQuery();
  const element = query.c("item", { jid: item.jid });
  if (item.name !== undefined) element.attrs["name"] = item.name;
  for (const group of item.groups ?? []) element.c("group").t(group);
  return query;
}

/** The `<query/>` that removes a contact and both subscriptions (§2.5). */
export function encodeRosterRemoval(jid: BareJid): Element {
  const query = encodeRosterQuery();
  query.c("item", { jid, subscription: "remove" });
  return query;
}

/** The items of a roster result; undefined when the iq holds no roster. Items without a JID are left out. */
export function decodeRoster(iq: Element): RosterItem[] | undefined {
  const query = iq.getChild("query", ROSTER);
  return query?.getChildren("item", ROSTER).flatMap((item) => decodeItem(item) ?? []);
}

/** The item of a roster push; undefined when the iq is none, or does not hold exactly one item (§2.1.6). */
export function decodeRosterPush(iq: Element): RosterItem | undefined {
  const query = decodeRequest(iq, "set", "query", ROSTER);
  const [item, ...more] = query?.getChildren("item", ROSTER) ?? [];
  return item && more.length === 0 ? decodeItem(item) : undefined;
}

/** Whether the iq is meant as a roster push, well-formed or not, whoever sent it. */
export function isRosterPush(iq: Element): boolean {
  return decodeRequest(iq, "set", "query", ROSTER) !== undefined;
}

function decodeItem(item: Element): RosterItem | undefined {
  const jid = bareJid(attribute(item, "jid") ?? "");
  if (!jid) return undefined;
  const groups = item.getChildren("group", ROSTER).map((group) => group.getText());
  return {
    jid,
    name: attribute(item, "name"),
    subscription: decodeSubscription(attribute(item, "subscription")),
    asked: attribute(item, "ask") === "subscribe",
    groups,
  };
}

function decodeSubscription(text: string | undefined): RosterItem["subscription"] {
  return text === "to" || text === "from" || text === "both" || text === "remove" ? text : "none";
}
