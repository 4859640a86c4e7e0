/** What a person reads in a chat, after the rules of the extensions; apart from the plugin's own code. */
import { parse, type Element } from "ltx";
import type { SlixmppClient, StanzaEvent } from "./slixmpp.ts";

const CORRECTION = "urn:xmpp:message-correct:0";
const HINTS = "urn:xmpp:hints";

export type SeenMessage = {
  id: string;
  text: string;
  /** Every text that it had, and which of them came with `no-store`. */
  versions: { text: string; isStored: boolean; to: string }[];
};

/** The messages of `from` as a client shows them that knows XEP-0308, or one that does not. */
export function view(
  stanzas: readonly StanzaEvent[],
  from: string,
  { corrects }: { corrects: boolean },
): SeenMessage[] {
  const elements = stanzas
    .filter((stanza) => stanza.event === "message" && isFrom(stanza.from, from))
    .map(({ xml }) => parse(xml));
  return viewElements(elements, corrects);
}

/** The person's archive (XEP-0313) of what `from` said to them. */
export async function viewArchive(
  person: SlixmppClient,
  from: string,
  options: { corrects: boolean; room?: string },
): Promise<SeenMessage[]> {
  const since = person.stanzas.length;
  const to = options.room ?? person.jid.slice(0, person.jid.indexOf("/"));
  await person.iq(to, "set", "<query xmlns='urn:xmpp:mam:2'/>");
  const elements = person.stanzas.slice(since).flatMap(({ xml }) => {
    const message = parse(xml)
      .getChild("result", "urn:xmpp:mam:2")
      ?.getChild("forwarded", "urn:xmpp:forward:0")
      ?.getChild("message", "jabber:client");
    return message && isFrom(String(message.attrs["from"]), from) ? [message] : [];
  });
  return viewElements(elements, options.corrects);
}

function isFrom(jid: string, from: string): boolean {
  return jid === from || jid.startsWith(`${from}/`);
}

function viewElements(elements: readonly Element[], corrects: boolean): SeenMessage[] {
  const seen: SeenMessage[] = [];
  for (const element of elements) {
    const text = element.getChildText("body");
    if (text === null || element.attrs["type"] === "error") continue;
    const id = String(element.attrs["id"]);
    const isStored = element.getChild("no-store", HINTS) === undefined;
    const version = { text, isStored, to: String(element.attrs["to"]) };
    const replaced = element.getChild("replace", CORRECTION)?.attrs["id"] as string | undefined;
    const original = corrects ? seen.find((message) => message.id === replaced) : undefined;
    if (original) {
      original.text = text;
      original.versions.push(version);
    } else seen.push({ id, text, versions: [version] });
  }
  return seen;
}
