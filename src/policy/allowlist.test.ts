import { describe, expect, it } from "vitest";
import { bareJid, type BareJid } from "../protocol/jid.ts";
import { matchesAllowlist, normalizeAllowEntry, parseAllowEntry } from "./allowlist.ts";

/** A sender as it arrives: undefined when its JID is none, then nothing is ever asked of a list. */
function letsIn(entry: string, sender: string): boolean {
  const jid = bareJid(sender);
  return jid !== undefined && matchesAllowlist([entry], jid);
}

describe("who is let in", () => {
  it.each([
    ["alice@example.com", "alice@example.com"],
    ["alice@example.com", "alice@example.com/phone"],
    ["alice@example.com", "ALICE@Example.COM"],
    ["ALICE@Example.COM", "alice@example.com"],
    ["alice@example.com", "ａｌｉｃｅ@example.com"],
    ["alice@example.com", "alice@example.com."],
    ["alice@example.com.", "alice@example.com"],
    ["  alice@example.com\n", "alice@example.com"],
    ["xmpp:alice@example.com", "alice@example.com"],
    ["XMPP:alice@example.com", "alice@example.com"],
    ["jabber:alice@example.com", "alice@example.com"],
    ["bob@münchen.de", "bob@xn--mnchen-3ya.de"],
    ["bob@xn--mnchen-3ya.de", "bob@MÜNCHEN.de"],
    ["*@example.com", "anybody@example.com"],
    ["*@EXAMPLE.com", "anybody@example.com/x"],
    ["xmpp:*@example.com", "anybody@example.com"],
    ["*", "anybody@anywhere.example"],
    ["*", "anywhere.example"],
    [String.raw`d\27artagnan@example.com`, String.raw`d\27artagnan@example.com`],
  ])("%j lets %j in", (entry, sender) => {
    expect(letsIn(entry, sender)).toBe(true);
  });

  it.each([
    ["alice@example.com", "malice@example.com"],
    ["alice@example.com", "alice2@example.com"],
    ["alice@example.com", "alice@example.com.evil.net"],
    ["alice@example.com", "alice@evil-example.com"],
    ["alice@example.com", "alice@sub.example.com"],
    ["alice@example.com", "alice@example.org"],
    ["alice@example.com", "\u0430lice@example.com"], // Cyrillic a
    ["alice@example.com", "alice@ex\u0430mple.com"],
    ["alice@example.com", "al\u0131ce@example.com"], // dotless i
    ["alice@example.com", "al\u200Dice@example.com"],
    ["alice@example.com", "al\u200Bice@example.com"],
    ["alice@example.com", "alice\u00AD@example.com"],
    ["alice@example.com", "alice%40example.com@evil.net"],
    ["alice@example.com", "alice%40example.com"],
    ["alice@example.com", "%61lice@example.com"],
    ["alice@example.com", "alice@ex%61mple.com"],
    ["alice@example.com", String.raw`alice\40example.com@evil.net`],
    ["alice@example.com", "evil.net/alice@example.com"],
    ["alice@example.com", "mallory@evil.net/alice@example.com"],
    ["alice@example.com", "example.com"],
    ["alice@example.com", "example.com/alice"],
    ["alice@example.com", ""],
    ["*@example.com", "alice@sub.example.com"],
    ["*@example.com", "alice@example.com.evil.net"],
    ["*@example.com", "alice@evilexample.com"],
    ["*@example.com", "example.com"],
    ["*@example.com", "mallory@evil.net/x@example.com"],
    ["*@com", "alice@example.com"],
    ["*@*.com", "alice@example.com"],
    ["*@*", "alice@example.com"],
    ["*alice@example.com", "alice@example.com"],
    ["*alice@example.com", "malice@example.com"],
    ["al*@example.com", "alice@example.com"],
    ["*@*", "*@*"],
    ["**", "alice@example.com"],
    ["alice@example.com/phone", "alice@example.com/phone"],
    ["alice@example.com/", "alice@example.com"],
    ["*@example.com/phone", "alice@example.com"],
    ["example.com", "alice@example.com"],
    ["example.com", "example.com"],
    ["@example.com", "alice@example.com"],
    ["*@", "alice@example.com"],
    ["alice", "alice@example.com"],
    ["xmpp:alice%40example.com", "alice@example.com"],
    ["xmpp:alice@example.com?join", "alice@example.com"],
    ["xmpp://alice@example.com", "alice@example.com"],
    ["xmpp:xmpp:alice@example.com", "alice@example.com"],
    ["alice@example.com, bob@example.com", "alice@example.com"],
    ["accessGroup:staff", "alice@example.com"],
    [".*@example.com", "alice@example.com"],
    ["", "alice@example.com"],
  ])("%j keeps %j out", (entry, sender) => {
    expect(letsIn(entry, sender)).toBe(false);
  });

  it("lets nobody in by an empty list", () => {
    expect(matchesAllowlist([], "alice@example.com" as BareJid)).toBe(false);
  });

  it("asks every entry", () => {
    expect(
      matchesAllowlist(["junk", "bob@example.com", "*@example.net"], "x@example.net" as BareJid),
    ).toBe(true);
  });
});

describe("normalizeAllowEntry", () => {
  it.each([
    [" xmpp:ALICE@Example.COM. ", "alice@example.com"],
    ["jabber:*@Example.COM", "*@example.com"],
    [" * ", "*"],
    ["xmpp:*", "*"],
    ["alice@example.com/phone", ""],
    ["example.com", ""],
    ["nonsense entry", ""],
  ])("%j is %j", (text, expected) => {
    expect(normalizeAllowEntry(text)).toBe(expected);
    expect(normalizeAllowEntry(expected)).toBe(expected);
  });

  it("keeps the meaning", () => {
    for (const text of ["Alice@example.com", "*@Example.com", "*"]) {
      expect(parseAllowEntry(normalizeAllowEntry(text))).toEqual(parseAllowEntry(text));
    }
  });
});
