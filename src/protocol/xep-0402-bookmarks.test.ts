import { parse } from "ltx";
import { expect, it, test } from "vitest";
import { asJson, fixtures } from "../../test/support/fixtures.ts";
import type { BareJid } from "./jid.ts";
import {
  decodeBookmarkItem,
  decodeBookmarksEvent,
  decodeBookmarksResult,
  encodeBookmarksRequest,
  encodeConfigureBookmarks,
  encodePublishBookmark,
  encodeRetractBookmark,
} from "./xep-0402-bookmarks.ts";

test.each(fixtures("xep-0402/item"))("reads an item: $name", ({ stanza, expected }) => {
  expect(asJson(decodeBookmarkItem(stanza))).toEqual(expected);
});

test.each(fixtures("xep-0402/result"))("reads a result: $name", ({ stanza, expected }) => {
  expect(asJson(decodeBookmarksResult(stanza))).toEqual(expected);
});

test.each(fixtures("xep-0402/event"))("reads an event: $name", ({ stanza, expected }) => {
  expect(asJson(decodeBookmarksEvent(stanza))).toEqual(expected);
});

const room = "coven@chat.example" as BareJid;
const NODE = "urn:xmpp:bookmarks:1";
const PUBSUB = "http://jabber.org/protocol/pubsub";

const field = (name: string, value: string) =>
  `<field var="${name}"><value>${value}</value></field>`;
const options = (formType: string) =>
  [
    `<x xmlns="jabber:x:data" type="submit">`,
    `<field var="FORM_TYPE" type="hidden"><value>${PUBSUB}#${formType}</value></field>`,
    field("pubsub#persist_items", "true"),
    field("pubsub#max_items", "max"),
    field("pubsub#send_last_published_item", "never"),
    field("pubsub#access_model", "whitelist"),
    "</x>",
  ].join("");
const OPTIONS = `<publish-options>${options("publish-options")}</publish-options>`;
const published = (attributes: string, children = "") => {
  const conference = `<conference xmlns="${NODE}"${attributes}${children ? `>${children}</conference>` : "/>"}`;
  const publish = `<publish node="${NODE}"><item id="${room}">${conference}</item></publish>`;
  return `<iq type="set"><pubsub xmlns="${PUBSUB}">${publish}${OPTIONS}</pubsub></iq>`;
};

test.each([
  [
    "the request",
    encodeBookmarksRequest(),
    `<iq type="get"><pubsub xmlns="${PUBSUB}"><items node="${NODE}"/></pubsub></iq>`,
  ],
  ["a bookmark", encodePublishBookmark({ room, autojoin: false }), published(' autojoin="false"')],
  [
    "a bookmark with everything that XML can carry",
    encodePublishBookmark({
      room,
      name: "A & B\u0000",
      autojoin: true,
      nick: "b<t\u001b",
      password: " p\u0007w",
    }),
    published(' name="A &amp; B" autojoin="true"', "<nick>b&lt;t</nick><password> pw</password>"),
  ],
  [
    "the configuration of the node",
    encodeConfigureBookmarks(),
    `<iq type="set"><pubsub xmlns="${PUBSUB}#owner"><configure node="${NODE}">${options("node_config")}</configure></pubsub></iq>`,
  ],
  [
    "a retraction",
    encodeRetractBookmark(room),
    `<iq type="set"><pubsub xmlns="${PUBSUB}"><retract node="${NODE}" notify="true"><item id="${room}"/></retract></pubsub></iq>`,
  ],
])("writes: %s", (_name, element, xml) => {
  expect(element.toString()).toBe(xml);
});

/** As text, where declaring the default namespace once more makes no difference. */
function withoutDefault(value: unknown): string {
  return JSON.stringify(value).replaceAll(` xmlns=\\"${NODE}\\"`, "");
}

test.each(fixtures("xep-0402/item").filter(({ expected }) => expected !== null))(
  "reads again what it writes: $name",
  ({ stanza, expected }) => {
    const iq = encodePublishBookmark(decodeBookmarkItem(stanza)!);
    const item = parse(iq.toString()).getChild("pubsub")?.getChild("publish")?.getChild("item");
    expect(withoutDefault(asJson(decodeBookmarkItem(item!)))).toBe(withoutDefault(expected));
  },
);

it("leaves the bookmark as it is when writing it", () => {
  const extensions = parse(`<extensions xmlns='${NODE}'><a xmlns='urn:client'/></extensions>`);
  const bookmark = { room, autojoin: true, extensions };
  const xml = encodePublishBookmark(bookmark).toString();
  expect(xml).toContain('<a xmlns="urn:client"/>');
  expect(extensions.parent).toBeNull();
  expect(encodePublishBookmark(bookmark).toString()).toBe(xml);
});
