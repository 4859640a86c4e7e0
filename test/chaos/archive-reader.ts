/** Reads an archive (XEP-0313) page by page, by an independent client. */
import { parse, type Element } from "ltx";

import type { SlixmppClient } from "../support/slixmpp.ts";

const MAM = "urn:xmpp:mam:2";
const RSM = "http://jabber.org/protocol/rsm";

export interface ArchivedMessage {
  /** The archive's id. */
  readonly id: string;
  readonly stamp: string;
  /** Bare JID, in a room with the nick. */
  readonly from: string;
  readonly to: string;
  readonly type: string;
  /** The `id` that its sender gave to the stanza. */
  readonly stanzaId: string;
  /** What its sender says, without what is quoted. */
  readonly body: string;
}

export interface ArchiveReader {
  /** Everything read so far, oldest first. */
  readonly messages: readonly ArchivedMessage[];
  /** Reads what has come since the last time. @throws when the client or the server does not answer */
  read(): Promise<readonly ArchivedMessage[]>;
}

/** @param of the archive's address: a room, or undefined for the client's own */
export function createArchiveReader(
  client: Pick<SlixmppClient, "iq" | "stanzas">,
  of?: string,
): ArchiveReader {
  const messages: ArchivedMessage[] = [];
  let queries = 0;

  const readPage = async (): Promise<boolean> => {
    const queryId = `chaos-${++queries}`;
    const since = client.stanzas.length;
    const last = messages.at(-1)?.id;
    const after = last === undefined ? "" : `<after>${last}</after>`;
    const rsm = `<set xmlns='${RSM}'><max>200</max>${after}</set>`;
    const answer = await client.iq(
      of ?? "",
      "set",
      `<query xmlns='${MAM}' queryid='${queryId}'>${rsm}</query>`,
    );
    if (answer.type !== "result") throw new Error(`the archive refused: ${answer.xml}`);
    for (const { event, xml } of client.stanzas.slice(since)) {
      if (event !== "message" || !xml.includes(queryId)) continue;
      const message = decode(parse(xml), queryId);
      if (message !== undefined) messages.push(message);
    }
    return /complete=['"]true['"]/.test(answer.xml);
  };
  let reading: Promise<unknown> = Promise.resolve();
  return {
    messages,
    async read() {
      const mine = reading.then(async () => {
        while (!(await readPage())) {
          // The next page.
        }
      });
      reading = mine.catch(() => {});
      await mine;
      return messages;
    },
  };
}

function decode(stanza: Element, queryId: string): ArchivedMessage | undefined {
  const result = stanza.getChild("result", MAM);
  if (result?.attrs["queryid"] !== queryId) return undefined;
  const forwarded = result.getChild("forwarded", "urn:xmpp:forward:0");
  const message = forwarded?.getChild("message");
  if (message === undefined) return undefined;
  const bareOf = (jid: unknown): string => String(jid ?? "").replace(/\/.*$/, "");
  const type = String(message.attrs["type"] ?? "normal");
  const from = String(message.attrs["from"] ?? "");
  return {
    id: String(result.attrs["id"]),
    stamp: String(forwarded?.getChild("delay")?.attrs["stamp"] ?? ""),
    from: type === "groupchat" ? from : bareOf(from),
    to: bareOf(message.attrs["to"]),
    type,
    stanzaId: String(message.attrs["id"] ?? ""),
    body: ownWords(message),
  };
}

/** The body, without what it quotes for clients that know no replies (XEP-0461 §3.1, XEP-0428). */
function ownWords(message: Element): string {
  const body = message.getChildText("body") ?? "";
  const quote = message
    .getChildren("fallback", "urn:xmpp:fallback:0")
    .find(({ attrs }) => attrs["for"] === "urn:xmpp:reply:0")
    ?.getChild("body")?.attrs;
  if (!quote) return body;
  const characters = [...body];
  const begin = Number(quote["start"] ?? 0);
  characters.splice(begin, Number(quote["end"] ?? characters.length) - begin);
  return characters.join("");
}
