/**
 * Every row of the two tables of docs/access-control.md through the whole road in. In each
 * case later rows would decide otherwise, where they can.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { OWN_JID } from "../../test/support/fake-session.ts";
import {
  type RoadInOptions,
  body,
  createRoadIn,
  enterRoom,
  message,
} from "../../test/support/road-in.ts";
import { ROOM, item, presence } from "../../test/support/room-xml.ts";
import type { DmPolicy } from "../policy/subscription.ts";
import type { GroupPolicy, RoomOrigin } from "../policy/room.ts";
import type { BareJid } from "../protocol/jid.ts";
import { createRoomHistory } from "./room-history.ts";

type Outcome = "dropped" | "answered" | "code" | "remembered" | "event" | "invitation";

/** How the table's last column begins for each outcome; line 6 of the rooms leads on to an answer. */
const WORDS: Record<Outcome, RegExp> = {
  dropped: /^dropped$/,
  answered: /^(?:answered|on to line 9)/,
  code: /^one pairing code/,
  remembered: /^remembered as context, not answered$/,
  event: /^shown to the agent/,
  invitation: /^no message to the agent/,
};

type Row = { row: number; when: string; decision: string };

function rowsOf(heading: string): Row[] {
  const page = readFileSync(join(import.meta.dirname, "../../docs/access-control.md"), "utf8");
  const after = page.slice(page.indexOf(`## ${heading}\n`));
  const table = after.slice(after.indexOf("| # |")).split("\n\n", 1)[0] ?? "";
  return table
    .split("\n")
    .slice(2)
    .map((line) => {
      const [, row, when = "", decision = ""] = line.split("|").map((cell) => cell.trim());
      return { row: Number(row), when, decision };
    });
}

type Case = {
  keys?: object;
  cfg?: object;
  context?: RoadInOptions["context"];
  /** A whole stanza. */
  said: string;
  /** Real JID and attributes of alice's presence in the room. */
  alice?: string;
  outcome: Outcome;
  /** In the log. */
  why?: RegExp;
};

const FROM_ALICE = "alice@example/phone";
const IN_ROOM = `${ROOM}/alice`;
const ALICE = item("alice@example/phone");
const OWNER = item("alice@example/phone", 'affiliation="owner" role="moderator"');

let accounts = 0;

async function outcomeOf({ keys = {}, cfg, context, said, alice = ALICE }: Case) {
  const history = createRoomHistory(10);
  const invitations: unknown[] = [];
  const road = createRoadIn({
    keys: { dmPolicy: "disabled", groupPolicy: "disabled", rooms: [ROOM], ...keys },
    ...(cfg ? { cfg } : {}),
    context: {
      // The host tells of each reason once an account.
      accountId: `account-${++accounts}`,
      history,
      onInvitation: (invitation) => void invitations.push(invitation),
      ...context,
    },
  });
  enterRoom(road);
  road.session.receive(presence("alice", alice));
  road.session.receive(said);
  await road.receiver.idle();
  const [turn] = road.turns;
  const outcomes: Outcome[] = [];
  if (turn) outcomes.push(turn.message.inboundEventKind === "room_event" ? "event" : "answered");
  if (road.challenged.length > 0) outcomes.push("code");
  if (history.take(ROOM).entries?.length) outcomes.push("remembered");
  if (invitations.length > 0) outcomes.push("invitation");
  expect(road.errors).toEqual([]);
  return {
    outcome: outcomes.length === 0 ? "dropped" : outcomes.join(),
    log: road.log.lines.join("\n"),
  };
}

function testEveryRow(heading: string, cases: Record<number, Case[]>): void {
  const rows = rowsOf(heading);
  it("every row has a case", () => {
    expect(rows.map(({ row }) => row)).toEqual(Object.keys(cases).map(Number));
    expect(rows.map(({ row }) => row)).toEqual(rows.map((_, i) => i + 1));
  });
  for (const { row, when, decision } of rows) {
    describe(`${row}: ${when}`, () => {
      it.each((cases[row] ?? []).map((each, i) => [i + 1, each] as const))(
        `case %i: ${decision}`,
        async (_, each) => {
          expect(decision).toMatch(WORDS[each.outcome]);
          const { outcome, log } = await outcomeOf(each);
          expect(outcome).toBe(each.outcome);
          expect(log).toMatch(each.why ?? /^/);
        },
      );
    });
  }
}

