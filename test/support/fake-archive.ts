import { parse, type Element } from "ltx";
import { XmppStanzaError } from "../../src/errors.ts";
import type { XmppSession } from "../../src/client/types.ts";
import type { FakeSession } from "./fake-session.ts";

export type FakeItem = { id: string; stamp: string; xml: string };

export type FakeArchive = {
  items: FakeItem[];
  /** Pages are never larger, whatever is asked for. */
  limit: number;
  /** Sent right before the results of each query, with QUERYID replaced: what others forge. */
  forgeries: string[];
  /** Changes the answer to a query, or throws. */
  tamper?:
    | ((results: string[], fin: string, count: number) => { results: string[]; fin: string })
    | undefined;
  /** The queries, as XML, in order. */
  queries: string[];
  /** Resolves before each answer. */
  hold?: (() => Promise<void>) | undefined;
};

const MAM = "urn:xmpp:mam:2";

/** An archive (XEP-0313) that answers the requests of `session`; `of` is a room, or undefined for the account. */
export function addFakeArchive(session: FakeSession, items: FakeItem[], of?: string): FakeArchive {
  const archive: FakeArchive = { items, limit: 100, forgeries: [], queries: [] };
  const request: XmppSession["request"] = session.request.bind(session);
  session.request = async (iq, options) => {
    const query = iq.getChild("query", MAM);
    const to = iq.attrs["to"] as string | undefined;
    if (!query || to !== of) return await request(iq, options);
    archive.queries.push(query.toString());
    await archive.hold?.();
    options?.signal?.throwIfAborted();
    const queryId = query.attrs["queryid"] as string;
    for (const forged of archive.forgeries) session.receive(forged.replaceAll("QUERYID", queryId));
    const { page, isComplete } = select(archive, query);
    const from = of === undefined ? "" : ` from='${of}'`;
    let results = page.map(
      ({ id, stamp, xml }) =>
        `<message${from} to='bot@example/openclaw'><result xmlns='${MAM}' queryid='${queryId}' id='${id}'>` +
        `<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='${stamp}'/>${xml}</forwarded></result></message>`,
    );
    const edges =
      page.length > 0 ? `<first>${page[0]?.id}</first><last>${page.at(-1)?.id}</last>` : "";
    let fin = `<iq type='result'><fin xmlns='${MAM}' complete='${isComplete}'><set xmlns='http://jabber.org/protocol/rsm'>${edges}</set></fin></iq>`;
    if (archive.tamper) ({ results, fin } = archive.tamper(results, fin, archive.queries.length));
    for (const result of results) session.receive(result);
    return parse(fin);
  };
  return archive;
}

function select({ items, limit }: FakeArchive, query: Element) {
  const set = query.getChild("set");
  const text = (name: string) => set?.getChild(name)?.getText();
  const field = (name: string) =>
    query
      .getChild("x")
      ?.getChildren("field")
      .find((each) => each.attrs["var"] === name)
      ?.getChildText("value");
  const at = (id: string) => {
    const index = items.findIndex((item) => item.id === id);
    if (index < 0) throw new XmppStanzaError("cancel", "item-not-found");
    return index;
  };
  const start = field("start");
  const end = field("end");
  const after = text("after");
  const before = text("before");
  const matching = items
    .slice(after ? at(after) + 1 : 0, before ? at(before) : undefined)
    .filter(
      ({ stamp }) =>
        (!start || new Date(stamp) >= new Date(start)) &&
        (!end || new Date(stamp) <= new Date(end)),
    );
  const max = Math.min(Number(text("max")), limit);
  const page = before === undefined ? matching.slice(0, max) : matching.slice(-max);
  return { page, isComplete: page.length === matching.length };
}
