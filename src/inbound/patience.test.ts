import { expect, it } from "vitest";
import { createFakeLog } from "../../test/support/fake-session.ts";
import { XmppNotSentError, XmppUnconfirmedError } from "../errors.ts";
import { withPatience } from "./patience.ts";

/** Work that fails with each of `errors`, then succeeds; counts how often it was asked. */
function work(...errors: Error[]) {
  const state = { asked: 0 };
  const run = async () => {
    const error = errors[state.asked];
    state.asked += 1;
    if (error) throw error;
  };
  return { state, run };
}

it("asks again until the host takes it", async () => {
  const { state, run } = work(new Error("busy"), new Error("busy"));
  const log = createFakeLog();
  await withPatience(run, log, [0, 0, 0]);
  expect(state.asked).toBe(3);
  expect(log.lines).toHaveLength(2);
});

it("gives up with the last error", async () => {
  const { state, run } = work(new Error("one"), new Error("two"), new Error("three"));
  await expect(withPatience(run, createFakeLog(), [0, 0])).rejects.toThrow("three");
  expect(state.asked).toBe(3);
});

it.each([new XmppNotSentError("offline"), new XmppUnconfirmedError("lost")])(
  "does not write to a person twice: %s",
  async (error) => {
    const { state, run } = work(error);
    await expect(withPatience(run, createFakeLog(), [0, 0])).rejects.toBe(error);
    expect(state.asked).toBe(1);
  },
);
