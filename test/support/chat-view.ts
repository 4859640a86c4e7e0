/** What a person reads in a chat, after the rules of the extensions; apart from the plugin's own code. */
import { parse, type Element } from "ltx";
import type { SlixmppClient, StanzaEvent } from "./slixmpp.ts";

const CORRECTION = "urn:xmpp:message-correct:0";
const HINTS = "urn:xmpp:hints";
const MAM = "urn:xmpp:mam:2";

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
  const to = options.room ?? person.jid.slice(0, person.jid.indexOf("/"));
  const elements: Element[] = [];
  // A page holds what the server thinks fit, Prosody's 50.
  for (let after: string | undefined = ""; after !== undefined;) {
    const since = person.stanzas.length;
    const page = `<set xmlns='http://jabber.org/protocol/rsm'><after>${after}</after></set>`;
    await person.iq(to, "set", `<query xmlns='${MAM}'>${after && page}</query>`);
    const results = person.stanzas.slice(since).flatMap(({ xml }) => {
      const result = parse(xml).getChild("result", MAM);
      return result ? [result] : [];
    });
    elements.push(...results.flatMap((result) => forwardedFrom(result, from)));
    after = results.at(-1)?.attrs["id"] as string | undefined;
  }
  return viewElements(elements, options.corrects);
}

function forwardedFrom(result: Element, from: string): Element[] {
  const message = result
    .getChild("forwarded", "urn:xmpp:forward:0")
    ?.getChild("message", "jabber:client");
  return message && isFrom(String(message.attrs["from"]), from) ? [message] : [];
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
