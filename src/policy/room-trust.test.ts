import { expect, it } from "vitest";
import type { BareJid } from "../protocol/jid.ts";
import { createRoomTrust } from "./room-trust.ts";

const isBelieved = createRoomTrust(
  ["team@muc.chosen.example" as BareJid],
  ["muc.announced.example", "example.com"],
);

it.each([
  ["team@muc.chosen.example", true],
  ["another@muc.chosen.example", true],
  ["any@muc.announced.example", true],
  ["any@example.com", true],
  ["team@muc.evil.example", false],
  ["muc.chosen.example@evil.example", false],
  ["team@sub.muc.chosen.example", false],
  ["team@chosen.example", false],
  ["team@muc.example.com", false],
  ["team@muc.chosen.example.evil", false],
  ["@", false],
  ["", false],
])("what %j says of its occupants counts: %s", (room, counts) => {
  expect(isBelieved(room as BareJid)).toBe(counts);
});

it("nobody's word counts where nobody was chosen", () => {
  expect(createRoomTrust([], [])("team@muc.chosen.example" as BareJid)).toBe(false);
  expect(createRoomTrust([], [])("" as BareJid)).toBe(false);
});

it("an address that is none makes nothing believed", () => {
  const trust = createRoomTrust(["@" as BareJid], []);
  expect(trust("@" as BareJid)).toBe(false);
  expect(trust("team@muc.chosen.example" as BareJid)).toBe(false);
});
