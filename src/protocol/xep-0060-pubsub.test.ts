import { parse } from "ltx";
import { expect, test } from "vitest";
import { isNodeEmptied, PUBSUB_EVENT } from "./xep-0060-pubsub.ts";

const event = (children: string) => `<event xmlns='${PUBSUB_EVENT}'>${children}</event>`;

test.each([
  [true, `<message>${event("<purge node='a'/>")}</message>`],
  [true, `<message>${event("<delete node='a'><redirect uri='xmpp:b'/></delete>")}</message>`],
  [false, `<message>${event("<purge node='b'/>")}</message>`],
  [false, `<message>${event("<purge/>")}</message>`],
  [false, `<message>${event("<purge xmlns='urn:other' node='a'/>")}</message>`],
  [false, `<message>${event("<items node='a'/>")}</message>`],
  [false, `<message>${event("")}${event("<purge node='a'/>")}</message>`],
  [false, `<message type='error'>${event("<purge node='a'/>")}</message>`],
  [false, "<message><purge node='a'/></message>"],
])("a node is emptied: %s in %s", (isEmptied, xml) => {
  expect(isNodeEmptied(parse(xml), "a")).toBe(isEmptied);
});
