import { parse } from "ltx";
import { expect, test } from "vitest";
import { asJson, fixtures } from "../../test/support/fixtures.ts";
import { type BareJid, bareJid } from "./jid.ts";
import {
  decodeArchivedAuthor,
  decodeOccupantPresence,
  decodeRoomError,
  decodeRoomSubject,
  decodeStatusCodes,
  encodeInstantRoom,
  encodeJoin,
  encodeLeave,
  encodeMucUser,
  encodeOccupantPresence,
} from "./xep-0045-muc.ts";

test.each(fixtures("xep-0045/occupant"))("reads an occupant: $name", ({ stanza, expected }) => {
  expect(asJson(decodeOccupantPresence(stanza))).toEqual(expected);
});

test.each(fixtures("xep-0045/error"))("reads a room's error: $name", ({ stanza, expected }) => {
  expect(asJson(decodeRoomError(stanza))).toEqual(expected);
});

test.each(fixtures("xep-0045/subject"))("reads a subject: $name", ({ stanza, expected }) => {
  expect(asJson(decodeRoomSubject(stanza))).toEqual(expected);
});

test("status codes of a message count only where one extension carries them", () => {
  const x =
    "<x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/><status code='172'/></x>";
  expect(decodeStatusCodes(parse(`<message>${x}</message>`))).toEqual(new Set([104, 172]));
  expect(decodeStatusCodes(parse(`<message>${x}${x}</message>`)).size).toBe(0);
  expect(decodeStatusCodes(parse("<message/>")).size).toBe(0);
});

const room = bareJid("coven@chat.example") as BareJid;
const MUC = "http://jabber.org/protocol/muc";

test.each([
  [
    "join without history",
    encodeJoin({ room, nick: "bot" }),
    `<presence to="coven@chat.example/bot"><x xmlns="${MUC}"><history maxstanzas="0"/></x></presence>`,
  ],
  [
    "join with a password that XML could not carry as it is",
    encodeJoin({ room, nick: "a<b", password: "p&\u0000w" }),
    `<presence to="coven@chat.example/a&lt;b"><x xmlns="${MUC}"><history maxstanzas="0"/><password>p&amp;w</password></x></presence>`,
  ],
  ["leave", encodeLeave(room, "bot"), `<presence type="unavailable" to="coven@chat.example/bot"/>`],
  ["nick change", encodeOccupantPresence(room, "bot2"), `<presence to="coven@chat.example/bot2"/>`],
  [
    "instant room",
    encodeInstantRoom(room),
    `<iq type="set" to="coven@chat.example"><query xmlns="${MUC}#owner"><x xmlns="jabber:x:data" type="submit"/></query></iq>`,
  ],
  ["private message mark", encodeMucUser(), `<x xmlns="${MUC}#user"/>`],
])("writes: %s", (_name, element, xml) => {
  expect(element.toString()).toBe(xml);
});

const author = (item: string) => `<x xmlns='${MUC}#user'>${item}</x>`;

test.each([
  [undefined, ""],
  [undefined, author("")],
  [undefined, author("<item jid='a@b.example'/><item jid='c@d.example'/>")],
  [undefined, author("<item xmlns='urn:other' jid='a@b.example'/>")],
  [
    { affiliation: "owner", role: "moderator", realJid: "crone1@shakespeare.lit" },
    author("<item jid='Crone1@shakespeare.lit/x' affiliation='owner' role='moderator'/>"),
  ],
  [
    { affiliation: "none", role: "none", realJid: undefined },
    author("<item jid='@' role='king'/>"),
  ],
  // As Prosody 0.12.3 gives it: what the author wrote, then its own.
  [
    { affiliation: "none", role: "participant", realJid: "eve@example" },
    author("<item jid='boss@example' affiliation='owner' role='moderator'/>") +
      author("<item jid='eve@example' affiliation='none' role='participant'/>"),
  ],
])("the author that an archive tells is %j", (expected, children) => {
  const message = parse(`<message xmlns='jabber:client'>${children}</message>`);
  expect(decodeArchivedAuthor(message)).toEqual(expected);
});
