/**
 * XEP-0084 User Avatar 1.1.4, https://xmpp.org/extensions/xep-0084.html
 */
import { createHash } from "node:crypto";
import { Element } from "ltx";
import { attribute, onlyChild } from "./element.ts";
import { parseBase64, toBase64 } from "./rfc-4648-base64.ts";
import { decodeItemsEvent } from "./xep-0060-pubsub.ts";
import { encodePublishPublic } from "./xep-0163-pep.ts";

/** Namespaces of the elements, and names of the PEP nodes. */
export const AVATAR_DATA = "urn:xmpp:avatar:data";
export const AVATAR_METADATA = "urn:xmpp:avatar:metadata";

/** One of the forms of an avatar. */
export type AvatarInfo = {
  /** SHA-1 of the octets, in lower-case hexadecimal digits: the item's id in both nodes. */
  id: string;
  /** How many octets the image has. */
  bytes: number;
  /** `image/…`; what is in the data node is image/png (§4.1). */
  type: string;
  /** In pixels. */
  width?: number | undefined;
  height?: number | undefined;
  /** Where it is when it is not in the data node; not checked in any way. */
  url?: string | undefined;
};

const MAX_INFOS = 10;
const MAX_URL = 2_000;
const MAX_BYTES = 512 * 1024;

/** The id of an image. */
export function avatarId(image: Uint8Array): string {
  return createHash("sha1").update(image).digest("hex");
}

/** The forms in which the avatar of an item exists; none when its owner has no avatar; undefined when the item says nothing. */
export function decodeAvatarMetadata(item: Element): AvatarInfo[] | undefined {
  const metadata = onlyChild(item, "metadata", AVATAR_METADATA);
  return metadata
    ?.getChildren("info", AVATAR_METADATA)
    .slice(0, MAX_INFOS)
    .flatMap((info) => decodeInfo(info) ?? []);
}

function decodeInfo(info: Element): AvatarInfo | undefined {
  const id = attribute(info, "id")?.toLowerCase() ?? "";
  const bytes = decodeNumber(info, "bytes");
  const type = attribute(info, "type")?.toLowerCase() ?? "";
  const url = attribute(info, "url");
  if (!/^[0-9a-f]{40}$/.test(id) || bytes === undefined) return undefined;
  if (!/^(?:image|video)\/[a-z0-9.+-]{1,60}$/.test(type)) return undefined;
  return {
    id,
    bytes,
    type,
    width: decodeNumber(info, "width"),
    height: decodeNumber(info, "height"),
    url: url && url.length <= MAX_URL ? url : undefined,
  };
}

function decodeNumber(info: Element, name: string): number | undefined {
  const text = attribute(info, name);
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** `<metadata/>`; without any form it says that there is no avatar (§3.5). */
export function encodeAvatarMetadata(infos: readonly AvatarInfo[]): Element {
  const metadata = new Element("metadata", { xmlns: AVATAR_METADATA });
  for (const { bytes, height, id, type, url, width } of infos) {
    const known = Object.entries({ bytes, height, id, type, url, width });
    const given = known.filter(([, value]) => value !== undefined);
    metadata.c("info", Object.fromEntries(given.map(([name, value]) => [name, String(value)])));
  }
  return metadata;
}

/** The image in an item of the data node, of 512 KiB at most; ask `avatarId` whether it is the one that was meant. */
export function decodeAvatarData(item: Element): Buffer | undefined {
  const data = onlyChild(item, "data", AVATAR_DATA);
  const image = data && parseBase64(data.getText(), MAX_BYTES);
  return image && image.length > 0 ? image : undefined;
}

export function encodeAvatarData(image: Uint8Array): Element {
  return new Element("data", { xmlns: AVATAR_DATA }).t(toBase64(image));
}

/** The iq that publishes the image, which must be image/png; to be answered before the metadata goes out (§3.1). */
export function encodePublishAvatarData(image: Uint8Array): Element {
  return encodePublishPublic(AVATAR_DATA, avatarId(image), encodeAvatarData(image));
}

/** The iq that makes it our avatar and tells everybody; without `info` it says that we have none. */
export function encodePublishAvatarMetadata(info: AvatarInfo | undefined): Element {
  const metadata = encodeAvatarMetadata(info ? [info] : []);
  return encodePublishPublic(AVATAR_METADATA, info?.id ?? "current", metadata);
}

/** The forms of the avatar that a notification tells of; undefined when the message tells nothing. Whose it is, `from` says. */
export function decodeAvatarEvent(message: Element): AvatarInfo[] | undefined {
  const item = decodeItemsEvent(message, AVATAR_METADATA)?.items.at(-1);
  return item && decodeAvatarMetadata(item);
}
