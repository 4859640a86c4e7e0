/** `/activation` in a room goes before the configuration, for the room's own session. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { patchSessionEntry, resolveStorePath } from "openclaw/plugin-sdk/session-store-runtime";
import { expect, it } from "vitest";
import { body, createRoadIn, enterRoom, message } from "../../test/support/road-in.ts";
import { ROOM, item, presence } from "../../test/support/room-xml.ts";

/** The room's session, and that of direct chats. */
const SESSIONS = [`agent:main:xmpp:group:${ROOM}`, "agent:main:xmpp:direct:alice@example"];

/** Whether the agent answers what does not mention it. */
async function answersAll(
  activation: string | undefined,
  keys: object,
  sessions: readonly string[] = SESSIONS.slice(0, 1),
): Promise<boolean> {
  const store = join(mkdtempSync(join(tmpdir(), "xmpp-sessions-")), "{agentId}", "sessions.json");
  const storePath = resolveStorePath(store, { agentId: "main" });
  for (const sessionKey of activation === undefined ? [] : sessions) {
    await patchSessionEntry({
      storePath,
      sessionKey,
      fallbackEntry: { sessionId: "s", updatedAt: Date.now() },
      update: () => ({ groupActivation: activation as "mention" | "always" }),
    });
  }
  const road = createRoadIn({
    keys: { groupPolicy: "open", ...keys },
    cfg: { session: { store, dmScope: "per-channel-peer" } },
  });
  enterRoom(road);
  road.session.receive(presence("alice", item("alice@example/x")));
  road.session.receive(message(`${ROOM}/alice`, body("hi all"), "groupchat"));
  await road.receiver.idle();
  expect(road.errors).toEqual([]);
  expect(road.log.lines.filter((line) => line.startsWith("warn"))).toEqual([]);
  return road.turns.length > 0;
}

const room = (requireMention: boolean) => ({ mucRooms: { [ROOM]: { requireMention } } });

it.each<[string | undefined, boolean, boolean]>([
  [undefined, true, false],
  [undefined, false, true],
  ["always", true, true],
  ["always", false, true],
  ["mention", true, false],
  ["mention", false, false],
  ["whatever", true, false],
  ["whatever", false, true],
])("activation %s, requireMention %s: answers all %s", async (activation, needed, answers) => {
  expect(await answersAll(activation, room(needed))).toBe(answers);
});

it("is the room's, and not that of somebody's direct chat which goes on there", async () => {
  const shared = { ...room(true), sharedSessions: "identified" };
  expect(await answersAll("always", shared, SESSIONS)).toBe(false);
});
