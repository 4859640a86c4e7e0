/**
 * The states of a room's membership, and every way from one to another.
 *
 * | state   | means                                          | leaves by |
 * |---------|------------------------------------------------|-----------|
 * | joining | waits for its turn, for self-presence, or for a new room to be configured | enter → joining, confirmed → joined, dropped → lost, denied → refused, disconnected → lost, leave → leaving, forget → forgotten |
 * | joined  | the room confirmed us                          | dropped → lost, denied → refused, disconnected → lost, leave → leaving |
 * | leaving | we said goodbye                                | enter → joining, forget → forgotten, disconnected → forgotten |
 * | lost    | tried again by itself                          | enter → joining, denied → refused, forget → forgotten |
 * | refused | tried again at the next login, or not at all   | enter → joining, denied → refused, forget → forgotten |
 *
 * An event that a state does not list changes nothing.
 */

export type RoomState = "joining" | "joined" | "leaving" | "lost" | "refused";

export type RoomTrigger =
  /** It is wanted: by `join`, by a login, or because the time for another attempt has come. */
  | "enter"
  /** Self-presence arrived (status 110), and a new room is configured as it has to be. */
  | "confirmed"
  /** We are out, and try again by ourselves (room-outcomes.ts). */
  | "dropped"
  /** We are out, and trying again is of no use as things are (room-outcomes.ts). */
  | "denied"
  /** The stream ended, and is not to be resumed (XEP-0198 §5): we are in no room any more. */
  | "disconnected"
  /** We say goodbye. */
  | "leave"
  /** The goodbye was answered or is overdue, or there is nobody to tell. */
  | "forget";

export const ROOM_TRANSITIONS: Readonly<
  Record<RoomState, Readonly<Partial<Record<RoomTrigger, RoomState | "forgotten">>>>
> = {
  joining: {
    enter: "joining",
    confirmed: "joined",
    dropped: "lost",
    denied: "refused",
    disconnected: "lost",
    leave: "leaving",
    forget: "forgotten",
  },
  joined: { dropped: "lost", denied: "refused", disconnected: "lost", leave: "leaving" },
  leaving: { enter: "joining", forget: "forgotten", disconnected: "forgotten" },
  lost: { enter: "joining", denied: "refused", forget: "forgotten" },
  refused: { enter: "joining", denied: "refused", forget: "forgotten" },
};

/** @returns whether the state lists the trigger, and is now another */
export function move(room: { state: RoomState | "forgotten" }, trigger: RoomTrigger): boolean {
  const next = room.state === "forgotten" ? undefined : ROOM_TRANSITIONS[room.state][trigger];
  if (next === undefined) return false;
  room.state = next;
  return true;
}
