/** What somebody tells of themselves: nick, avatar and the two vCards. */
import { type Element, parse } from "ltx";
import { describe, expect, it, test } from "vitest";
import { asJson, fixtures } from "../../test/support/fixtures.ts";
import { decodeVCard, decodeVCardDocument, encodeVCardChange } from "./xep-0054-vcard.ts";
import {
  avatarId,
  decodeAvatarData,
  decodeAvatarEvent,
  decodeAvatarMetadata,
  encodePublishAvatarData,
  encodePublishAvatarMetadata,
} from "./xep-0084-avatar.ts";
import { decodeVCardUpdate, encodeVCardUpdate } from "./xep-0153-vcard-avatar.ts";
import { encodeConfigurePublic } from "./xep-0163-pep.ts";
import { decodeNick, decodeNickEvent, encodePublishNick } from "./xep-0172-nick.ts";
import { decodeVCard4, decodeVCard4Document, encodePublishVCard4 } from "./xep-0292-vcard4.ts";

const PUBSUB = "http://jabber.org/protocol/pubsub";
const IMAGE = Buffer.from("\x89PNG");

/** Octets as fixtures write them. */
const inBase64 = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value ?? null, (_key, part: { type?: unknown; data?: number[] } | null) =>
      part?.type === "Buffer" ? Buffer.from(part.data ?? []).toString("base64") : part,
    ),
  );

test.each(fixtures("xep-0172"))("a nick: $name", ({ stanza, expected }) => {
  expect(asJson(decodeNick(stanza))).toEqual(expected);
});

test.each(fixtures("xep-0172-event"))("a new nick: $name", ({ stanza, expected }) => {
  expect(asJson(decodeNickEvent(stanza))).toEqual(expected);
});

test.each(fixtures("xep-0054"))("a vCard: $name", ({ stanza, expected }) => {
  expect(inBase64(decodeVCard(stanza))).toEqual(expected);
});

test.each(fixtures("xep-0292"))("a vCard4: $name", ({ stanza, expected }) => {
  expect(asJson(decodeVCard4(stanza))).toEqual(expected);
});

test.each(fixtures("xep-0084"))("an avatar: $name", ({ stanza, expected }) => {
  expect(asJson(decodeAvatarMetadata(stanza))).toEqual(expected);
});

test.each(fixtures("xep-0084-event"))("a new avatar: $name", ({ stanza, expected }) => {
  expect(asJson(decodeAvatarEvent(stanza))).toEqual(expected);
});

test.each(fixtures("xep-0084-data"))("the data of an avatar: $name", ({ stanza, expected }) => {
  expect(inBase64(decodeAvatarData(stanza))).toEqual(expected);
});

test.each(fixtures("xep-0153"))("a photo in presence: $name", ({ stanza, expected }) => {
  const { value, encodes } = expected as { value: never; encodes?: boolean };
  expect(asJson(decodeVCardUpdate(stanza))).toEqual(value);
  const x = parse(stanza.toString()).getChild("x")?.toString();
  expect(encodes ? encodeVCardUpdate(value).toString() : x).toBe(x);
});

it("leaves open in presence what is in a vCard that was not read yet", () => {
  expect(encodeVCardUpdate(undefined).toString()).toBe('<x xmlns="vcard-temp:x:update"/>');
});

/** The item that an iq publishes, as somebody else would get it. */
function published(iq: Element): Element {
  const publish = parse(iq.toString()).getChild("pubsub", PUBSUB)?.getChild("publish", PUBSUB);
  return publish?.getChild("item") as Element;
}

describe("what is published", () => {
  it("is read again", () => {
    const info = { id: avatarId(IMAGE), bytes: 4, type: "image/png", width: 1, height: 2 };
    expect(decodeNick(published(encodePublishNick("B\u0000o\nt")))).toBe("B o t");
    expect(decodeNick(published(encodePublishNick("")))).toBeUndefined();
    expect(decodeAvatarData(published(encodePublishAvatarData(IMAGE)))).toEqual(IMAGE);
    expect(asJson(decodeAvatarMetadata(published(encodePublishAvatarMetadata(info))))).toEqual([
      info,
    ]);
    expect(decodeAvatarMetadata(published(encodePublishAvatarMetadata(undefined)))).toEqual([]);
  });

  it("goes to an item that is named after the image, in a node for everybody", () => {
    const iq = encodePublishAvatarData(IMAGE);
    expect(published(iq).attrs["id"]).toBe(avatarId(IMAGE));
    const open = `<field var="pubsub#access_model"><value>open</value></field>`;
    expect(iq.toString()).toContain(open);
    expect(encodeConfigurePublic("urn:x").toString()).toContain(open);
  });
});

