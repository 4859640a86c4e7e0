import { describe, expect, it } from "vitest";
import { OUTCOMES, connectionError } from "../../client/conditions.ts";
import { XmppStanzaError } from "../../errors.ts";
import { describeFailure, describeRefusal } from "./words.ts";

/** What is advised where nobody knows anything better. */
const [, USUAL] = describeFailure(new Error("x"));
const SENTENCE = /^[A-Z`].*[^.]\.$/;

describe("a failed connection or login", () => {
  it.each(Object.keys(OUTCOMES))(
    "%s: what is wrong, and what to do about just that",
    (condition) => {
      const error = connectionError(condition, `the server at fault (${condition})`);
      const [wrong, advice] = describeFailure(error);
      expect(wrong).toBe(`The server at fault (${condition}).`);
      expect(advice).toMatch(SENTENCE);
      expect(advice).not.toBe(USUAL);
    },
  );

  it("of a kind that nobody knows is told in its own words, on one line", () => {
    const [wrong, advice] = describeFailure(connectionError("x", "so it\u001b[31m\nis"));
    expect(wrong).toBe("So it [31m is.");
    expect(advice).toBe(USUAL);
    expect(USUAL).toMatch(SENTENCE);
  });

  it("that took too long is told as silence", () => {
    const late = new DOMException("x", "TimeoutError");
    expect(describeFailure(late)).toEqual([
      "It took too long.",
      describeFailure(connectionError("timeout", "x"))[1],
    ]);
  });
});

describe("a refused registration", () => {
  it.each([
    ["conflict", /taken already/],
    ["not-acceptable", /does not accept the answers/],
    ["bad-request", /does not accept the answers/],
    ["not-allowed", /makes no accounts this way/],
    ["forbidden", /makes no accounts this way/],
    ["service-unavailable", /makes no accounts this way/],
    ["resource-constraint", /no more accounts for this machine now/],
    ["policy-violation", /no more accounts for this machine now/],
  ])("%s: what is wrong, with the server's own words, and what to do", (condition, expected) => {
    const error = new XmppStanzaError("cancel", condition, "because\nof it");
    const [wrong, advice] = describeRefusal(error, "bot@example.com");
    expect(wrong).toMatch(expected);
    expect(wrong).toContain("(because of it).");
    expect(advice).toMatch(SENTENCE);
    expect(advice).not.toBe(USUAL);
  });

  it("of another kind is named, and a lost connection is told as one", () => {
    const jid = "bot@example.com";
    expect(describeRefusal(new XmppStanzaError("wait", "gone"), jid)[0]).toContain("gone");
    const lost = connectionError("network", "the connection was lost");
    expect(describeRefusal(lost, jid)).toEqual(describeFailure(lost));
  });
});