const dm = (inside: string, from = FROM_ALICE, type = "chat") => message(from, inside, type);
const HI = body("hi");
const CARBON = `<received xmlns="urn:xmpp:carbons:2"><forwarded xmlns="urn:xmpp:forward:0">${dm(HI)}</forwarded></received>`;
const pairing = (...approved: string[]) =>
  ({
    approved: async () => approved,
    challenge: async () => {
      throw new Error("nobody is to be challenged");
    },
  }) as unknown as NonNullable<RoadInOptions["context"]>["pairing"] & object;

describe("direct messages", () => {
  const open = { dmPolicy: "open" };
  const isSibling = () => true;
  testEveryRow("Direct messages", {
    1: [
      { keys: open, said: dm(HI, FROM_ALICE, "error"), outcome: "dropped" },
      { keys: open, said: dm(HI, FROM_ALICE, "headline"), outcome: "dropped" },
      { keys: open, said: dm(HI, ""), outcome: "dropped" },
      // With a code, once approved, their JID would let in everybody of their server.
      { keys: { dmPolicy: "pairing" }, said: dm(HI, "*@example/phone"), outcome: "dropped" },
      { keys: open, said: dm(HI).replace(OWN_JID, "bot@example/other"), outcome: "dropped" },
      { keys: open, said: dm(HI).replace(OWN_JID, "somebody@example"), outcome: "dropped" },
    ],
    2: [
      { keys: open, said: dm(HI + CARBON), outcome: "dropped" },
      { keys: open, said: dm(CARBON, "bot@example"), outcome: "dropped" },
    ],
    3: [
      { keys: open, said: dm(HI, "bot@example/phone"), outcome: "dropped" },
      { keys: open, said: dm(HI), context: { isSibling }, outcome: "dropped" },
    ],
    4: [
      {
        keys: open,
        said: dm(`${HI}<x xmlns="jabber:x:conference" jid="trap@chat.example"/>`),
        outcome: "invitation",
      },
    ],
    5: [
      { keys: open, said: dm(HI, "example"), outcome: "dropped" },
      { keys: open, said: dm(body(" \n")), outcome: "dropped" },
      {
        keys: open,
        said: dm(`<active xmlns="http://jabber.org/protocol/chatstates"/>`),
        outcome: "dropped",
      },
    ],
    6: [
      {
        keys: { dmPolicy: "disabled", allowFrom: ["alice@example", "*"] },
        context: { pairing: pairing("alice@example") },
        said: dm(HI),
        outcome: "dropped",
        why: /dm_policy_disabled/,
      },
    ],
    7: [
      { keys: open, said: dm(HI), outcome: "answered" },
      { keys: { ...open, allowFrom: ["bob@example"] }, said: dm(HI), outcome: "answered" },
    ],
    8: ["allowlist", "pairing"].flatMap((dmPolicy) =>
      [
        { allowFrom: ["alice@example"] },
        { allowFrom: ["*@example"] },
        { adminJid: "alice@example" },
      ].map((keys): Case => ({
        keys: { dmPolicy, ...keys },
        context: { pairing: pairing() },
        said: dm(HI),
        outcome: "answered",
      })),
    ),
    9: [
      {
        keys: { dmPolicy: "pairing" },
        context: { pairing: pairing("alice@example") },
        said: dm(HI),
        outcome: "answered",
      },
    ],
    10: [
      { keys: { dmPolicy: "pairing", allowFrom: ["bob@example"] }, said: dm(HI), outcome: "code" },
      { keys: { dmPolicy: "pairing" }, said: dm(HI, IN_ROOM), outcome: "code" },
      { keys: { dmPolicy: "pairing" }, said: dm(body("/status")), outcome: "code" },
    ],
    11: [
      { keys: { dmPolicy: "allowlist" }, said: dm(HI), outcome: "dropped", why: /allowlist/ },
      {
        keys: { dmPolicy: "allowlist" },
        context: { pairing: pairing("alice@example") },
        said: dm(HI),
        outcome: "dropped",
      },
      {
        keys: { dmPolicy: "pairing", allowFrom: ["alice@example"] },
        context: { pairing: pairing("alice@example") },
        said: dm(HI, IN_ROOM),
        alice: item(),
        outcome: "dropped",
        why: /hides real JIDs/,
      },
    ],
  });
});

