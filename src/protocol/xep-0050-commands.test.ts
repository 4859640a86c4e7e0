import { expect, test } from "vitest";
import { asJson, fixtures } from "../../test/support/fixtures.ts";
import { decodeSubmission, encodeFacts, encodeQuestions, encodeTable } from "./xep-0004-forms.ts";
import {
  decodeCommandRequest,
  encodeCommandAnswer,
  encodeCommandRefusal,
} from "./xep-0050-commands.ts";

test.each(fixtures("xep-0050"))("a command: $name", ({ stanza, expected }) => {
  expect(asJson(decodeCommandRequest(stanza))).toEqual(expected);
});

test.each(fixtures("xep-0004"))("a form that was filled in: $name", ({ stanza, expected }) => {
  expect(asJson(decodeSubmission(stanza))).toEqual(expected);
});

const SESSION = { node: "join", sessionId: "s1" };

test("a step with a form can be completed, which is what its default button does", () => {
  const payload = encodeQuestions({
    title: "Join",
    instructions: "Which room?",
    fields: [
      { name: "room", label: "Room", type: "jid-single", isRequired: true },
      { name: "way", label: "Way", type: "list-single", value: "a", options: [{ value: "a" }] },
    ],
  });
  expect(encodeCommandAnswer({ ...SESSION, status: "executing", payload }).toString()).toBe(
    `<command xmlns="http://jabber.org/protocol/commands" xml:lang="en" node="join" sessionid="s1" status="executing">` +
      `<actions execute="complete"><complete/></actions>` +
      `<x xmlns="jabber:x:data" type="form"><title>Join</title><instructions>Which room?</instructions>` +
      `<field var="room" type="jid-single" label="Room"><required/></field>` +
      `<field var="way" type="list-single" label="Way"><value>a</value><option label="a"><value>a</value></option></field>` +
      `</x></command>`,
  );
});

test("what is done says so, with a note; nothing in it breaks the stream", () => {
  const note = { type: "error", text: "no \u0000<room>" } as const;
  expect(encodeCommandAnswer({ ...SESSION, status: "completed", note }).toString()).toBe(
    `<command xmlns="http://jabber.org/protocol/commands" xml:lang="en" node="join" sessionid="s1" status="completed">` +
      `<note type="error">no &lt;room&gt;</note></command>`,
  );
});

test("facts keep their lines, and a table a value for each column", () => {
  expect(encodeFacts("Status", [{ name: "a", label: "A", value: "1\n2" }]).toString()).toBe(
    `<x xmlns="jabber:x:data" type="result"><title>Status</title>` +
      `<field var="a" type="text-multi" label="A"><value>1</value><value>2</value></field></x>`,
  );
  const columns = ["room", "state"].map((name) => ({ name, label: name.toUpperCase() }));
  expect(encodeTable("Rooms", columns, [["r@x"]]).toString()).toBe(
    `<x xmlns="jabber:x:data" type="result"><title>Rooms</title>` +
      `<reported><field var="room" label="ROOM"/><field var="state" label="STATE"/></reported>` +
      `<item><field var="room"><value>r@x</value></field><field var="state"><value></value></field></item></x>`,
  );
});

test("each fault has the general condition of the table in §4.4", () => {
  expect(encodeCommandRefusal("bad-payload", "Room is missing").toString()).toBe(
    `<iq type="error"><error type="modify"><bad-request xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/>` +
      `<text xmlns="urn:ietf:params:xml:ns:xmpp-stanzas">Room is missing</text>` +
      `<bad-payload xmlns="http://jabber.org/protocol/commands"/></error></iq>`,
  );
  expect(encodeCommandRefusal("session-expired").toString()).toBe(
    `<iq type="error"><error type="cancel"><not-allowed xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/>` +
      `<session-expired xmlns="http://jabber.org/protocol/commands"/></error></iq>`,
  );
});
