/** What people do in rooms with an agent in them, and how to tell whether it answered. */
import { expect } from "vitest";
import { type SlixmppClient, type StanzaEvent, expectSilence } from "./slixmpp.ts";
import type { ModelRequest, StubModel } from "./stub-model.ts";

/** The first turn of a Gateway loads what it needs. */
export const ANSWER_MS = 30_000;

/** The mark of a private message through a room (XEP-0045 §7.5). */
const PRIVATE = "<x xmlns='http://jabber.org/protocol/muc#user'/>";

/**
 * Says it, and waits until the room has passed it on: what anybody says next comes after it.
 * @returns the message as the room passed it on
 */
export async function say(
  who: SlixmppClient,
  room: string,
  body: string,
  extra = "",
): Promise<StanzaEvent> {
  const since = who.stanzas.length;
  const id = await who.send({ to: room, type: "groupchat", body, extra });
  return await who.waitFor(({ stanzaId, type }) => stanzaId === id && type === "groupchat", {
    since,
  });
}

/** Makes `change` and waits until `watcher` was told that `occupant` came, or is gone. */
export async function untilSeen(
  watcher: SlixmppClient,
  occupant: string,
  how: "here" | "gone",
  change: () => Promise<unknown>,
): Promise<void> {
  const since = watcher.stanzas.length;
  await change();
  const wanted = how === "here" ? "" : "unavailable";
  await watcher.waitFor(
    ({ event, type, from }) => event === "presence" && type === wanted && from === occupant,
    { since },
  );
}

/** Says `body` in the room and waits for an answer from the occupant `nick` there. */
export async function ask(
  who: SlixmppClient,
  room: string,
  body: string,
  nick = "bot",
  extra = "",
): Promise<StanzaEvent> {
  // An earlier answer, which others may have seen already, is none to this question.
  await who.ping();
  const since = who.stanzas.length;
  await say(who, room, body, extra);
  return await who.waitForBody(`${room}/${nick}`, { since, timeoutMs: ANSWER_MS });
}

/** Says something to one occupant privately. */
export async function whisper(
  who: SlixmppClient,
  room: string,
  nick: string,
  body: string,
): Promise<string> {
  return await who.send({ to: `${room}/${nick}`, body, extra: PRIVATE });
}

/** Asks privately, through the room, what the agent answers privately. */
export async function askPrivately(
  who: SlixmppClient,
  room: string,
  nick: string,
  body: string,
): Promise<StanzaEvent> {
  const since = who.stanzas.length;
  await whisper(who, room, nick, body);
  return await who.waitFor(isPrivate(`${room}/${nick}`), { since, timeoutMs: ANSWER_MS });
}

/** A message with text that came privately from this occupant. */
export const isPrivate =
  (from: string) =>
  ({ event, type, body, from: sender }: StanzaEvent): boolean =>
    event === "message" && type === "chat" && body !== undefined && sender === from;

/** A message with text from this JID, or from one of its occupants or resources. */
export const isFrom =
  (from: string) =>
  ({ event, body, from: sender }: StanzaEvent): boolean =>
    event === "message" && body !== undefined && (sender === from || sender.startsWith(`${from}/`));

/** The id that the room gave to a message (XEP-0359), as the room passed it on. */
export function stanzaIdOf({ xml, from }: StanzaEvent): string {
  const room = from.split("/")[0] ?? "";
  const element = [...xml.matchAll(/<(?:\w+:)?stanza-id[^>]*>/g)].find(([text]) =>
    text.includes(`by="${room}"`),
  );
  const id = /\sid="([^"]+)"/.exec(element?.[0] ?? "")?.[1];
  if (!id) throw new Error(`${room} gave no id to: ${xml}`);
  return id;
}

/** Everything of a request that the model reads. */
export const everything = ({ body }: ModelRequest): string => JSON.stringify(body);

/** What was asked last. @throws when nothing was */
export function lastRequest({ requests }: StubModel): ModelRequest {
  const request = requests.at(-1);
  if (!request) throw new Error("the model was not asked anything");
  return request;
}

/** A text that nobody says. */
const NOTHING = "\u{1F92B} nobody said this";

/**
 * `who` hears nothing from `from`, and the model is asked nothing but the marker. Nor does it get
 * `unseen` beside the marker: the host hands a message that comes during a turn to that turn.
 */
export async function expectNoAnswer(
  { requests }: StubModel,
  who: SlixmppClient,
  from: string,
  provoke: () => Promise<unknown>,
  marker: (text: string) => Promise<unknown>,
  unseen = NOTHING,
): Promise<void> {
  await who.ping();
  const since = who.stanzas.length;
  const questions = requests.length;
  await provoke();
  let markerText = "";
  await expectSilence({
    client: who,
    since,
    breaks: (stanza) => isFrom(from)(stanza) && !stanza.body?.includes(markerText),
    marker: (text) => {
      markerText = text;
      return marker(text);
    },
  });
  const asked = requests.slice(questions);
  expect(asked.map(({ userText }) => userText)).toEqual([expect.stringContaining(markerText)]);
  expect(asked.map(everything).join()).not.toContain(unseen);
}

/**
 * `who` says `body` in the room, and `nick` there does not answer it: `marker`, asked afterwards by
 * somebody who is answered, is answered first.
 */
export async function expectIgnored(
  who: SlixmppClient,
  room: string,
  body: string,
  marker: (text: string) => Promise<unknown>,
  nick = "bot",
): Promise<void> {
  await who.ping();
  const since = who.stanzas.length;
  let markerText = "";
  await say(who, room, body);
  await expectSilence({
    client: who,
    since,
    breaks: (stanza) =>
      stanza.from === `${room}/${nick}` &&
      stanza.event === "message" &&
      stanza.body !== undefined &&
      !stanza.body.includes(markerText),
    marker: async (text) => {
      markerText = text;
      await marker(text);
    },
  });
}
