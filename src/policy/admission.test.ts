import { parse } from "ltx";
import { describe, expect, it } from "vitest";
import type { BareJid, FullJid } from "../protocol/jid.ts";
import { decodeMessage } from "../protocol/stanza.ts";
import { admit, type AdmissionContext } from "./admission.ts";

const context: AdmissionContext = {
  ownJid: "bot@example.com/openclaw" as FullJid,
  room: (room: BareJid) =>
    ({
      "room@muc.example.com": { joined: true, nick: "The Bot" },
      "new@muc.example.com": { joined: false, nick: "The Bot" },
    })[room as string],
  isSibling: ({ bare, resource }) =>
    bare === "sister@example.com" || (bare === ROOM && resource === "Sister"),
};

const BODY = "<body>hello</body>";
const ROOM = "room@muc.example.com";
const delay = (from?: string) =>
  `<delay xmlns='urn:xmpp:delay' ${from ? `from='${from}'` : ""} stamp='2024-01-01T00:00:00Z'/>`;
const wrapped = `<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='alice@example.com/a' to='bot@example.com'>${BODY}</message></forwarded>`;
const mucUser = (inner = "") => `<x xmlns='http://jabber.org/protocol/muc#user'>${inner}</x>`;
const omemo =
  "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/><payload>AA==</payload></encrypted>";

function decide(attributes: string, children: string) {
  return admit(decodeMessage(parse(`<message ${attributes}>${children}</message>`)), context);
}

describe("what is dropped", () => {
  it.each([
    ["error", "type='error' from='alice@example.com'", BODY],
    ["error", "type='error'", ""],
    ["no-sender", "type='chat'", BODY],
    ["no-sender", "type='chat' from=''", BODY],
    ["no-sender", "type='chat' from='al ice@example.com'", BODY],
    ["no-sender", "type='groupchat' from='@'", BODY],
    ["own", "type='chat' from='sister@example.com/openclaw'", BODY],
    ["own", "type='groupchat' from='room@muc.example.com/Sister'", BODY],
    ["own", "type='chat' from='room@muc.example.com/Sister'", mucUser() + BODY],
    ["misaddressed", "type='chat' from='alice@example.com' to='carol@example.com'", BODY],
    ["misaddressed", "type='chat' from='alice@example.com' to='bot@example.com/other'", BODY],
    ["misaddressed", "type='chat' from='alice@example.com' to='bot@example.com.evil.net'", BODY],
    ["misaddressed", "type='chat' from='alice@example.com' to='@@'", BODY],
    [
      "forwarded",
      "from='bot@example.com' to='bot@example.com/openclaw'",
      `<received xmlns='urn:xmpp:carbons:2'>${wrapped}</received>`,
    ],
    [
      "forwarded",
      "from='bot@example.com' to='bot@example.com/openclaw'",
      `<sent xmlns='urn:xmpp:carbons:2'>${wrapped}</sent>`,
    ],
    [
      "forwarded",
      "from='mallory@evil.example/x'",
      `<received xmlns='urn:xmpp:carbons:2'>${wrapped}</received>`,
    ],
    [
      "forwarded",
      "from='mallory@evil.example/x' type='chat'",
      `<received xmlns='urn:xmpp:carbons:2'>${wrapped}</received>${BODY}`,
    ],
    [
      "forwarded",
      "from='bot@example.com'",
      `<result xmlns='urn:xmpp:mam:2' id='1'>${wrapped}</result>`,
    ],
    ["forwarded", "from='alice@example.com'", `${BODY}${wrapped}`],
    ["own", "type='chat' from='bot@example.com/openclaw'", BODY],
    ["own", "type='chat' from='BOT@example.com/phone'", BODY],
    ["own", "type='chat' from='bot@example.com'", BODY],
    ["own", `type='groupchat' from='${ROOM}/The Bot'`, BODY],
    ["own", `type='groupchat' from='${ROOM}/The Bot'`, BODY + delay()],
    ["own", `type='chat' from='${ROOM}/The Bot'`, BODY],
    ["own", "type='groupchat' from='new@muc.example.com/The Bot'", BODY],
    ["invitation", `from='${ROOM}'`, BODY + mucUser("<invite from='alice@example.com'/>")],
    [
      "invitation",
      "from='other@muc.example.com'",
      BODY + mucUser("<invite from='alice@example.com'/>"),
    ],
    [
      "invitation",
      "from='alice@example.com/a'",
      `${BODY}<x xmlns='jabber:x:conference' jid='other@muc.example.com'/>`,
    ],
    ["invitation", `from='${ROOM}'`, BODY + mucUser("<decline from='alice@example.com'/>")],
    ["headline", "type='headline' from='alice@example.com'", BODY],
    ["headline", "type='headline' from='example.com'", BODY],
    ["unknown-room", "type='groupchat' from='other@muc.example.com/alice'", BODY],
    ["unknown-room", "type='groupchat' from='alice@example.com/a'", BODY],
    ["unknown-room", "type='chat' from='other@muc.example.com/alice'", BODY + mucUser()],
    ["room-service", `type='groupchat' from='${ROOM}'`, "<body>This room is logged</body>"],
    ["room-service", `from='${ROOM}'`, mucUser("<status code='104'/>")],
    ["room-service", `type='chat' from='${ROOM}'`, BODY],
    ["joining", "type='groupchat' from='new@muc.example.com/alice'", BODY],
    ["joining", "type='chat' from='new@muc.example.com/alice'", BODY],
    ["history", `type='groupchat' from='${ROOM}/alice'`, BODY + delay(ROOM)],
    ["history", `type='groupchat' from='${ROOM}/alice'`, BODY + delay()],
    ["history", `type='groupchat' from='${ROOM}/alice'`, BODY + delay(`${ROOM}/alice`)],
    ["history", `type='groupchat' from='${ROOM}/alice'`, BODY + delay("example.com") + delay(ROOM)],
    [
      "history",
      `type='groupchat' from='${ROOM}/alice'`,
      `${BODY}<delay xmlns='urn:xmpp:delay' stamp='junk'/>`,
    ],
    ["service", "type='chat' from='example.com'", BODY],
    ["service", "type='normal' from='gateway.example.com/x'", BODY],
    [
      "no-body",
      "type='chat' from='alice@example.com/a'",
      "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
    ],
    ["no-body", "type='chat' from='alice@example.com/a'", "<body> \n\t</body>"],
    [
      "no-body",
      "type='chat' from='alice@example.com/a'",
      "<received xmlns='urn:xmpp:receipts' id='1'/>",
    ],
    [
      "no-body",
      "type='chat' from='alice@example.com/a'",
      "<body xmlns='http://www.w3.org/1999/xhtml'>x</body>",
    ],
    [
      "no-body",
      "type='chat' from='alice@example.com/a'",
      "<encrypted xmlns='eu.siacs.conversations.axolotl'><header/></encrypted>",
    ],
    ["no-body", `type='groupchat' from='${ROOM}/alice'`, "<subject>new subject</subject>"],
    [
      "no-body",
      "type='chat' from='alice@example.com/a'",
      "<reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>+</reaction></reactions><body>+</body>",
    ],
    [
      "no-body",
      "type='chat' from='alice@example.com/a'",
      "<retract xmlns='urn:xmpp:message-retract:1' id='1'/><body>/me took back a message</body>",
    ],
    [
      "no-body",
      `type='groupchat' from='${ROOM}/alice'`,
      "<apply-to xmlns='urn:xmpp:fasten:0' id='1'><retract xmlns='urn:xmpp:message-retract:0'/></apply-to><body>gone</body>",
    ],
  ])("%s: %s %s", (drop, attributes, children) => {
    expect(decide(attributes, children)).toMatchObject({ admit: false, drop });
  });
});

