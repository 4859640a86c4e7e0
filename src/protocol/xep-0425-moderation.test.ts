import { describe, expect, it } from "vitest";
import type { BareJid } from "./jid.ts";
import {
  encodeModeration,
  MODERATION,
  MODERATION_0,
  moderationVersion,
} from "./xep-0425-moderation.ts";

const ROOM = "room@muc.example.com" as BareJid;

describe("encodeModeration", () => {
  it("asks in the current version", () => {
    const iq = encodeModeration(ROOM, { id: "s1", reason: "Spam & lies" }, MODERATION);
    expect(iq.toString()).toBe(
      '<iq type="set" to="room@muc.example.com"><moderate xmlns="urn:xmpp:message-moderate:1" id="s1"><retract xmlns="urn:xmpp:message-retract:1"/><reason>Spam &amp; lies</reason></moderate></iq>',
    );
  });

  it("asks in the one before", () => {
    const iq = encodeModeration(ROOM, { id: "s1" }, MODERATION_0);
    expect(iq.toString()).toBe(
      '<iq type="set" to="room@muc.example.com"><apply-to xmlns="urn:xmpp:fasten:0" id="s1"><moderate xmlns="urn:xmpp:message-moderate:0"><retract xmlns="urn:xmpp:message-retract:0"/></moderate></apply-to></iq>',
    );
  });
});

it.each([
  [[MODERATION_0, MODERATION], MODERATION],
  [["urn:other", MODERATION_0], MODERATION_0],
  [["urn:other"], undefined],
])("of %j chooses %s", (features, version) => {
  expect(moderationVersion(features)).toBe(version);
});
