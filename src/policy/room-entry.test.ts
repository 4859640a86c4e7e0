import { expect, it } from "vitest";
import type { BareJid } from "../protocol/jid.ts";
import type { Affiliation } from "../protocol/xep-0045-muc.ts";
import { matchesRoomEntry, parseRoomEntry, type RoomSender } from "./room-entry.ts";

const masked: RoomSender = { affiliation: "none", role: "participant" };
const alice: RoomSender = { ...masked, jid: "alice@example.com" as BareJid };
const seventh: RoomSender = { ...masked, occupantId: "Ab=7" };
const affiliated = (affiliation: Affiliation): RoomSender => ({ ...masked, affiliation });

it.each<[string, RoomSender]>([
  ["alice@example.com", alice],
  ["xmpp:ALICE@example.com", alice],
  ["*@example.com", alice],
  ["*", alice],
  ["*", seventh],
  ["occupant:Ab=7", seventh],
  [" Occupant:Ab=7 ", seventh],
  ["affiliation:owner", affiliated("owner")],
  ["affiliation:admin", affiliated("owner")],
  ["affiliation:member", affiliated("owner")],
  ["affiliation:admin", affiliated("admin")],
  ["affiliation:member", affiliated("admin")],
  ["affiliation:MEMBER", affiliated("member")],
  ["role:moderator", { ...masked, role: "moderator" }],
])("%j matches %j", (entry, sender) => {
  expect(matchesRoomEntry(entry, sender)).toBe(true);
});

it.each<[string, RoomSender]>([
  ["alice@example.com", masked],
  ["alice@example.com", seventh],
  ["*", masked],
  ["*", { ...masked, affiliation: "owner", role: "moderator" }],
  ["occupant:ab=7", seventh],
  ["occupant:Ab=", seventh],
  ["occupant:", masked],
  ["occupant:", { ...masked, occupantId: "" }],
  ["occupant:alice@example.com", alice],
  ["affiliation:owner", affiliated("admin")],
  ["affiliation:admin", affiliated("member")],
  ["affiliation:member", affiliated("none")],
  ["affiliation:member", affiliated("outcast")],
  ["affiliation:none", affiliated("none")],
  ["affiliation:outcast", affiliated("outcast")],
  ["role:moderator", masked],
  ["role:participant", masked],
  ["role:visitor", { ...masked, role: "visitor" }],
  ["nick:alice", alice],
])("%j does not match %j", (entry, sender) => {
  expect(matchesRoomEntry(entry, sender)).toBe(false);
});

it("an occupant id is opaque: nothing of it is prepared", () => {
  expect(parseRoomEntry("occupant: a:B/c@d ")).toEqual({ kind: "occupant", id: " a:B/c@d" });
});
