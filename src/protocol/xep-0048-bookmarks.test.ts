import { type Element, parse } from "ltx";
import { describe, expect, it, test } from "vitest";
import { asJson, fixtures } from "../../test/support/fixtures.ts";
import type { BareJid } from "./jid.ts";
import {
  decodePrivateBookmarks,
  encodePrivateBookmarks,
  encodePrivateBookmarksRequest,
  type BookmarkChange,
} from "./xep-0048-bookmarks.ts";

test.each(fixtures("xep-0048"))("reads: $name", ({ stanza, expected }) => {
  expect(asJson(decodePrivateBookmarks(stanza))).toEqual(expected);
});

test("asks for the document", () => {
  expect(encodePrivateBookmarksRequest().toString()).toBe(
    '<iq type="get"><query xmlns="jabber:iq:private"><storage xmlns="storage:bookmarks"/></query></iq>',
  );
});

const room = "coven@chat.example" as BareJid;
const OTHER = '<conference jid="other@chat.example" autojoin="1"/>';
const URL = '<url name="W" url="https://example.com/"/>';

function storageOf(children: string): Element {
  return parse(`<storage xmlns="storage:bookmarks" version="2">${children}</storage>`);
}

function written(children: string): string {
  const storage = `<storage xmlns="storage:bookmarks" version="2">${children}</storage>`;
  return `<iq type="set"><query xmlns="jabber:iq:private">${storage}</query></iq>`;
}

describe("writes the document back", () => {
  it.each<[string, string, BookmarkChange, string]>([
    [
      "with a new bookmark",
      URL + OTHER,
      { set: { room, name: "A & B\u0000", autojoin: true, nick: "bot", password: " p" } },
      `${URL}${OTHER}<conference jid="${room}" name="A &amp; B" autojoin="true"><nick>bot</nick><password> p</password></conference>`,
    ],
    [
      "with a changed one, in its place, and what other clients keep in it",
      `<conference jid="Coven@chat.example" name="Old" minimize="1"><nick>old</nick><password>old</password><print_status>all</print_status></conference>${OTHER}${URL}`,
      { set: { room, autojoin: false, nick: "bot" } },
      `<conference jid="Coven@chat.example" minimize="1" autojoin="false"><print_status>all</print_status><nick>bot</nick></conference>${OTHER}${URL}`,
    ],
    [
      "with one bookmark where there were two of the room",
      `<conference jid="${room}" autojoin="1"/>${OTHER}<conference jid="Coven@chat.example"/>`,
      { set: { room, autojoin: false } },
      `<conference jid="${room}" autojoin="false"/>${OTHER}`,
    ],
    [
      "without a removed one",
      `${OTHER}<conference jid="${room}"/>${URL}<conference jid="${room}"/>`,
      { remove: room },
      OTHER + URL,
    ],
    [
      "as it was when the removed one is not there",
      `<conference/>${OTHER}`,
      { remove: room },
      `<conference/>${OTHER}`,
    ],
  ])("%s", (_name, before, change, after) => {
    const storage = storageOf(before);
    const untouched = storage.toString();
    expect(encodePrivateBookmarks(storage, change).toString()).toBe(written(after));
    expect(storage.toString()).toBe(untouched);
  });

  it("with prefixes", () => {
    const storage = `<s:storage xmlns:s='storage:bookmarks'><s:conference jid='${room}'><s:nick>old</s:nick><c:x/></s:conference></s:storage>`;
    const iq = parse(
      `<iq xmlns:c='urn:client'><query xmlns='jabber:iq:private'>${storage}</query></iq>`,
    );
    const decoded = decodePrivateBookmarks(iq)!;
    const added = "new@chat.example" as BareJid;
    const once = encodePrivateBookmarks(decoded.storage, {
      set: { room, autojoin: true, nick: "bot" },
    });
    const read = decodePrivateBookmarks(parse(once.toString()))!;
    const twice = encodePrivateBookmarks(read.storage, { set: { room: added, autojoin: true } });
    expect(decodePrivateBookmarks(parse(twice.toString()))?.bookmarks).toEqual([
      { room, autojoin: true, nick: "bot" },
      { room: added, autojoin: true },
    ]);
    const [conference] = parse(twice.toString())
      .getChild("query")!
      .getChildElements()[0]!
      .getChildElements();
    expect(conference?.getChild("x", "urn:client")).toBeDefined();
  });
});
