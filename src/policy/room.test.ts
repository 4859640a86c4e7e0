import { describe, expect, it } from "vitest";
import type { BareJid } from "../protocol/jid.ts";
import type { RoomSender } from "./room-entry.ts";
import {
  resolveRoom,
  roomFor,
  toolsFor,
  type GroupPolicy,
  type ResolvedRoom,
  type RoomOrigin,
  type RoomPolicy,
} from "./room.ts";

const ROOM = "team@muc.example.com" as BareJid;

const NOTHING: RoomPolicy = {
  groupPolicy: "open",
  groupAllowFrom: [],
  rooms: [],
  roomSettings: {},
  roomOwnerBypass: false,
};

function resolve(policy: Partial<RoomPolicy>, origin?: RoomOrigin): ResolvedRoom {
  return resolveRoom({ ...NOTHING, ...policy }, ROOM, origin);
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
    const policy: RoomPolicy = { ...NOTHING, groupPolicy: "allowlist" };
    expect(resolveRoom(policy, "constructor" as BareJid).listed).toBe(false);
  });
});

describe("a room that is not in the configuration", () => {
  const inviter = "alice@example.com" as BareJid;
  const invited: RoomOrigin = { kind: "invitation", by: inviter, admitted: true };
  const invitedByStranger: RoomOrigin = { ...invited, admitted: false };
  const bookmarked: RoomOrigin = { kind: "bookmark" };
  const everyRoom = { roomSettings: { "*": {} } };
  const inList = { rooms: [ROOM] };
  it.each<[string, Partial<RoomPolicy>, RoomOrigin, boolean, GroupPolicy, string[]]>([
    ["invited, open", {}, invited, true, "allowlist", [inviter]],
    ["invited by a stranger, open", {}, invitedByStranger, true, "allowlist", []],
    ["invited, allowlist", { groupPolicy: "allowlist" }, invited, false, "allowlist", [inviter]],
    [
      "invited, allowlist, every room",
      { groupPolicy: "allowlist", ...everyRoom },
      invited,
      true,
      "allowlist",
      [inviter],
    ],
    ["invited, disabled", { groupPolicy: "disabled" }, invited, false, "disabled", [inviter]],
    ["invited, people named", { groupAllowFrom: ["m@x"] }, invited, true, "allowlist", ["m@x"]],
    ["invited, and listed besides", inList, invitedByStranger, true, "open", []],
    [
      "invited, with an entry",
      { roomSettings: { [ROOM]: {} } },
      invitedByStranger,
      true,
      "open",
      [],
    ],
    ["bookmarked, open", {}, bookmarked, true, "open", []],
    ["bookmarked, allowlist", { groupPolicy: "allowlist" }, bookmarked, false, "open", []],
  ])("%s", (_, policy, origin, listed, sendersBy, allowFrom) => {
    expect(resolve(policy, origin)).toMatchObject({ listed, senderPolicy: sendersBy, allowFrom });
  });
});

describe("an owner's bypass", () => {
  const users = { roomSettings: { [ROOM]: { users: ["a@x"] } } };
  const closed: Partial<RoomPolicy> = { groupPolicy: "disabled", rooms: [ROOM] };
  it.each<[string, Partial<RoomPolicy>, RoomOrigin | undefined, boolean]>([
    ["a list that does not name them", users, undefined, true],
    ["groupPolicy disabled", closed, undefined, true],
    ["groupPolicy allowlist", { groupPolicy: "allowlist", rooms: [ROOM] }, undefined, true],
    ["a bookmarked room", { groupAllowFrom: ["a@x"] }, { kind: "bookmark" }, true],
    [
      "a room that they may have invited us to",
      {},
      { kind: "invitation", by: "a@x" as BareJid, admitted: true },
      false,
    ],
    ["a room that we are not in", { groupPolicy: "allowlist" }, undefined, false],
  ])("%s", (_, policy, origin, passes) => {
    const room = resolve({ ...policy, roomOwnerBypass: true }, origin);
    const asOwner = { listed: true, senderPolicy: "open", allowFrom: [] };
    expect(roomFor(room, "owner")).toEqual(passes ? { ...room, ...asOwner } : room);
    expect(roomFor(room, "admin")).toEqual(room);
    const off = resolve(policy, origin);
    expect(roomFor(off, "owner")).toEqual(off);
  });

  it("leaves the mention and a disabled room as they are", () => {
    const room = resolve({
      roomOwnerBypass: true,
      roomSettings: { [ROOM]: { enabled: false, requireMention: true } },
    });
    expect(roomFor(room, "owner")).toMatchObject({ enabled: false, requireMention: true });
  });
});

describe("tools for one sender", () => {
  const ALICE: RoomSender = {
    jid: "alice@x" as BareJid,
    occupantId: "o1",
    affiliation: "owner",
    role: "moderator",
  };
  const NOBODY: RoomSender = { affiliation: "none", role: "participant" };
  /** Each goes before all that stand behind it. */
  const KEYS = [
    "alice@x",
    "occupant:o1",
    "role:moderator",
    "affiliation:owner",
    "affiliation:admin",
    "affiliation:member",
    "*@x",
    "*",
  ];
  const named = (keys: readonly string[]) =>
    Object.fromEntries(keys.map((key) => [key, { allow: [key] }]));
  const tools = { deny: ["exec"] };
  const toolsOf = (sender: RoomSender, toolsBySender: Record<string, object>) =>
    toolsFor(resolve({ roomSettings: { [ROOM]: { tools, toolsBySender } } }), sender);

  it.each(KEYS.map((key, i) => [key, KEYS.slice(i)] as const))(
    "%s goes before what says less of them",
    (key, keys) => {
      expect(toolsOf(ALICE, named(keys))).toEqual({ allow: [key] });
      expect(toolsOf(ALICE, named(keys.toReversed()))).toEqual({ allow: [key] });
    },
  );

  it.each<[string, Partial<RoomSender>, string | undefined]>([
    ["nobody in particular", {}, "*"],
    ["a member", { affiliation: "member" }, "affiliation:member"],
    ["an admin", { affiliation: "admin" }, "affiliation:admin"],
    ["another occupant", { occupantId: "o2" }, "*"],
    ["somebody else of the domain", { jid: "bob@x" as BareJid }, "*@x"],
    ["somebody else", { jid: "alice@x.evil" as BareJid }, "*"],
    ["an outcast", { affiliation: "outcast" }, "*"],
  ])("%s: %s", (_, facts, key) => {
    expect(toolsOf({ ...NOBODY, ...facts }, named(KEYS))).toEqual({ allow: [key] });
  });

  it.each(["*", "id:*", " * ", "xmpp:*", "channel:xmpp:*"])(
    "%j is for everybody, whoever vouches for them or not",
    (key) => {
      expect(toolsOf(NOBODY, named([key]))).toEqual({ allow: [key] });
      expect(toolsOf(ALICE, named([key]))).toEqual({ allow: [key] });
    },
  );

  it.each(["id:alice@x", "channel:xmpp:alice@x", "xmpp:Alice@X"])("%s is a JID", (key) => {
    expect(toolsOf(ALICE, named([key]))).toEqual({ allow: [key] });
    expect(toolsOf(NOBODY, named([key]))).toEqual(tools);
  });

  it.each(["name:alice", "username:alice", "alice", "e164:1", ""])("%j is nobody", (key) => {
    expect(toolsOf(ALICE, named([key]))).toEqual(tools);
  });

  it("are the room's own where it names no senders", () => {
    expect(toolsOf(ALICE, {})).toEqual(tools);
    expect(toolsFor(resolve({}), ALICE)).toBeUndefined();
  });
});
