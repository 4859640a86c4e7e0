import { parse } from "ltx";
import { describe, expect, it, test } from "vitest";
import type { BareJid } from "./jid.ts";
import {
  decodeRoomConfiguration,
  encodeConfigRequest,
  encodeRoomConfiguration,
} from "./xep-0045-owner.ts";

const room = "coven@chat.example" as BareJid;
const OWNER = "http://jabber.org/protocol/muc#owner";
const FORM_TYPE = `<field var="FORM_TYPE" type="hidden"><value>http://jabber.org/protocol/muc#roomconfig</value></field>`;

test.each([
  [
    "the request",
    encodeConfigRequest(room),
    `<iq type="get" to="${room}"><query xmlns="${OWNER}"/></iq>`,
  ],
  [
    "a configuration",
    encodeRoomConfiguration(room, {
      "muc#roomconfig_roomname": "A & B\u0000",
      "muc#roomconfig_roomadmins": ["a@example.com", "b@example.com"],
      "muc#roomconfig_roomowners": [],
    }),
    `<iq type="set" to="${room}"><query xmlns="${OWNER}"><x xmlns="jabber:x:data" type="submit">${FORM_TYPE}` +
      `<field var="muc#roomconfig_roomname"><value>A &amp; B</value></field>` +
      `<field var="muc#roomconfig_roomadmins"><value>a@example.com</value><value>b@example.com</value></field>` +
      `<field var="muc#roomconfig_roomowners"/></x></query></iq>`,
  ],
])("writes: %s", (_name, element, xml) => {
  expect(element.toString()).toBe(xml);
});

describe("decodeRoomConfiguration", () => {
  const read = (query: string) => decodeRoomConfiguration(parse(`<iq>${query}</iq>`));

  it("reads the values", () => {
    const fields = `<field type='boolean' var='muc#roomconfig_membersonly'><value>1</value></field><field type='fixed'><value>x</value></field>`;
    const form = read(
      `<query xmlns='${OWNER}'><x xmlns='jabber:x:data' type='form'><title>t</title>${FORM_TYPE}${fields}</x></query>`,
    );
    expect(form?.fields).toEqual([{ name: "muc#roomconfig_membersonly", values: ["1"] }]);
  });

  it.each([
    "",
    `<query xmlns='${OWNER}'/>`,
    `<query xmlns='${OWNER}'><x xmlns='jabber:x:data' type='form'/></query>`,
    `<query xmlns='${OWNER}'><x xmlns='jabber:x:data'>${FORM_TYPE.replace("roomconfig", "register")}</x></query>`,
    `<query xmlns='urn:other'><x xmlns='jabber:x:data'>${FORM_TYPE}</x></query>`,
  ])("finds none in %j", (query) => {
    expect(read(query)).toBeUndefined();
  });
});
