import { describe, expect, it } from "vitest";
import { inDeliveryOrder, isWhole, messageIds, placeInDelivery } from "./message-ids.ts";

const ids = (part: number, parts: number, count: number) =>
  messageIds({ deliveryId: "row", part, parts }, count);
const placesOf = (all: string[]) => all.flatMap((id) => placeInDelivery("row", id) ?? []);

it("names messages at random where the host keeps nothing", () => {
  expect(new Set([...messageIds(undefined, 2), ...messageIds(undefined, 2)]).size).toBe(4);
});

it("finds the place of each message of a delivery, and no other's", () => {
  const [, second = ""] = ids(1, 2, 3);
  expect(placeInDelivery("row", second)).toEqual({ part: 1, parts: 2, number: 1, count: 3 });
  expect(placeInDelivery("another row", second)).toBeUndefined();
  for (const id of ["", "x", `${second}0x`, `x${second}`, second.toUpperCase()]) {
    expect(placeInDelivery("row", id)).toBeUndefined();
  }
});

it("tells in which order the messages of a delivery were sent, the tenth after the second", () => {
  const all = [...ids(0, 11, 12), ...ids(10, 11, 1), ...ids(2, 11, 1)];
  const sent = [...ids(0, 11, 12), ...ids(2, 11, 1), ...ids(10, 11, 1)];
  expect(inDeliveryOrder("row", [...all.toSorted(), "another"])).toEqual(sent);
});

describe("a delivery is whole", () => {
  it.each<[string, string[], boolean]>([
    ["with its one message", ids(0, 1, 1), true],
    ["with its three messages, in any order", ids(0, 1, 3).toReversed(), true],
    ["with the messages of each part", [...ids(0, 2, 2), ...ids(1, 2, 1)], true],
    ["not with none", [], false],
    ["not without its last", ids(0, 1, 3).slice(0, 2), false],
    ["not without its first", ids(0, 1, 3).slice(1), false],
    ["not with one twice", [...ids(0, 1, 2).slice(1), ...ids(0, 1, 2).slice(1)], false],
    ["not without a part", ids(0, 2, 2), false],
    [
      "not where it was split in two ways",
      [...ids(0, 1, 2).slice(0, 1), ...ids(0, 1, 3).slice(1)],
      false,
    ],
  ])("%s", (_, all, expected) => expect(isWhole(placesOf(all))).toBe(expected));
});
