/** Whose answers grow, as the operator says, and what the host is told of it. */
import { describe, expect, it } from "vitest";
import { body, createRoadIn, enterRoom, message } from "../../test/support/road-in.ts";
import { ROOM, item, presence } from "../../test/support/room-xml.ts";
import { parseJid, type FullJid } from "../protocol/jid.ts";

const PHONE = parseJid("alice@example/phone")?.full as FullJid;
const FOLLOWS = [{ jid: PHONE, stay: "1", retracts: false }];

type Setup = { keys?: object; cfg?: object; readers?: typeof FOLLOWS | "silent" };

/** What the host is told of a turn in a direct chat, or in a room. */
async function optionsOf(
  where: "direct" | "room" | "private",
  { keys, cfg, readers = FOLLOWS }: Setup,
) {
  const road = createRoadIn({
    keys: { dmPolicy: "open", allowFrom: ["*"], groupPolicy: "open", rooms: [ROOM], ...keys },
    ...(cfg ? { cfg } : {}),
    context: {
      findReaders: async () =>
        readers === "silent" ? await new Promise(() => undefined) : [...readers],
    },
  });
  const { session, receiver, dispatches } = road;
  enterRoom(road);
  await session.receive(presence("alice", item("alice@example/x")));
  if (where === "direct") await session.receive(message(PHONE, body("hi")));
  else {
    const type = where === "room" ? "groupchat" : "chat";
    await session.receive(message(`${ROOM}/alice`, body("bot: hi"), type));
  }
  await receiver.idle();
  const { onPartialReply, ...options } = dispatches[0]?.replyOptions ?? {};
  const { disableBlockStreaming } = options as { disableBlockStreaming?: boolean };
  return { grows: onPartialReply !== undefined, disableBlockStreaming };
}

const inRoom = (mode: string) => ({ mucRooms: { [ROOM]: { streaming: { mode } } } });
const inheritBlocks = { agents: { defaults: { blockStreamingDefault: "on" } } };
const toolOnly = { messages: { visibleReplies: "message_tool" } };
const mute = {
  session: { sendPolicy: { rules: [{ action: "deny", match: { channel: "xmpp" } }] } },
};
const mode = (value: string, more = {}) => ({ keys: { streaming: { mode: value, ...more } } });

describe("an answer grows", () => {
  it.each<["direct" | "room" | "private", string, Setup]>([
    ["direct", "as long as nobody says otherwise", {}],
    ["direct", "in paragraphs", mode("block")],
    ["direct", "as progress", mode("progress")],
    [
      "direct",
      "before parts that other channels are sent",
      { ...mode("partial"), cfg: inheritBlocks },
    ],
    ["room", "where its entry says so", { keys: inRoom("partial") }],
    [
      "room",
      "where the entry for all says so",
      { keys: { mucRooms: { "*": { streaming: { mode: "block" } } } } },
    ],
  ])("%s: %s", async (where, _, setup) => {
    expect(await optionsOf(where, setup)).toEqual({ grows: true, disableBlockStreaming: true });
  });

  it.each<["direct" | "room" | "private", string, Setup, boolean | undefined]>([
    ["direct", "not where it is off", mode("off"), undefined],
    ["direct", "not where nobody follows", { readers: [] }, undefined],
    ["direct", "not where parts are wanted", mode("partial", { block: { enabled: true } }), false],
    ["direct", "not where all channels are sent parts", { cfg: inheritBlocks }, undefined],
    ["direct", "not where the agent answers by its tool", { cfg: toolOnly }, undefined],
    ["direct", "not where the operator lets nothing be said", { cfg: mute }, undefined],
    [
      "direct",
      "not where nobody says in time whether they follow",
      { readers: "silent" },
      undefined,
    ],
    ["room", "not as long as nobody says so", {}, undefined],
    ["room", "not as direct chats do", mode("partial"), undefined],
    ["private", "never", { keys: inRoom("partial") }, undefined],
  ])("%s: %s", async (where, _, setup, disableBlockStreaming) => {
    expect(await optionsOf(where, setup)).toEqual({ grows: false, disableBlockStreaming });
  });
});
