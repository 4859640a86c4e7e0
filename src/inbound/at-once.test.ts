import { afterEach, describe, expect, it } from "vitest";
import { body, createRoadIn, message, type RoadInOptions } from "../../test/support/road-in.ts";
import { waitFor } from "../../test/support/wait.ts";
import { isAnsweredByHost } from "./at-once.ts";

describe("what the host answers by itself", () => {
  it.each([
    ["/status"],
    ["/HELP"],
    [" /whoami "],
    ["/id"],
    ["/approve 1f2e allow-once"],
    ["/btw what does it do?"],
    ["/side what does it do?"],
    ["/models openai"],
    ["/subagents log 1"],
    ["/new"],
    ["/restart"],
    ["/goal pause"],
    ["/acp cancel"],
    ["/skill"],
  ])("%s", (text) => expect(isAnsweredByHost(text)).toBe(true));

  it.each([
    ["/skill weather Paris"],
    ["/think high tell me of Paris"],
    ["/think high"],
    ["/t"],
    ["/model"],
    ["/verbose on and tell me of Paris"],
    ["/status and tell me of Paris"],
    ["/help\ntell me of Paris"],
    ["/approve 1f2e allow-once\ntell me of Paris"],
    ["/new tell me of Paris"],
    ["/reset soft tell me of Paris"],
    ["/steer tell me of Paris"],
    ["/tell Paris"],
    ["/goal start Paris"],
    ["/goal resume"],
    ["/acp steer Paris"],
    ["/loop 5m Paris"],
    ["/learn Paris"],
    ["/dashboard"],
    ["/compact"],
    ["/weather Paris"],
    ["/statuses"],
    ["hey /status"],
    ["status"],
    ["/"],
    [""],
  ])("not %j", (text) => expect(isAnsweredByHost(text)).toBe(false));
});

type Dispatch = Parameters<NonNullable<RoadInOptions["dispatch"]>>[0];
const roads: ReturnType<typeof createRoadIn>[] = [];
afterEach(async () => {
  for (const road of roads.splice(0)) await road.receiver.stop();
});

/** Alice's turn runs in the session that she shares with Bob, whose chat is another place. */
async function duringAlicesTurn({ commands = {} } = {}) {
  const asked: string[] = [];
  const hers = Promise.withResolvers<void>();
  const road = createRoadIn({
    keys: { dmPolicy: "allowlist", allowFrom: ["alice@example", "bob@example"] },
    cfg: { session: { dmScope: "main" }, commands },
    dispatch: async ({ ctxPayload, replyOptions }: Dispatch) => {
      asked.push(ctxPayload.message.rawBody);
      await replyOptions.turnAdoptionLifecycle.onAdopted();
      if (asked.length === 1) await hers.promise;
    },
  });
  roads.push(road);
  const say = (text: string, from: string) => road.session.receive(message(from, body(text)));
  await say("what is my salary?", "alice@example/a");
  await waitFor(() => asked.length === 1, { what: "Alice's turn" });
  return { asked, say, end: () => hers.resolve() };
}

describe("in a session of two", () => {
  it.each(["/skill weather Paris", "/think high tell me of Paris", "/steer tell me too", "hello"])(
    "%s of the one does not join the other's turn",
    async (text) => {
      const { asked, say, end } = await duringAlicesTurn();
      await say(text, "bob@example/b");
      // Comes after it, and is taken up after it.
      await say("/status", "alice@example/a");
      await waitFor(() => asked.includes("/status"), { what: "her command" });
      expect(asked).not.toContain(text);
      end();
      await waitFor(() => asked.includes(text), { what: "his turn" });
    },
  );

  it.each(["/status", "/approve 1f2e allow-once", "/stop", "stop"])(
    "%s of the one does not wait for the other's turn",
    async (text) => {
      const { asked, say, end } = await duringAlicesTurn();
      await say(text, "bob@example/b");
      await waitFor(() => asked.includes(text), { what: "his command" });
      expect(asked).toEqual(["what is my salary?", text]);
      end();
    },
  );

  it("“halt” of one whom the host obeys does not wait", async () => {
    const commands = { ownerAllowFrom: ["bob@example"] };
    const { asked, say, end } = await duringAlicesTurn({ commands });
    await say("halt", "bob@example/b");
    await waitFor(() => asked.includes("halt"), { what: "his word" });
    expect(asked).toEqual(["what is my salary?", "halt"]);
    end();
  });

  it("“halt” of one whom the host does not obey is a word to the agent, and waits", async () => {
    const commands = { ownerAllowFrom: ["alice@example"] };
    const { asked, say, end } = await duringAlicesTurn({ commands });
    await say("halt", "bob@example/b");
    await say("/status", "alice@example/a");
    await waitFor(() => asked.includes("/status"), { what: "her command" });
    expect(asked).not.toContain("halt");
    end();
    await waitFor(() => asked.includes("halt"), { what: "his turn" });
  });
});
