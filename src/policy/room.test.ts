import { describe, expect, it } from "vitest";
import type { BareJid } from "../protocol/jid.ts";
import { resolveRoom, type GroupPolicy, type ResolvedRoom, type RoomPolicy } from "./room.ts";

const ROOM = "team@muc.example.com" as BareJid;

function resolve(policy: Partial<RoomPolicy>): ResolvedRoom {
  return resolveRoom(
    { groupPolicy: "open", groupAllowFrom: [], rooms: [], roomSettings: {}, ...policy },
    ROOM,
  );
}

describe("where the agent answers", () => {
  const inRooms = { rooms: [ROOM] };
  const inSettings = { roomSettings: { [ROOM]: {} } };
  it.each<[GroupPolicy, string, Partial<RoomPolicy>, boolean]>([
    ["open", "rooms", inRooms, true],
    ["open", "mucRooms", inSettings, true],
    ["open", "nothing", {}, false],
    ["open", "only every room", { roomSettings: { "*": {} } }, false],
    ["open", "another room", { rooms: ["team@muc.example.com.evil.net" as BareJid] }, false],
    ["allowlist", "rooms", inRooms, false],
    ["allowlist", "mucRooms", inSettings, true],
    ["allowlist", "rooms and every room", { ...inRooms, roomSettings: { "*": {} } }, true],
    ["allowlist", "only every room", { roomSettings: { "*": {} } }, false],
    ["disabled", "both", { ...inRooms, ...inSettings }, false],
    ["unheard-of" as GroupPolicy, "both", { ...inRooms, ...inSettings }, false],
  ])("%s, listed in %s", (groupPolicy, _, policy, listed) => {
    expect(resolve({ ...policy, groupPolicy }).listed).toBe(listed);
  });
});

describe("whom it answers", () => {
  it.each<[GroupPolicy, Partial<RoomPolicy>, GroupPolicy, string[]]>([
    ["open", {}, "open", []],
    ["open", { roomSettings: { [ROOM]: { users: [] } } }, "open", []],
    ["open", { roomSettings: { [ROOM]: { users: ["a@x"] } } }, "allowlist", ["a@x"]],
    ["open", { groupAllowFrom: ["m@x"] }, "allowlist", ["m@x"]],
    ["allowlist", {}, "open", []],
    ["allowlist", { groupAllowFrom: ["m@x"] }, "allowlist", ["m@x"]],
    [
      "allowlist",
      {
        groupAllowFrom: ["m@x", "a@x"],
        roomSettings: { [ROOM]: { users: ["a@x"], allowFrom: ["b@x", 7] } },
      },
      "allowlist",
      ["a@x", "b@x", "7", "m@x"],
    ],
    ["allowlist", { roomSettings: { "*": { users: ["s@x"] } } }, "allowlist", ["s@x"]],
    [
      "allowlist",
      { roomSettings: { [ROOM]: { users: ["a@x"] }, "*": { users: ["s@x"] } } },
      "allowlist",
      ["a@x"],
    ],
    [
      "allowlist",
      { roomSettings: { [ROOM]: { users: [] }, "*": { users: ["s@x"] } } },
      "allowlist",
      ["s@x"],
    ],
    ["disabled", { groupAllowFrom: ["*"] }, "disabled", ["*"]],
  ])("%s with %j", (groupPolicy, policy, senderPolicy, allowFrom) => {
    expect(resolve({ ...policy, groupPolicy })).toMatchObject({ senderPolicy, allowFrom });
  });
});

describe("how it answers", () => {
  it("asks for a mention unless told not to", () => {
    expect(resolve({}).requireMention).toBe(true);
    expect(resolve({ roomSettings: { "*": { requireMention: false } } }).requireMention).toBe(
      false,
    );
    expect(
      resolve({
        roomSettings: { "*": { requireMention: false }, [ROOM]: { requireMention: true } },
      }).requireMention,
    ).toBe(true);
  });

  it("takes the room's own word before the one for every room", () => {
    const tools = { deny: ["exec"] };
    const resolved = resolve({
      roomSettings: {
        "*": {
          enabled: false,
          systemPrompt: "all",
          skills: ["a"],
          tools,
          toolsBySender: { "*": tools },
        },
        [ROOM]: { enabled: true, systemPrompt: "" },
      },
    });
    expect(resolved).toMatchObject({
      enabled: true,
      systemPrompt: "",
      skills: ["a"],
      tools,
      toolsBySender: { "*": tools },
    });
    expect(resolve({ roomSettings: { "*": { enabled: false } } }).enabled).toBe(false);
  });

  it("is not fooled by a room called like a property", () => {
    const policy = {
      groupPolicy: "allowlist" as const,
      groupAllowFrom: [],
      rooms: [],
      roomSettings: {},
    };
    expect(resolveRoom(policy, "constructor" as BareJid).listed).toBe(false);
  });
});
