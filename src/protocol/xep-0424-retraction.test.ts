import { parse } from "ltx";
import { expect, it } from "vitest";
import { hasTombstone } from "./xep-0424-retraction.ts";

it.each([
  ["retracted", "<retracted xmlns='urn:xmpp:message-retract:1' id='m2'/>", true],
  ["retracted in version 0", "<retracted xmlns='urn:xmpp:message-retract:0'/>", true],
  [
    "moderated",
    "<retracted xmlns='urn:xmpp:message-retract:1'><moderated xmlns='urn:xmpp:message-moderate:1'/></retracted>",
    true,
  ],
  [
    "moderated by Prosody",
    "<moderated xmlns='urn:xmpp:message-moderate:0' by='r@muc/m'><retracted xmlns='urn:xmpp:message-retract:0'/></moderated>",
    true,
  ],
  ["retracting", "<retract xmlns='urn:xmpp:message-retract:1' id='m2'/>", false],
  ["plain", "<body>hi</body>", false],
])("sees whether what is %s is a tombstone", (_name, xml, expected) => {
  expect(hasTombstone(parse(`<message xmlns='jabber:client'>${xml}</message>`))).toBe(expected);
});
