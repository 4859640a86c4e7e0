import { expect, it } from "vitest";
import { decideSelfPing } from "./xep-0410-self-ping.ts";

it.each([
  ["service-unavailable", "joined"],
  ["feature-not-implemented", "joined"],
  ["item-not-found", "joined"],
  ["remote-server-not-found", "unknown"],
  ["remote-server-timeout", "unknown"],
  ["not-acceptable", "not-joined"],
  ["not-allowed", "not-joined"],
  ["bad-request", "not-joined"],
  ["undefined-condition", "not-joined"],
  ["constructor", "not-joined"],
])("%s means %s", (condition, verdict) => {
  expect(decideSelfPing({ type: "cancel", condition })).toBe(verdict);
});

it("an answer means joined, silence means nothing", () => {
  expect(decideSelfPing("result")).toBe("joined");
  expect(decideSelfPing("timeout")).toBe("unknown");
});
