import { describe, expect, it } from "vitest";
import { parseJid } from "../protocol/jid.ts";
import { toXmppUri } from "../protocol/rfc-5122-uri.ts";
import { parseTarget } from "./target.ts";

const isRoom = (jid: string) => jid === "team@muc.example.com";
const parse = (text: string) => parseTarget(text, isRoom);

const direct = (to: string) => ({ kind: "direct", to });
const room = (jid: string) => ({ kind: "room", room: jid, to: jid });
const occupant = (jid: string, nick: string) => ({
  kind: "room-private",
  room: jid,
  nick,
  to: `${jid}/${nick}`,
});
const TEAM = "team@muc.example.com";
const OTHER = "other@muc.example.com";

describe("parseTarget", () => {
  it.each([
    ["alice@example.com", direct("alice@example.com")],
    [" Alice@Example.com ", direct("alice@example.com")],
    ["alice@example.com/Phone", direct("alice@example.com/Phone")],
    ["xmpp:alice@example.com", direct("alice@example.com")],
    ["XMPP:alice@example.com?message", direct("alice@example.com")],
    ["xmpp:alice@example.com?message;body=hi%20there", direct("alice@example.com")],
    ["xmpp:alice@example.com#top", direct("alice@example.com")],
    [
      "xmpp:nasty!%23$%25()*+,-.;=%3F%5B%5C%5D%5E_%60%7B%7C%7D~node@example.com",
      direct("nasty!#$%()*+,-.;=?[\\]^_`{|}~node@example.com"),
    ],
    [
      "xmpp:node@example.com/repulsive%20!%23%22$%25&'()*+,-.%2F:;%3C=%3E%3F%40",
      direct("node@example.com/repulsive !#\"$%&'()*+,-./:;<=>?@"),
    ],
    ["jabber:alice@example.com", direct("alice@example.com")],
    [`stay:0b1e-2:${TEAM}/alice`, { ...occupant(TEAM, "alice"), stay: "0b1e-2" }],
    [`xmpp:stay:0b1e-2:${OTHER}/alice`, { ...occupant(OTHER, "alice"), stay: "0b1e-2" }],
    ["user:alice@example.com", direct("alice@example.com")],
    ["xmpp:user:alice@example.com", direct("alice@example.com")],
    [`user:${TEAM}`, direct(TEAM)],
    [TEAM, room(TEAM)],
    ["TEAM@muc.example.com", room(TEAM)],
    [`xmpp:${TEAM}`, room(TEAM)],
    [`xmpp:${TEAM}?join`, room(TEAM)],
    [`xmpp:${OTHER}?join`, room(OTHER)],
    [`xmpp:${OTHER}?JOIN;password=x`, room(OTHER)],
    [`room:${OTHER}`, room(OTHER)],
    [`group:${OTHER}`, room(OTHER)],
    [`channel:${OTHER}`, room(OTHER)],
    [`room:xmpp:${OTHER}`, room(OTHER)],
    [`xmpp:room:${OTHER}`, room(OTHER)],
    [`${TEAM}/Alice in W`, occupant(TEAM, "Alice in W")],
    [`xmpp:${TEAM}/Alice%20in%20W`, occupant(TEAM, "Alice in W")],
    [`room:${OTHER}/nick`, occupant(OTHER, "nick")],
    [`${OTHER}/nick`, direct(`${OTHER}/nick`)],
    [`${TEAM}/50% off?`, occupant(TEAM, "50% off?")],
  ])("reads %j", (text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  it.each([
    ["", /no target/],
    ["  ", /no target/],
    ["alice", /"alice" has no "@"/],
    ["example.com", /has no "@"/],
    ["xmpp:example.com", /has no "@"/],
    ["alice@", /not a JID/],
    ["@example.com", /not a JID/],
    ["alice bob@example.com", /not a JID/],
    ["alice@exa mple.com", /not a JID/],
    ["alice@example.com,bob@example.com", /not a JID/],
    ["xmpp:", /not a JID/],
    ["xmpp:alice%40example.com", /not a JID/],
    ["xmpp:alice%2Fx@example.com", /not a JID/],
    ["xmpp:alice@example.com%2Fx", /not a JID/],
    ["xmpp:alice%zz@example.com", /two hex digits/],
    ["xmpp:%ff@example.com", /two hex digits/],
    ["xmpp:alice@example.com?roster", /\?message or \?join/],
    ["xmpp://guest@example.com/support@example.com", /account to send from/],
    ["#room", /not a JID/],
    ["https://example.com", /not a JID/],
  ])("refuses %j", (text, problem) => {
    expect(parse(text)).toEqual({ problem: expect.stringMatching(problem) });
  });

  it("reads back the URI of any JID", () => {
    const texts = Array.from({ length: 0x3000 }, (_, code) => String.fromCodePoint(code)).flatMap(
      (char) => [
        `a${char}b@example.com`,
        `team@muc.example.com/a${char}b c`,
        `a@x${char}y.example`,
      ],
    );
    const jids = texts.map(parseJid).filter((jid) => jid?.local !== undefined);
    expect(jids.length).toBeGreaterThan(10_000);
    const readBack = jids.map((jid) => jid && parse(toXmppUri(jid.full)));
    expect(readBack.map((target) => target && "to" in target && target.to)).toEqual(
      jids.map((jid) => jid?.full),
    );
  });

  it("leaves an ordinary JID readable in its URI", () => {
    expect(toXmppUri(parseJid("alice@example.com/a b")!.full)).toBe("xmpp:alice@example.com/a%20b");
    expect(toXmppUri(parseJid("alice@[::1]")!.full)).toBe("xmpp:alice@[%3A%3A1]");
  });
});
