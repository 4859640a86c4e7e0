import { describe, expect, it } from "vitest";
import { bareJid, parseJid, prepareDomain, withResource } from "./jid.ts";

describe("parseJid", () => {
  it.each([
    ["juliet@example.com", "juliet", "example.com", undefined],
    ["juliet@example.com/foo", "juliet", "example.com", "foo"],
    ["juliet@example.com/foo bar", "juliet", "example.com", "foo bar"],
    ["juliet@example.com/foo@bar", "juliet", "example.com", "foo@bar"],
    ["juliet@example.com/a/b", "juliet", "example.com", "a/b"],
    [String.raw`foo\20bar@example.com`, String.raw`foo\20bar`, "example.com", undefined],
    [String.raw`a\b@example.com`, String.raw`a\b`, "example.com", undefined],
    ["fussball@example.com", "fussball", "example.com", undefined],
    ["fußball@example.com", "fußball", "example.com", undefined],
    ["π@example.com", "π", "example.com", undefined],
    ["Σ@example.com/foo", "σ", "example.com", "foo"],
    ["king@example.com/♚", "king", "example.com", "♚"],
    ["example.com", undefined, "example.com", undefined],
    ["example.com/foobar", undefined, "example.com", "foobar"],
    ["a.example.com/b@example.net", undefined, "a.example.com", "b@example.net"],
    ["ALICE@Example.COM", "alice", "example.com", undefined],
    ["alice@example.com/Phone", "alice", "example.com", "Phone"],
    ["alice@example.com.", "alice", "example.com", undefined],
    ["ａｌｉｃｅ@ｅxample。com", "alice", "example.com", undefined],
    ["Cafe\u0301@example.com/Cafe\u0301", "caf\u00e9", "example.com", "Caf\u00e9"],
    ["bob@MÜNCHEN.de", "bob", "münchen.de", undefined],
    ["bob@xn--mnchen-3ya.de", "bob", "münchen.de", undefined],
    ["bob@[0:0:0:0:0:0:0:1]", "bob", "[::1]", undefined],
    ["bob@192.0.2.7", "bob", "192.0.2.7", undefined],
    ["bob@my_host", "bob", "my_host", undefined],
    ["שלום@example.com", "שלום", "example.com", undefined],
    ["paral·lel@example.com", "paral·lel", "example.com", undefined],
    ["room@muc.example.com/👨‍👩‍👧 ❤️", "room", "muc.example.com", "👨‍👩‍👧 ❤️"],
    ["room@muc.example.com/a\u00a0b", "room", "muc.example.com", "a b"],
  ])("prepares %j", (text, local, domain, resource) => {
    const bare = local === undefined ? domain : `${local}@${domain}`;
    expect(parseJid(text)).toEqual({
      local,
      domain,
      resource,
      bare,
      full: resource === undefined ? bare : `${bare}/${resource}`,
    });
  });

  it.each([
    "",
    "@",
    "/",
    "@example.com",
    "alice@",
    "alice@/phone",
    "alice@example.com/",
    '"juliet"@example.com',
    "foo bar@example.com",
    " alice@example.com",
    "alice@example.com ",
    "alice@@example.com",
    "alice@evil@example.com",
    "henry\u2163@example.com", // Roman numeral four
    "\u265A@example.com", // chess king
    "\uFB01sh@example.com", // ligature fi
    "al\u200Dice@example.com",
    "al\u200Bice@example.com",
    "al\u00ADice@example.com",
    "al\uFEFFice@example.com",
    "al\uFE0Fice@example.com", // variation selector, a mark that is not seen
    "al\u034Fice@example.com", // grapheme joiner
    "alice\u115F@example.com", // Hangul filler, a letter that is not seen
    "\u202Ealice@example.com",
    "al\u0000ice@example.com",
    "al\tice@example.com",
    "alice\u3000@example.com", // ideographic space becomes a space
    "\uD800@example.com",
    "\u{E0061}@example.com", // tag letter
    "\u0378@example.com", // unassigned
    "\u1100\u1100@example.com", // conjoining jamo that do not compose
    "אa@example.com", // Bidi Rule
    "<alice>@example.com",
    "alice@exa mple.com",
    "alice@ex%61mple.com",
    "alice@example.com\\evil",
    "alice@example.com#x",
    "alice@example.com:5222",
    "alice@exam\u00ADple.com",
    "alice@exam\u200Dple.com",
    "alice@exa\nmple.com",
    "alice@example..com",
    "alice@.example.com",
    "alice@example.com..",
    "alice@-example.com",
    "alice@*.com",
    "*@*",
    "*@example.com", // a pattern in every list
    "\uFF0A@example.com",
    "alice@0x7f.1",
    "alice@127.1",
    "alice@xn--zz--",
    "alice@[::1",
    "alice@[nonsense]",
    "alice@example.com/\u0007",
    "alice@example.com/\u202Eenohp",
    "alice@example.com/\uFFFF",
    "alice@example.com/\uDC00",
    `${"a".repeat(1024)}@example.com`,
    `${"é".repeat(512)}@example.com`,
    `alice@example.com/${"x".repeat(1024)}`,
    `${"a".repeat(64)}.com`,
    "x".repeat(100_000),
  ])("refuses %j", (text) => {
    expect(parseJid(text)).toBeUndefined();
  });

  it("keeps addresses apart that only look the same", () => {
    const look = [
      "alice@example.com",
      "\u0430lice@example.com",
      "a1ice@example.com",
      "alice@ex\u0430mple.com",
    ];
    expect(new Set(look.map((text) => bareJid(text))).size).toBe(look.length);
  });

  it.each([
    "\u05D0" + "\u0591".repeat(500) + "a",
    "l\u00B7".repeat(500),
    "\u0627\u0660".repeat(250) + "1",
  ])("takes no time over %j", (local) => {
    const started = performance.now();
    parseJid(`${local}@example.com`);
    expect(performance.now() - started).toBeLessThan(200);
  });

  it("is not confused by what is no string", () => {
    for (const value of [undefined, null, 7, {}, []]) {
      expect(parseJid(value as unknown as string)).toBeUndefined();
    }
  });

  it("takes parts of exactly 1023 octets", () => {
    const local = "a".repeat(1023);
    expect(parseJid(`${local}@example.com/${"é".repeat(511)}`)?.local).toBe(local);
  });

  it("prepares a prepared JID to itself, whatever code point is in it", () => {
    for (let codePoint = 0x21; codePoint < 0x1f000; codePoint += codePoint < 0x3400 ? 1 : 3) {
      if (codePoint === 0x3400) codePoint = 0x9f00; // the long runs of ideographs behave alike
      if (codePoint === 0xac80) codePoint = 0xd700; // and so do the Hangul syllables
      const char = String.fromCodePoint(codePoint);
      for (const text of [`a${char}b@example.com/a${char}b`, `${char}@x${char}.example`]) {
        const once = parseJid(text);
        if (!once) continue;
        expect(parseJid(once.full), text).toEqual(once);
      }
    }
  });
});

describe("prepareDomain", () => {
  it("takes a domain only", () => {
    expect(prepareDomain("Example.COM.")).toBe("example.com");
    expect(prepareDomain("alice@example.com")).toBeUndefined();
    expect(prepareDomain("example.com/x")).toBeUndefined();
  });
});

describe("withResource", () => {
  it("makes the JID of an occupant", () => {
    const room = bareJid("room@muc.example.com")!;
    expect(withResource(room, "The Bot")).toBe("room@muc.example.com/The Bot");
    expect(withResource(room, "")).toBeUndefined();
    expect(withResource(room, "a\nb")).toBeUndefined();
  });
});