const said = (text: string, inside = "", from = IN_ROOM) =>
  message(from, body(text) + inside, "groupchat");
const CALL = said("bot: hi");

describe("rooms", () => {
  const open = { groupPolicy: "open" };
  const room = (entry: object) => ({ ...open, mucRooms: { [ROOM]: entry } });
  const isProgram = async () => true;
  const bypass = { roomOwnerBypass: true };
  const invited: RoomOrigin = { kind: "invitation", by: "eve@evil" as BareJid, admitted: true };
  const roomEvents = { messages: { groupChat: { unmentionedInbound: "room_event" } } };
  const delay = `<delay xmlns="urn:xmpp:delay" from="${ROOM}" stamp="2026-01-01T00:00:00Z"/>`;
  const encryption = `<encryption xmlns="urn:xmpp:eme:0" namespace="urn:xmpp:omemo:2"/>`;
  testEveryRow("Rooms", {
    1: [
      { keys: open, said: said("bot: hi", "", ROOM), outcome: "dropped" },
      { keys: open, said: said("bot: hi", "", `${ROOM}/bot`), outcome: "dropped" },
      { keys: open, said: said("bot: hi", delay), outcome: "dropped" },
      {
        keys: { ...open, dmPolicy: "open" },
        said: said("bot: hi", "", "other@chat.example/alice"),
        outcome: "dropped",
      },
    ],
    2: [
      { keys: open, said: said(""), outcome: "dropped" },
      {
        keys: open,
        said: message(IN_ROOM, "<subject>bot: hi</subject>", "groupchat"),
        outcome: "dropped",
      },
      { keys: open, said: said("bot: hi", encryption), outcome: "dropped" },
      {
        keys: room({ requireMention: false }),
        said: said("bot: hi", encryption),
        outcome: "dropped",
      },
    ],
    3: [
      { keys: room({ enabled: false }), said: CALL, outcome: "dropped", why: /route_blocked/ },
      { keys: { ...open, mucRooms: { "*": { enabled: false } } }, said: CALL, outcome: "dropped" },
      {
        keys: { ...room({ enabled: false }), ...bypass },
        alice: OWNER,
        said: CALL,
        outcome: "dropped",
      },
    ],
    4: [
      { keys: bypass, alice: OWNER, said: CALL, outcome: "answered" },
      {
        keys: { ...bypass, groupPolicy: "allowlist" },
        alice: OWNER,
        said: CALL,
        outcome: "answered",
      },
      {
        keys: { ...bypass, ...room({ users: ["bob@example"] }) },
        alice: OWNER,
        said: CALL,
        outcome: "answered",
      },
      {
        keys: { ...bypass, ...room({ users: ["bob@example"] }) },
        alice: item("", 'affiliation="owner" role="moderator"'),
        said: CALL,
        outcome: "answered",
      },
    ],
    5: [
      { said: CALL, outcome: "dropped", why: /group_policy_disabled|route_blocked/ },
      { keys: { groupAllowFrom: ["alice@example", "*"] }, said: CALL, outcome: "dropped" },
      {
        keys: { mucRooms: { [ROOM]: { users: ["alice@example"] } } },
        said: CALL,
        outcome: "dropped",
      },
      { alice: OWNER, said: CALL, outcome: "dropped" },
      {
        keys: bypass,
        alice: item("alice@example", 'affiliation="admin" role="moderator"'),
        said: CALL,
        outcome: "dropped",
      },
      { said: said("hi"), outcome: "dropped" },
    ],
    6: [
      { keys: { groupPolicy: "allowlist" }, said: CALL, outcome: "dropped", why: /route_blocked/ },
      {
        keys: { groupPolicy: "allowlist", groupAllowFrom: ["alice@example"] },
        said: CALL,
        outcome: "dropped",
      },
      { keys: { groupPolicy: "allowlist" }, said: said("hi"), outcome: "dropped" },
    ],
    7: [
      { keys: room({ users: ["bob@example"] }), said: CALL, outcome: "dropped", why: /allowlist/ },
      { keys: room({ allowFrom: ["*@example.org"] }), said: CALL, outcome: "dropped" },
      { keys: { ...open, groupAllowFrom: ["affiliation:owner"] }, said: CALL, outcome: "dropped" },
      { keys: room({ users: ["bob@example"] }), said: said("hi"), outcome: "dropped" },
      {
        keys: room({ users: ["*"] }),
        alice: item(),
        said: CALL,
        outcome: "dropped",
        why: /hides real JIDs/,
      },
      {
        keys: {
          ...room({ users: ["bob@example"] }),
          dmPolicy: "open",
          allowFrom: ["alice@example", "*"],
        },
        said: CALL,
        outcome: "dropped",
      },
    ],
    8: [
      {
        keys: { ...open, rooms: [] },
        context: { originOf: () => invited },
        said: CALL,
        outcome: "dropped",
      },
      {
        keys: { ...open, ...bypass, rooms: [] },
        context: { originOf: () => invited },
        alice: OWNER,
        said: CALL,
        outcome: "dropped",
      },
      {
        keys: { ...open, rooms: [] },
        context: { originOf: () => invited },
        alice: OWNER,
        said: CALL,
        outcome: "dropped",
      },
      {
        keys: { ...open, rooms: [], groupAllowFrom: ["affiliation:owner", "role:moderator"] },
        context: { originOf: () => invited },
        alice: OWNER,
        said: CALL,
        outcome: "dropped",
      },
      {
        keys: { ...open, rooms: [] },
        context: { originOf: () => ({ ...invited, admitted: false }) },
        alice: item("eve@evil"),
        said: CALL,
        outcome: "dropped",
      },
    ],
    9: [
      {
        keys: open,
        said: said("bot: /status"),
        outcome: "dropped",
        why: /control_command_unauthorized/,
      },
      { keys: open, said: said("/status"), outcome: "dropped" },
      { keys: room({ users: ["*"] }), said: said("/status"), outcome: "dropped" },
      {
        keys: open,
        cfg: { commands: { ownerAllowFrom: ["*", "telegram:alice@example", "bob@example"] } },
        said: said("/status"),
        outcome: "dropped",
      },
      {
        keys: { ...open, dmPolicy: "open", allowFrom: ["*"] },
        said: said("/status"),
        outcome: "dropped",
      },
      { keys: bypass, alice: OWNER, said: said("/status"), outcome: "dropped" },
      {
        keys: open,
        cfg: { commands: { ownerAllowFrom: ["*", "bob@example", "telegram:alice"] } },
        said: said("/status"),
        outcome: "dropped",
      },
    ],
    10: [
      { keys: open, said: CALL, context: { isProgram }, outcome: "dropped", why: /bot\b/ },
      {
        keys: { ...open, allowBots: false },
        said: said("hi"),
        context: { isProgram },
        outcome: "dropped",
      },
      {
        keys: { ...open, ...bypass },
        alice: OWNER,
        said: CALL,
        context: { isProgram },
        outcome: "dropped",
      },
      {
        keys: room({ users: ["alice@example"] }),
        said: said("/status"),
        context: { isProgram },
        outcome: "dropped",
      },
    ],
    11: [
      {
        keys: { ...room({ requireMention: false }), allowBots: "mentions" },
        said: said("hi"),
        context: { isProgram },
        outcome: "dropped",
        why: /bot_without_mention/,
      },
      {
        keys: { ...open, allowBots: "mentions" },
        said: said("hi"),
        context: { isProgram },
        outcome: "dropped",
      },
      {
        keys: { ...open, allowBots: "mentions" },
        said: said("hi", `<reply xmlns="urn:xmpp:reply:0" id="x" to="${ROOM}/bot"/>`),
        context: { isProgram },
        outcome: "dropped",
      },
    ],
    12: [
      { keys: room({ users: ["alice@example"] }), said: said("/status"), outcome: "answered" },
      { keys: room({ users: ["affiliation:member"] }), said: said("/status"), outcome: "answered" },
      {
        keys: open,
        cfg: { commands: { ownerAllowFrom: ["telegram:1", "xmpp:alice@example"] } },
        said: said("/status"),
        outcome: "answered",
      },
      {
        keys: { ...open, groupAllowFrom: ["*@example"] },
        said: said("bot: /status"),
        outcome: "answered",
      },
      {
        keys: { ...open, allowFrom: ["alice@example"] },
        said: said("/status"),
        outcome: "answered",
      },
      {
        keys: open,
        cfg: { commands: { ownerAllowFrom: ["xmpp:alice@example"] } },
        said: said("/status"),
        outcome: "answered",
      },
    ],
    13: [
      { keys: open, said: said("hi"), outcome: "remembered" },
      { keys: room({ users: ["alice@example"] }), said: said("hi"), outcome: "remembered" },
      { keys: bypass, alice: OWNER, said: said("hi"), outcome: "remembered" },
      { keys: open, cfg: roomEvents, said: said("hi"), outcome: "remembered" },
      {
        keys: { ...open, allowBots: true },
        context: { isProgram },
        said: said("hi"),
        outcome: "remembered",
      },
    ],
    14: [
      {
        keys: room({ requireMention: false }),
        cfg: roomEvents,
        said: said("hi"),
        outcome: "event",
      },
    ],
    15: [
      { keys: open, said: CALL, outcome: "answered" },
      { keys: room({ requireMention: false }), said: said("hi"), outcome: "answered" },
      { keys: room({ requireMention: false }), cfg: roomEvents, said: CALL, outcome: "answered" },
      { keys: { ...room({}), groupPolicy: "allowlist" }, said: CALL, outcome: "answered" },
      {
        keys: { groupPolicy: "allowlist", mucRooms: { "*": {} } },
        said: CALL,
        outcome: "answered",
      },
      { keys: room({ users: ["*"] }), said: CALL, outcome: "answered" },
      { keys: room({ users: ["alice@example"] }), said: CALL, outcome: "answered" },
      {
        keys: { ...open, allowBots: true },
        context: { isProgram },
        said: CALL,
        outcome: "answered",
      },
      {
        keys: { ...open, allowBots: "mentions" },
        context: { isProgram },
        said: CALL,
        outcome: "answered",
      },
      {
        keys: { ...open, rooms: [] },
        context: { originOf: () => invited },
        alice: item("eve@evil/x"),
        said: CALL,
        outcome: "answered",
      },
    ],
  });
});