it("reads no photo beyond 512 KiB", () => {
  const iq = (bytes: number) => {
    const binval = Buffer.alloc(bytes, 1).toString("base64");
    return parse(
      `<iq><vCard xmlns='vcard-temp'><FN>Anna</FN><PHOTO><BINVAL>${binval}</BINVAL></PHOTO></vCard></iq>`,
    );
  };
  expect(decodeVCard(iq(512 * 1024))?.photo?.bytes).toHaveLength(512 * 1024);
  expect(decodeVCard(iq(512 * 1024 + 1))).toEqual({ fullName: "Anna" });
});

describe("a change of our vCard", () => {
  const stored = parse(
    `<iq><vCard xmlns='vcard-temp' xmlns:c='urn:client'><FN>Old</FN><NICKNAME>old</NICKNAME><N><FAMILY>F</FAMILY></N><c:x/></vCard></iq>`,
  );
  const document = decodeVCardDocument(stored);

  it("keeps what it does not name, also what only other clients understand", () => {
    const before = document?.toString();
    const iq = encodeVCardChange(document, {
      fullName: "New & better",
      nickname: null,
      photo: { type: "image/png", bytes: IMAGE },
    });
    expect(document?.toString()).toBe(before);
    expect(decodeVCard(parse(iq.toString()))).toMatchObject({
      fullName: "New & better",
      nickname: undefined,
      photo: { type: "image/png", bytes: IMAGE },
    });
    expect(iq.toString()).toContain("<N><FAMILY>F</FAMILY></N><c:x/>");
    expect(iq.attrs["type"]).toBe("set");
  });

  it("takes a photo out, and leaves one alone", () => {
    const photo = { bytes: IMAGE };
    const withPhoto = decodeVCardDocument(encodeVCardChange(document, { photo }));
    const after = (change: object) => decodeVCard(encodeVCardChange(withPhoto, change))?.photo;
    expect(after({ url: "https://example.com" })).toEqual({ bytes: IMAGE });
    expect(after({ photo: null })).toBeUndefined();
  });

  it("begins one where there is none", () => {
    const iq = encodeVCardChange(undefined, { description: "An\u001b agent.\n" });
    expect(iq.toString()).toBe(
      '<iq type="set"><vCard xmlns="vcard-temp"><DESC>An agent.\n</DESC></vCard></iq>',
    );
  });

  it("stays in the namespace of a vCard that has it by a prefix", () => {
    const prefixed = parse(`<iq xmlns:v='vcard-temp'><v:vCard><v:FN>Old</v:FN></v:vCard></iq>`);
    const iq = encodeVCardChange(decodeVCardDocument(prefixed), { fullName: "New" });
    expect(decodeVCard(parse(iq.toString()))?.fullName).toBe("New");
  });
});

describe("a change of our vCard4", () => {
  const NS = "urn:ietf:params:xml:ns:vcard-4.0";
  const stored = parse(
    `<item><vcard xmlns='${NS}'><fn><text>Old</text></fn><tz><text>UTC</text></tz></vcard></item>`,
  );

  it("keeps what it does not name", () => {
    const iq = encodePublishVCard4(decodeVCard4Document(stored), {
      fullName: null,
      nickname: "bot",
      url: "https://example.com/",
      kind: "application",
    });
    expect(decodeVCard4(published(iq))).toEqual({
      fullName: undefined,
      nickname: "bot",
      note: undefined,
      url: "https://example.com/",
      kind: "application",
    });
    expect(iq.toString()).toContain("<tz><text>UTC</text></tz>");
  });

  it("begins one where there is none", () => {
    const iq = encodePublishVCard4(undefined, { note: "Helps." });
    expect(published(iq).getChild("vcard")?.toString()).toBe(
      `<vcard xmlns="${NS}"><note><text>Helps.</text></note></vcard>`,
    );
  });
});
