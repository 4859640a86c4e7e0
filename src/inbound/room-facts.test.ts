import { describe, expect, it } from "vitest";
import type { Occupant } from "../client/rooms.ts";
import { describePresent } from "./room-facts.ts";

const present = (...nicks: string[]) =>
  describePresent(nicks.map((nick) => ({ nick }) as Occupant));
const crowd = (count: number, nick: (n: number) => string) =>
  present(...Array.from({ length: count }, (_, n) => nick(n)));

/** The host cuts the list at 2,000 characters. */
const LIMIT = 2_000;

describe("who is present", () => {
  it("is named", () => {
    expect(present("bot", "Alice", "bob")).toBe("bot, Alice, bob");
    expect(present()).toBe("");
  });

  it.each<[number, (n: number) => string, RegExp]>([
    [5_000, (n) => `n${n}`, /^n0, n1, .*, n49 and 4950 more$/],
    [51, (n) => `n${n}`, /, n49 and 1 more$/],
    [50, (n) => `n${n}`, /, n49$/],
    [5_000, () => "x".repeat(1023), /^x{60}…, .* and 49\d\d more$/],
    [5_000, () => "\u{1F916}".repeat(255), /… and 49\d\d more$/u],
  ])("of %i is named in part, and the others are counted", (count, nick, expected) => {
    const text = crowd(count, nick);
    expect(text).toMatch(expected);
    expect(text.length).toBeLessThan(LIMIT);
  });

  it.each(["x", ""])("is cut between characters, after %j", (before) => {
    const text = crowd(5_000, () => before + "\u{1F916}".repeat(255));
    expect(text.isWellFormed()).toBe(true);
  });
});
