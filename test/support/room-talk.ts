/** What people say in rooms, and what an agent there makes of it; and what its Gateway says of rooms. */
import type { Gateway } from "./gateway.ts";
import { type SlixmppClient, type StanzaEvent, expectSilence } from "./slixmpp.ts";
import { waitFor } from "./wait.ts";

/** The first turn of a Gateway loads what it needs. */
const ANSWER_MS = 30_000;

/** Says it, and waits until the room has passed it on: what anybody says next comes after it. */
export async function say(
  who: SlixmppClient,
  room: string,
  body: string,
  extra = "",
): Promise<void> {
  const since = who.stanzas.length;
  const id = await who.send({ to: room, type: "groupchat", body, extra });
  await who.waitFor(({ stanzaId, type }) => stanzaId === id && type === "groupchat", { since });
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

/** Says `body` in the room and waits for `answer` from the occupant `nick` there. */
export async function askRoom(
  who: SlixmppClient,
  room: string,
  body: string,
  nick = "bot",
): Promise<StanzaEvent> {
  // An earlier answer, which others may have seen already, is none to this question.
  await who.ping();
  const since = who.stanzas.length;
  await say(who, room, body);
  return await who.waitForBody(`${room}/${nick}`, { since, timeoutMs: ANSWER_MS });
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

/** A room as the running account tells it. */
export interface RoomFacts {
  readonly room: string;
  readonly state: string;
  readonly nick: string;
  readonly reason?: string;
  readonly name?: string;
  readonly retry?: string;
  readonly retryAt?: number;
  readonly alternate?: string;
  readonly joinedAt?: number;
  readonly occupantCount: number;
}

/** The rooms of an account, by the Gateway's `xmpp.rooms`. */
export async function roomsOf(gateway: Gateway, account: string): Promise<readonly RoomFacts[]> {
  const { rooms } = (await gateway.call("xmpp.rooms", { account })) as { rooms: RoomFacts[] };
  return rooms;
}

/** Waits until the account's word about a room is as wanted. */
export async function untilRoom(
  gateway: Gateway,
  account: string,
  room: string,
  holds: (facts: RoomFacts) => boolean,
  timeoutMs?: number,
): Promise<RoomFacts> {
  let rooms: readonly RoomFacts[] = [];
  const look = async (): Promise<RoomFacts | undefined> => {
    rooms = await roomsOf(gateway, account);
    const found = rooms.find((facts) => facts.room === room);
    return found && holds(found) ? found : undefined;
  };
  return await waitFor(look, {
    what: `${account} in ${room}: ${holds}`,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    evidence: () => `${JSON.stringify(rooms, null, 1)}\n${gateway.log().slice(-4_000)}`,
  });
}

export const isJoined = ({ state }: RoomFacts): boolean => state === "joined";

/** Waits until the account neither is in the room nor wants to be. */
export async function untilForgotten(
  gateway: Gateway,
  account: string,
  room: string,
): Promise<void> {
  const isGone = async () =>
    !(await roomsOf(gateway, account)).some((facts) => facts.room === room);
  await waitFor(isGone, { what: `${account} to forget ${room}`, evidence: () => gateway.log() });
}
