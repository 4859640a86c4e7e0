/**
 * XEP-0313 Message Archive Management 1.1.3, https://xmpp.org/extensions/xep-0313.html
 * Only urn:xmpp:mam:2: in mam:0 and mam:1 a stanza-id need not be the archive's (§3.1).
 */
import { Element } from "ltx";
import { attribute, isTrue, onlyChild } from "./element.ts";
import type { BareJid } from "./jid.ts";
import { encodeForm } from "./xep-0004-forms.ts";
import { encodePageRequest, decodePage, type Page, type PageRequest } from "./xep-0059-rsm.ts";
import { decodeForwarded, type Forwarded } from "./xep-0297-forwarding.ts";

export const ARCHIVE = "urn:xmpp:mam:2";

export type ArchiveFilter = {
  /** Of the account's archive: messages from or to this JID (§4.1.1). */
  with?: BareJid | undefined;
  /** Both inclusive (§4.1.2). */
  start?: Date | undefined;
  end?: Date | undefined;
};

/** One message as its archive tells it. Ask `from` of the stanza and `queryId` before believing it (§10). */
export type ArchiveResult = Forwarded & { queryId: string | undefined; id: string };

/** The end of the results of one query. */
export type ArchiveFin = {
  /** Nothing that matches follows in the direction of paging (§4.3.2). */
  isComplete: boolean;
  page: Page;
};

/** The payload of the request of type "set" to the archive. */
export function encodeArchiveQuery(
  queryId: string,
  filter: ArchiveFilter,
  page: PageRequest,
): Element {
  const query = new Element("query", { xmlns: ARCHIVE, queryid: queryId });
  const fields = [
    { name: "with", values: filter.with === undefined ? [] : [filter.with] },
    { name: "start", values: filter.start ? [filter.start.toISOString()] : [] },
    { name: "end", values: filter.end ? [filter.end.toISOString()] : [] },
  ].filter(({ values }) => values.length > 0);
  if (fields.length > 0) query.append(encodeForm("submit", { formType: ARCHIVE, fields }));
  query.append(encodePageRequest(page));
  return query;
}

/** The one result that a `<message/>` carries; undefined when it carries none, or not exactly one. */
export function decodeArchiveResult(stanza: Element): ArchiveResult | undefined {
  if (attribute(stanza, "type") === "error") return undefined;
  const result = onlyChild(stanza, "result", ARCHIVE);
  const id = result && attribute(result, "id");
  const forwarded = result && decodeForwarded(result);
  if (!id || !forwarded) return undefined;
  return { queryId: attribute(result, "queryid"), id, ...forwarded };
}

/** What ends a query, in the result that answers it; undefined when it is none. */
export function decodeArchiveFin(iq: Element): ArchiveFin | undefined {
  const fin = onlyChild(iq, "fin", ARCHIVE);
  if (!fin) return undefined;
  return {
    isComplete: isTrue(fin, "complete"),
    page: decodePage(fin) ?? { first: undefined, last: undefined },
  };
}
