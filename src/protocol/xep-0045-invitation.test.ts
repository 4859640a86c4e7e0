import { parse, type Element } from "ltx";
import { describe, expect, it, test } from "vitest";
import type { BareJid, FullJid } from "./jid.ts";
import {
  decodeInvitation,
  encodeDecline,
  encodeDirectInvitation,
  encodeMediatedInvitation,
} from "./xep-0045-invitation.ts";

const room = "room@muc.example.com" as BareJid;
const to = "alice@example.com" as FullJid;
const X = '<x xmlns="http://jabber.org/protocol/muc#user">';

test.each([
  [
    "mediated",
    encodeMediatedInvitation({ room, to }),
    `<message to="${room}">${X}<invite to="${to}"/></x></message>`,
  ],
  [
    "mediated, with everything",
    encodeMediatedInvitation({ room, to, reason: "a < b\u0000", password: " p&\u001bw" }),
    `<message to="${room}">${X}<invite to="${to}"><reason>a &lt; b</reason></invite><password> p&amp;w</password></x></message>`,
  ],
  [
    "direct",
    encodeDirectInvitation({ to, room }),
    `<message to="${to}"><x xmlns="jabber:x:conference" jid="${room}"/></message>`,
  ],
  [
    "direct, with everything",
    encodeDirectInvitation({ to, room, reason: 'say "hi"', password: "p\u0000w" }),
    `<message to="${to}"><x xmlns="jabber:x:conference" jid="${room}" password="pw" reason="say &quot;hi&quot;"/></message>`,
  ],
  [
    "declined",
    encodeDecline({ room, to, reason: "busy" }),
    `<message to="${room}">${X}<decline to="${to}"><reason>busy</reason></decline></x></message>`,
  ],
])("writes: %s", (_name, element, xml) => {
  expect(element.toString()).toBe(xml);
});

/** What the other side gets: a room puts the sender into the notice, a server into the message. */
function arrive(message: Element, from: string, by?: string): Element {
  const [notice] = message.getChild("x")?.getChildElements() ?? [];
  if (by !== undefined && notice) notice.attrs = { from: by };
  message.attrs["from"] = from;
  return parse(message.toString());
}

describe("what is written is read", () => {
  const details = { reason: "Come & see", password: " p w " };

  it("mediated", () => {
    const message = encodeMediatedInvitation({ room, to, ...details });
    const invitation = decodeInvitation(arrive(message, room, "bot@example.com/a"));
    expect(invitation).toEqual({ kind: "mediated", room, by: "bot@example.com", ...details });
  });

  it("direct", () => {
    const message = encodeDirectInvitation({ room, to, ...details });
    const invitation = decodeInvitation(arrive(message, "bot@example.com/a"));
    expect(invitation).toEqual({ kind: "direct", room, by: "bot@example.com", ...details });
  });

  it("declined", () => {
    const message = encodeDecline({ room, to, reason: "busy" });
    const invitation = decodeInvitation(arrive(message, room, "bot@example.com"));
    expect(invitation).toEqual({
      kind: "declined",
      room,
      by: "bot@example.com",
      reason: "busy",
    });
  });
});

describe("what a stranger may make long", () => {
  const read = (length: number) => {
    const text = `${"a".repeat(length - 1)}😀`;
    const invite = `<invite><reason>${text}</reason><continue thread='${text}'/></invite><password>${text}</password>`;
    const attributes = `reason='${text}' password='${text}' continue='true' thread='${text}'`;
    return [
      `<message from='${room}'>${X}${invite}</x></message>`,
      `<message><x xmlns='jabber:x:conference' jid='${room}' ${attributes}/></message>`,
    ].map((xml) => decodeInvitation(parse(xml)));
  };

  it("is taken up to a thousand characters", () => {
    const text = `${"a".repeat(998)}😀`;
    for (const invitation of read(999)) {
      expect(invitation).toMatchObject({ reason: text, password: text, thread: text });
    }
  });

  it("is cut, as a reason, on a whole character, and absent, as a password or thread", () => {
    for (const invitation of read(1000)) {
      expect(invitation).toMatchObject({ reason: "a".repeat(999), continued: true });
      expect(invitation?.password).toBeUndefined();
      expect(invitation?.thread).toBeUndefined();
    }
  });
});
