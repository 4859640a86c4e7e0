import { describe, expect, it } from "vitest";
import {
  DECISIONS,
  decisionOfSigns,
  decisionOfWords,
  readApproveCommand,
} from "./approval-answer.ts";

const ONCE_OR_NOT = ["allow-once", "deny"] as const;

describe("a reaction", () => {
  it.each([
    [["👍"], "allow-once"],
    [["👍🏽"], "allow-once"],
    [["👎🏿"], "deny"],
    [["♾"], "allow-always"],
    [["♾️"], "allow-always"],
    [["👍", "👀"], "allow-once"],
    [["👍", "👎"], undefined],
    [["👀"], undefined],
    [["yes"], undefined],
    [[], undefined],
  ])("%j says %s", (signs, decision) => {
    expect(decisionOfSigns(signs, DECISIONS)).toBe(decision);
  });

  it("says nothing where that is not offered, nor what contradicts it", () => {
    expect(decisionOfSigns(["♾️"], ONCE_OR_NOT)).toBeUndefined();
    expect(decisionOfSigns(["♾️", "👍"], ONCE_OR_NOT)).toBeUndefined();
  });
});

describe("a reply", () => {
  it.each([
    ["yes", "allow-once"],
    ["Allow once.", "allow-once"],
    ["allow-once", "allow-once"],
    ["👍", "allow-once"],
    ["ALWAYS!", "allow-always"],
    ["no", "deny"],
    ["deny", "deny"],
    ["yes, if you must", undefined],
    ["what is it for?", undefined],
    ["", undefined],
  ])("%j says %s", (text, decision) => {
    expect(decisionOfWords(text, DECISIONS)).toBe(decision);
  });

  it("is short, or none; whatever it is made of, it is read at once", () => {
    const long = `yes${"!".repeat(1_000_000)}x`;
    const since = performance.now();
    expect(decisionOfWords(long, DECISIONS)).toBeUndefined();
    expect(readApproveCommand(`/approve ${long} ${long}`)).toBeUndefined();
    expect(performance.now() - since).toBeLessThan(1_000);
  });

  it("tells what is not offered from what is no answer", () => {
    expect(decisionOfWords("always", ONCE_OR_NOT)).toBe("unavailable");
  });
});

it.each([
  ["/approve 1a-2b allow-once", { approvalId: "1a-2b", decision: "allow-once" }],
  ["/approve deny plugin:7", { approvalId: "plugin:7", decision: "deny" }],
  ["/APPROVE 1a always", { approvalId: "1a", decision: "always" }],
  ["/approve 1a", undefined],
  ["/approve 1a allow once", undefined],
  ["please /approve 1a deny", undefined],
  ["/approved 1a deny", undefined],
])("%j is read as %j", (text, read) => {
  expect(readApproveCommand(text)).toEqual(read);
});
