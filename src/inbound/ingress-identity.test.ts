/** Who matches which allowlist entry, as the host's own resolver decides it. */
import { resolveChannelMessageIngress } from "openclaw/plugin-sdk/channel-ingress-runtime";
import { expect, it } from "vitest";
import { parseJid, type BareJid } from "../protocol/jid.ts";
import { ingressSubject, xmppIngressIdentity } from "./ingress-identity.ts";
import { matchesRoomEntry, type RoomSender } from "../policy/room-entry.ts";
import type { Sender } from "./sender.ts";

async function isLetIn(
  sender: Sender,
  entries: string[],
  place: "direct" | "room" = "direct",
): Promise<boolean> {
  const { ingress } = await resolveChannelMessageIngress({
    channelId: "xmpp",
    accountId: "default",
    identity: xmppIngressIdentity,
    subject: ingressSubject(sender, place),
    conversation: { kind: place === "room" ? "group" : "direct", id: sender.id },
    event: { kind: "message", authMode: "inbound", mayPair: false },
    policy: {
      dmPolicy: "allowlist",
      groupPolicy: "allowlist",
      groupAllowFromFallbackToAllowFrom: false,
      minIdentifierAuthentication: "asserted",
    },
    allowFrom: place === "direct" ? entries : [],
    groupAllowFrom: place === "room" ? entries : [],
    readStoreAllowFrom: async () => [],
  });
  return ingress.admission === "dispatch";
}

function person(address: string): Sender {
  const jid = parseJid(address)?.bare as BareJid;
  return { id: jid, grade: "jid", jid, occupant: NOBODY, label: jid };
}

const NOBODY: RoomSender = { affiliation: "none", role: "participant" };

it.each([
  ["alice@example.com", "alice@example.com"],
  ["Alice@EXAMPLE.com/phone", "alice@example.com"],
  ["alice@example.com", "xmpp:ALICE@Example.Com"],
  ["alice@example.com", "*@example.com"],
  ["alice@example.com", "*"],
  ["zoë@bücher.example", "zoe\u0308@xn--bcher-kva.example"],
  ["a*b@example.com", "*@example.com"],
])("%s is let in by %s", async (sender, entry) => {
  expect(await isLetIn(person(sender), [entry])).toBe(true);
});

it.each([
  ["malice@example.com", "alice@example.com"],
  ["alice@example.com.evil.net", "alice@example.com"],
  ["alice@evil.net", "alice@example.com"],
  ["alic@example.com", "alice@example.com"],
  ["alice@example.co", "alice@example.com"],
  ["bob@example.com/alice@example.com", "alice@example.com"],
  ["\u0430lice@example.com", "alice@example.com"],
  ["alice@ex\u0430mple.com", "alice@example.com"],
  ["alice@sub.example.com", "*@example.com"],
  ["alice@notexample.com", "*@example.com"],
  ["example.com@evil.net", "*@example.com"],
  ["alice@example.com", "alice@example.com/phone"],
  ["alice@example.com", "example.com"],
  ["alice@example.com", "a*@example.com"],
  ["alice@example.com", ""],
])("%s is not let in by %s", async (sender, entry) => {
  expect(await isLetIn(person(sender), [entry])).toBe(false);
});

const ROOM = "room@chat.example";

/** Somebody in a room, by what the room vouches for. */
function occupant(facts: Partial<RoomSender>): Sender {
  const all = { ...NOBODY, ...facts };
  const known = { label: "alice", stay: "s1", occupant: all, jid: all.jid };
  if (all.jid) return { ...known, id: all.jid, grade: "jid" };
  return all.occupantId === undefined
    ? { ...known, id: `${ROOM}#stay:s1`, grade: "nick" }
    : { ...known, id: `${ROOM}#occupant:${all.occupantId}`, grade: "occupant-id" };
}

const ENTRIES = [
  "alice@example.com",
  "*@example.com",
  "*",
  "occupant:Ab=7",
  "affiliation:owner",
  "affiliation:admin",
  "affiliation:member",
  "role:moderator",
  "room@chat.example",
  "room@chat.example/alice",
  "room@chat.example#stay:s1",
  "alice",
];

const OCCUPANTS: [string, Partial<RoomSender>, string[]][] = [
  ["nobody in particular", {}, []],
  [
    "a real JID",
    { jid: "alice@example.com" as BareJid },
    ["alice@example.com", "*@example.com", "*"],
  ],
  ["an occupant id", { occupantId: "Ab=7" }, ["*", "occupant:Ab=7"]],
  ["another occupant id", { occupantId: "ab=7" }, ["*"]],
  ["a masked member", { affiliation: "member" }, ["affiliation:member"]],
  [
    "a masked owner who moderates",
    { affiliation: "owner", role: "moderator" },
    ["affiliation:owner", "affiliation:admin", "affiliation:member", "role:moderator"],
  ],
  ["an outcast", { affiliation: "outcast" }, []],
];

it.each(OCCUPANTS)("in a room, %s is let in by its own entries only", async (_, facts, wanted) => {
  const sender = occupant(facts);
  const lettingIn = [];
  for (const entry of ENTRIES) if (await isLetIn(sender, [entry], "room")) lettingIn.push(entry);
  expect(lettingIn).toEqual(wanted);
  // What decides about tools decides alike.
  expect(ENTRIES.filter((entry) => matchesRoomEntry(entry, sender.occupant))).toEqual(wanted);
});

it("what a room says of somebody lets nobody into a direct chat", async () => {
  const owner = occupant({ affiliation: "owner", role: "moderator", occupantId: "Ab=7" });
  for (const entry of ["occupant:Ab=7", "affiliation:owner", "role:moderator"]) {
    expect(await isLetIn(owner, [entry])).toBe(false);
  }
});

it.each(["alice@example.com", "room@chat.example/alice@example.com", "*@example.com"])(
  "a nick is let in by no entry: %s",
  async (entry) => {
    const masked = occupant({});
    expect(await isLetIn(masked, [entry])).toBe(false);
    expect(await isLetIn({ ...masked, id: "alice@example.com" }, [entry])).toBe(false);
    expect(await isLetIn({ ...masked, id: `${ROOM}/alice@example.com` }, [entry])).toBe(false);
  },
);