describe("what is encrypted", () => {
  it.each([
    [
      "type='chat' from='alice@example.com/a'",
      `<body>Your client does not support OMEMO</body>${omemo}`,
      "direct",
    ],
    ["type='chat' from='alice@example.com/a'", omemo, "direct"],
    ["type='chat' from='alice@example.com/a'", "<body>?OTRv23?</body>", "direct"],
    [`type='groupchat' from='${ROOM}/alice'`, BODY + omemo, "room"],
  ])("%s %s", (attributes, children, kind) => {
    expect(decide(attributes, children)).toMatchObject({
      admit: false,
      drop: "encrypted",
      conversation: { kind },
    });
  });

  it("does not hide that it comes from a stranger's room or from history", () => {
    expect(decide("type='groupchat' from='other@muc.example.com/a'", omemo)).toEqual({
      admit: false,
      drop: "unknown-room",
    });
    expect(decide(`type='groupchat' from='${ROOM}/a'`, omemo + delay(ROOM))).toEqual({
      admit: false,
      drop: "history",
    });
  });
});

describe("what is admitted", () => {
  const direct = { kind: "direct", peer: "alice@example.com", replyTo: "alice@example.com" };
  const room = { kind: "room", room: ROOM, nick: "alice" };

  it.each([
    ["type='chat' from='Alice@Example.com/phone' to='bot@example.com/openclaw'", BODY, direct],
    ["type='chat' from='alice@example.com/phone' to='BOT@example.com'", BODY, direct],
    ["from='alice@example.com/phone'", BODY, direct],
    ["type='shout' from='alice@example.com'", BODY, direct],
    ["type='chat' from='alice@example.com/phone'", BODY + delay("example.com"), direct],
    [
      "type='chat' from='alice@example.com/phone'",
      `${BODY}<active xmlns='http://jabber.org/protocol/chatstates'/>`,
      direct,
    ],
    [`type='groupchat' from='${ROOM}/alice' to='bot@example.com/openclaw'`, BODY, room],
    [`type='groupchat' from='${ROOM}/alice'`, `<subject>x</subject>${BODY}`, room],
    [`type='groupchat' from='${ROOM}/alice'`, BODY + delay("example.com"), room],
    [`type='groupchat' from='${ROOM}/the bot'`, BODY, { ...room, nick: "the bot" }],
    [
      `type='chat' from='${ROOM}/alice'`,
      BODY + mucUser(),
      { kind: "room-private", room: ROOM, nick: "alice", occupant: `${ROOM}/alice` },
    ],
    [
      `from='${ROOM}/a/b'`,
      BODY,
      { kind: "room-private", room: ROOM, nick: "a/b", occupant: `${ROOM}/a/b` },
    ],
  ])("%s %s", (attributes, children, conversation) => {
    expect(decide(attributes, children)).toEqual({ admit: true, conversation, body: "hello" });
  });
});

