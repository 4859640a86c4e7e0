import { expect, test } from "vitest";
import { ROOM_TRANSITIONS, type RoomState, type RoomTrigger, move } from "./room-states.ts";

const TRIGGERS: RoomTrigger[] = [
  "enter",
  "confirmed",
  "dropped",
  "denied",
  "disconnected",
  "leave",
  "forget",
];

test.each<[RoomState, string]>([
  ["joining", "joining joined lost refused lost leaving forgotten"],
  ["joined", "- - lost refused lost leaving -"],
  ["leaving", "joining - - - forgotten - forgotten"],
  ["lost", "joining - - refused - - forgotten"],
  ["refused", "joining - - refused - - forgotten"],
])("from %s: %s", (state, expected) => {
  const seen = TRIGGERS.map((trigger) => {
    const room = { state };
    return move(room, trigger) ? room.state : "-";
  });
  expect(seen.join(" ")).toBe(expected);
  expect(Object.keys(ROOM_TRANSITIONS[state]).every((key) => TRIGGERS.includes(key as never))).toBe(
    true,
  );
});

test("a forgotten room stays so", () => {
  for (const trigger of TRIGGERS) expect(move({ state: "forgotten" }, trigger)).toBe(false);
});
