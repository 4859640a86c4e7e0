import { expect, it } from "vitest";
import { createFakeLog } from "../../test/support/fake-session.ts";
import type { XmppAccountPolicy } from "../policy/account-policy.ts";
import type { BareJid } from "../protocol/jid.ts";
import type { Invitation } from "../protocol/xep-0045-invitation.ts";
import { createInvitations, type InvitationsParams } from "./invitations.ts";
import { createTally } from "./tally.ts";

const ROOM = "team@rooms.example" as BareJid;
const ALICE = "alice@example.com" as BareJid;
const DIRECT: Invitation = { kind: "direct", room: ROOM, by: ALICE, password: "pw" };
const MEDIATED: Invitation = { ...DIRECT, kind: "mediated" };

type Policy = Partial<XmppAccountPolicy>;

async function follow(
  invitation: Invitation,
  policy: Policy,
  facts: Partial<InvitationsParams> = {},
) {
  const log = createFakeLog();
  const joined: string[] = [];
  const invitations = createInvitations({
    readPolicy: () =>
      ({
        autoJoin: "allowlist",
        dmPolicy: "pairing",
        allowFrom: [],
        ...policy,
      }) as XmppAccountPolicy,
    approved: async () => [],
    isKnown: () => false,
    isDisabled: () => false,
    isBelieved: () => true,
    isRoom: async () => true,
    settled: async () => undefined,
    join: ({ password }, { room, by, admitted }) =>
      void joined.push(`${room} ${by} ${password} ${admitted}`),
    tally: createTally(),
    log,
    ...facts,
  });
  invitations.receive(invitation);
  await invitations.idle();
  expect(joined.length + log.lines.length).toBe(
    facts.isKnown || invitation.kind === "declined" ? 0 : 1,
  );
  return joined[0] ?? log.lines[0];
}

const followed = `${ROOM} ${ALICE} pw true`;
const approved = { approved: async () => [ALICE as string] };
const foreign = { isBelieved: () => false };

it.each<[string, Invitation, Policy, Partial<InvitationsParams>]>([
  ["allowFrom", DIRECT, { allowFrom: ["ALICE@example.com"] }, {}],
  ["pairing", DIRECT, {}, approved],
  ["an open policy", DIRECT, { dmPolicy: "open" }, {}],
  ["a believed room", MEDIATED, { dmPolicy: "allowlist", allowFrom: ["*@example.com"] }, {}],
  ["autoJoin always", DIRECT, { autoJoin: "always" }, { ...approved, ...foreign }],
])("admitted by %s: followed, with its password", async (_, invitation, policy, facts) => {
  expect(await follow(invitation, policy, facts)).toBe(followed);
});

it.each<[string, Invitation, Policy, Partial<InvitationsParams>, RegExp | undefined]>([
  ["by a stranger", DIRECT, {}, {}, /dmPolicy does not admit/],
  ["approved, but by a list", DIRECT, { dmPolicy: "allowlist" }, approved, /does not admit/],
  [
    "to an account without direct chats",
    DIRECT,
    { dmPolicy: "disabled", allowFrom: ["*"] },
    approved,
    /does not admit/,
  ],
  ["switched off", DIRECT, { autoJoin: "off" }, approved, /autoJoin is "off"/],
  [
    "to a room of a service that nobody chose",
    DIRECT,
    {},
    { ...approved, ...foreign },
    /list the room/,
  ],
  [
    "in another's name by such a service",
    MEDIATED,
    {},
    { ...approved, ...foreign },
    /list the room/,
  ],
  [
    "to a disabled room",
    DIRECT,
    { autoJoin: "always" },
    { isDisabled: () => true },
    /enabled: false/,
  ],
  ["without a room", { ...DIRECT, room: undefined }, { autoJoin: "always" }, {}, /names no room/],
  [
    "without an inviter",
    { ...MEDIATED, by: undefined },
    { autoJoin: "always" },
    {},
    /nobody who invites/,
  ],
  [
    "to somebody's account",
    DIRECT,
    { autoJoin: "always" },
    { isRoom: async () => false },
    /no room at that address/,
  ],
  ["to where we are", DIRECT, { autoJoin: "always" }, { isKnown: () => true }, undefined],
  ["that declines", { ...DIRECT, kind: "declined" }, { autoJoin: "always" }, {}, undefined],
])("%s: not followed", async (_, invitation, policy, facts, why) => {
  expect((await follow(invitation, policy, facts)) ?? "silent").toMatch(why ?? /^silent$/);
});

it.each<[string, Invitation, Policy, Partial<InvitationsParams>]>([
  ["a stranger", DIRECT, { autoJoin: "always" }, {}],
  [
    "whoever a foreign service names",
    MEDIATED,
    { autoJoin: "always", allowFrom: [ALICE] },
    foreign,
  ],
])(
  "autoJoin always follows %s, who may say nothing there for it",
  async (_, invitation, policy, facts) => {
    expect(await follow(invitation, policy, facts)).toBe(`${ROOM} ${ALICE} pw false`);
  },
);

/** Follows none. */
function unwilling(settled: Promise<void>) {
  const log = createFakeLog();
  const tally = createTally();
  const invitations = createInvitations({
    readPolicy: () => ({ autoJoin: "off" }) as XmppAccountPolicy,
    approved: async () => [],
    isKnown: () => false,
    isDisabled: () => false,
    isBelieved: () => true,
    isRoom: async () => true,
    settled: () => settled,
    join: () => undefined,
    tally,
    log,
  });
  return { invitations, log, tally };
}

it("drops a flood, and goes on", async () => {
  let release = () => {};
  const { invitations, log, tally } = unwilling(
    new Promise<void>((resolve) => (release = resolve)),
  );
  for (let i = 0; i < 30; i += 1) invitations.receive(DIRECT);
  expect(log.lines.filter((line) => line.includes("too many"))).toHaveLength(10);
  release();
  await invitations.idle();
  invitations.receive(DIRECT);
  await invitations.idle();
  expect(log.lines.filter((line) => line.includes('"off"'))).toHaveLength(21);
  expect(tally.read()).toEqual({ "invitations-limited": 10, "not-admitted": 21 });
});

it("counts a thousand of them, without a line for each", async () => {
  const { invitations, log, tally } = unwilling(Promise.resolve());
  for (let i = 0; i < 1_000; i += 1) {
    invitations.receive(DIRECT);
    await invitations.idle();
  }
  expect(tally.read()).toEqual({ "not-admitted": 1_000 });
  expect(log.lines).toHaveLength(31);
  expect(log.lines.at(-1)).toContain("more invitations");
});