describe("what an archive tells", () => {
  const own = "bot@example.com" as BareJid;
  const room = ROOM as BareJid;
  const judge = (by: BareJid, attributes: string, children = BODY, isOwn = false) => {
    const message = decodeMessage(parse(`<message ${attributes}>${children}</message>`));
    const admission = admit(message, { ...context, archived: { by, isOwn } });
    return admission.admit ? admission.conversation.kind : admission.drop;
  };

  it.each([
    ["direct", "type='chat' from='alice@example.com/a' to='bot@example.com'"],
    ["direct", "type='chat' from='alice@example.com/a' to='bot@example.com/openclaw'"],
    ["misaddressed", "type='chat' from='alice@example.com/a' to='bot@example.com/phone'"],
    ["direct", "from='alice@example.com/a'"],
    ["misaddressed", "type='chat' from='alice@example.com/a' to='carol@example.com'"],
    ["own", "type='chat' from='bot@example.com/yesterday' to='alice@example.com'"],
    ["own", "type='chat' from='sister@example.com/x' to='bot@example.com'"],
    ["error", "type='error' from='alice@example.com/a'"],
    ["headline", "type='headline' from='alice@example.com/a'"],
    ["history", `type='groupchat' from='${ROOM}/Alice'`],
    ["history", "type='groupchat' from='other@muc.example.com/Alice'"],
    ["private-history", `type='chat' from='${ROOM}/Alice' to='bot@example.com/openclaw'`],
    ["unknown-room", "type='chat' from='other@muc.example.com/Alice'", mucUser() + BODY],
    ["service", "type='chat' from='example.com'"],
    ["no-body", "type='chat' from='alice@example.com/a'", ""],
    ["forwarded", "type='chat' from='alice@example.com/a'", BODY + wrapped],
  ])("%s, of our account: %s", (expected, attributes, children?: string) => {
    expect(judge(own, attributes, children)).toBe(expected);
  });

  it.each([
    ["room", `type='groupchat' from='${ROOM}/Alice'`],
    // Somebody else may have had our nick, or that of another account of ours.
    ["room", `type='groupchat' from='${ROOM}/The Bot'`],
    ["room", `type='groupchat' from='${ROOM}/Sister'`],
    ["room", `type='groupchat' from='${ROOM}/Alice' to='${ROOM}'`],
    ["room", `type='groupchat' from='${ROOM}/Alice'`, BODY + delay("alice@example.com")],
    ["misaddressed", `type='chat' from='${ROOM}/Alice'`],
    ["misaddressed", "type='groupchat' from='new@muc.example.com/Alice'"],
    ["misaddressed", "type='groupchat' from='alice@example.com/Alice'"],
    ["room-service", `type='groupchat' from='${ROOM}'`],
  ])("%s, of a room: %s", (expected, attributes, children?: string) => {
    expect(judge(room, attributes, children)).toBe(expected);
  });

  it("is ours in a room when its author was, under whatever nick", () => {
    expect(judge(room, `type='groupchat' from='${ROOM}/Alice'`, BODY, true)).toBe("own");
  });

  it("is heard in a room that we are about to enter again", () => {
    const entering = "new@muc.example.com" as BareJid;
    expect(judge(entering, "type='groupchat' from='new@muc.example.com/Alice'")).toBe("room");
  });
});