describe("the policies for direct chats and for rooms do not decide for each other", () => {
  const DM: DmPolicy[] = ["open", "pairing", "allowlist", "disabled"];
  const GROUP: GroupPolicy[] = ["open", "allowlist", "disabled"];
  /** Who is named where. */
  const PEOPLE = { alice: "allowFrom", bob: "users", mallory: "nowhere" } as const;
  type Person = keyof typeof PEOPLE;

  const inDirectChat = (dmPolicy: DmPolicy, who: Person): Outcome => {
    if (dmPolicy === "disabled") return "dropped";
    if (dmPolicy === "open" || who === "alice") return "answered";
    return dmPolicy === "pairing" ? "code" : "dropped";
  };
  const inRoom = (groupPolicy: GroupPolicy, who: Person): Outcome =>
    groupPolicy !== "disabled" && who === "bob" ? "answered" : "dropped";

  const all = DM.flatMap((dmPolicy) =>
    GROUP.map((groupPolicy) => [dmPolicy, groupPolicy] as const),
  );
  it.each(all)("dmPolicy %s, groupPolicy %s", async (dmPolicy, groupPolicy) => {
    for (const who of Object.keys(PEOPLE) as Person[]) {
      const keys = {
        dmPolicy,
        groupPolicy,
        allowFrom: ["alice@example"],
        mucRooms: { [ROOM]: { users: ["bob@example"] } },
      };
      const places: [string, Outcome][] = [
        [dm(HI, `${who}@example/x`), inDirectChat(dmPolicy, who)],
        [dm(HI, IN_ROOM), inDirectChat(dmPolicy, who)],
        [CALL, inRoom(groupPolicy, who)],
      ];
      for (const sharedSessions of ["off", "identified"]) {
        for (const [stanza, expected] of places) {
          const { outcome } = await outcomeOf({
            keys: { ...keys, sharedSessions },
            alice: item(`${who}@example/x`),
            said: stanza,
            outcome: expected,
          });
          expect(`${who} ${sharedSessions} ${stanza}: ${outcome}`).toBe(
            `${who} ${sharedSessions} ${stanza}: ${expected}`,
          );
        }
      }
    }
  });
});
