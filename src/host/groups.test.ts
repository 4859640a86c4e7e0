/** What the host asks of a room: whether it needs a mention, and which tools are there. By sender: identity-matrix.test.ts. */
import { describe, expect, it } from "vitest";
import { groups } from "./groups.ts";

const ROOM = "team@muc.example";
const cfg = {
  channels: {
    xmpp: {
      jid: "bot@example",
      password: "secret",
      server: "localhost",
      mucRooms: {
        [ROOM]: {
          requireMention: false,
          tools: { deny: ["exec"] },
          toolsBySender: { "alice@example": { allow: ["exec"] }, "*": { deny: ["all"] } },
        },
        "plain@muc.example": {},
        "only@muc.example": { toolsBySender: { "alice@example": { allow: ["exec"] } } },
      },
    },
  },
};

const ask = (facts: object) => ({ cfg, accountId: "default", groupId: ROOM, ...facts }) as never;
const toolsOf = (facts: object) => groups.resolveToolPolicy?.(ask(facts)) as unknown;

describe("tools", () => {
  it.each<[object, object | undefined]>([
    [{ senderId: "alice@example" }, { allow: ["exec"] }],
    [{ senderId: "eve@evil" }, { deny: ["all"] }],
    [{}, { deny: ["all"] }],
    [{ senderName: "alice@example", senderUsername: "alice@example" }, { deny: ["all"] }],
    // Work that nobody asked for.
    [{ senderPolicyMode: "never" }, { deny: ["exec"] }],
    [{ senderPolicyMode: "never", senderId: "alice@example" }, { deny: ["exec"] }],
    // The host would look for itself, by nick, where it is told nothing.
    [{ groupId: "only@muc.example", senderId: "eve@evil" }, { deny: [] }],
    [{ groupId: "plain@muc.example" }, { deny: [] }],
    [{ groupId: "elsewhere@muc.example" }, { deny: [] }],
    [{ groupId: undefined }, undefined],
    [{ groupId: "@" }, undefined],
    // A subject or a name selects nothing.
    [{ groupId: "plain@muc.example", groupChannel: ROOM, groupSpace: ROOM }, { deny: [] }],
  ])("of %j: %j", (facts, tools) => {
    expect(toolsOf(facts)).toEqual(tools);
  });
});

it.each([
  [ROOM, false],
  ["TEAM@muc.example", false],
  ["plain@muc.example", true],
  ["elsewhere@muc.example", true],
  ["@", true],
  [undefined, true],
])("a mention is needed in %s: %s", (groupId, isNeeded) => {
  expect(groups.resolveRequireMention?.(ask({ groupId }))).toBe(isNeeded);
});
