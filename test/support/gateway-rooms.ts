/** What a Gateway says of the rooms of its accounts. */
import type { Gateway } from "./gateway.ts";
import { waitFor } from "./wait.ts";

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
