import { expect, it } from "vitest";
import { createSentIds } from "./sent-ids.ts";

it("knows what was sent lately, and only so much", () => {
  const sent = createSentIds();
  for (let id = 0; id < 1500; id++) sent.add(`id-${id}`);
  expect(sent.has("id-1499")).toBe(true);
  expect(sent.has("id-500")).toBe(true);
  expect(sent.has("id-499")).toBe(false);
  expect(sent.has("forged")).toBe(false);
});
