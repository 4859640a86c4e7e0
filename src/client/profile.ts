/**
 * What everybody may read of our account: vCard (XEP-0054, 0292), avatar (XEP-0084, 0153) and nick (XEP-0172).
 * Looked at after each login, and written where it is not what was written last. A vCard is read before, since it
 * is replaced as a whole: what others wrote into it stays.
 */
import { createHash } from "node:crypto";
import type { Element } from "ltx";
import { XmppStanzaError, messageOf } from "../errors.ts";
import { bareJid, type BareJid } from "../protocol/jid.ts";
import {
  decodeVCardDocument,
  encodeVCardChange,
  encodeVCardRequest,
  type VCardChange,
} from "../protocol/xep-0054-vcard.ts";
import { decodeItems, encodeItemsRequest } from "../protocol/xep-0060-pubsub.ts";
import {
  AVATAR_DATA,
  AVATAR_METADATA,
  avatarId,
  encodePublishAvatarData,
  encodePublishAvatarMetadata,
} from "../protocol/xep-0084-avatar.ts";
import { encodeVCardUpdate } from "../protocol/xep-0153-vcard-avatar.ts";
import { encodeConfigurePublic } from "../protocol/xep-0163-pep.ts";
import { NICK, encodePublishNick } from "../protocol/xep-0172-nick.ts";
import {
  VCARD4_NODE,
  decodeVCard4Document,
  encodePublishVCard4,
  type VCard4Change,
} from "../protocol/xep-0292-vcard4.ts";
import { createTurns } from "./turns.ts";
import type { Logger, XmppSession } from "./types.ts";

/** What is left out is nothing that we say: what others wrote there stays. */
export type Profile = {
  name: string;
  note?: string | undefined;
  url?: string | undefined;
  /** image/png; "unknown" where it could not be read, so that the one that is there stays. */
  avatar?: { png: Buffer; width: number; height: number } | "unknown" | undefined;
};

/** The parts that are written, each by itself: a server may know one and not the other. */
const PARTS = ["vcard", "vcard4", "avatar", "nick"] as const;
type Part = (typeof PARTS)[number];

/** What was written last (state/published-profile.ts). */
type Published = {
  parts: Readonly<Record<string, string>>;
  /** Fields of a vCard that are ours to take out again. */
  fields: readonly string[];
  /** SHA-1 of our photo in the vCard; "" where we took it out again. */
  photo?: string | undefined;
};

export type ProfileOptions = {
  session: XmppSession;
  log: Logger;
  /** As the operator wants it now; undefined where nothing is to be published. */
  readProfile: () => Promise<Profile | undefined>;
  published: {
    get(jid: BareJid): Published | undefined;
    set(jid: BareJid, published: Published): void;
  };
  /** Our initial presence is out. */
  onReady: (listener: () => void) => () => void;
  /** Our presence says something else from now on. */
  onPhoto: () => void;
};

export type ProfilePublisher = {
  /** Looks at once, too. @throws Error what could not be published, and why */
  publish(): Promise<void>;
  stop(): void;
};

/** For each presence that we send, as far as we know what photo there is (XEP-0153 §4.1). */
export function encodePhoto(published: Published | undefined): Element[] {
  const { photo } = published ?? {};
  return photo === undefined ? [] : [encodeVCardUpdate(photo === "" ? {} : { photo })];
}

export function createProfilePublisher(options: ProfileOptions): ProfilePublisher {
  const { session, log, published } = options;
  let isStopped = false;
  const inTurn = createTurns();

  /** What could not be published. */
  async function look(): Promise<string[]> {
    const failures: string[] = [];
    const own = bareJid(session.jid ?? "");
    const profile = own && (await options.readProfile());
    if (!own || !profile || isStopped) return failures;
    for (const part of PARTS) {
      const before = published.get(own) ?? { parts: {}, fields: [] };
      const digest = digestOf(part, profile, before);
      if (digest === undefined || digest === (before.parts[part] ?? NOTHING)) continue;
      try {
        await publish(part, profile, before);
      } catch (error) {
        const failure = `the profile's ${part} was not published: ${messageOf(error)}`;
        log.info(failure);
        failures.push(failure);
        if (session.state.kind !== "online" || isStopped) return failures;
        continue;
      }
      const parts = { ...before.parts, [part]: digest };
      const photo = part === "vcard" ? photoOf(profile, before) : before.photo;
      published.set(own, { parts, fields: fieldsAfter(part, profile, before), photo });
      log.info(`published the profile's ${part}`);
      if (part === "vcard" && photo !== before.photo) options.onPhoto();
    }
    return failures;
  }

  async function publish(part: Part, profile: Profile, before: Published): Promise<void> {
    const { name, avatar } = profile;
    if (part === "vcard") {
      const iq = await orNone(session.request(encodeVCardRequest()));
      const change = { ...takenOut(part, before, profile), ...vCardOf(profile) };
      await session.request(encodeVCardChange(iq && decodeVCardDocument(iq), change));
    } else if (part === "vcard4") {
      const iq = await orNone(session.request(encodeItemsRequest(VCARD4_NODE)));
      const item = iq && decodeItems(iq, VCARD4_NODE)?.at(-1);
      const change = { ...takenOut(part, before, profile), ...vCard4Of(profile) };
      await publishItem(VCARD4_NODE, () =>
        encodePublishVCard4(item && decodeVCard4Document(item), change),
      );
    } else if (part === "nick") {
      await publishItem(NICK, () => encodePublishNick(name));
    } else if (avatar === undefined) {
      await publishItem(AVATAR_METADATA, () => encodePublishAvatarMetadata(undefined));
    } else if (avatar !== "unknown") {
      const { png, width, height } = avatar;
      const info = { id: avatarId(png), bytes: png.length, type: "image/png", width, height };
      await publishItem(AVATAR_DATA, () => encodePublishAvatarData(png));
      await publishItem(AVATAR_METADATA, () => encodePublishAvatarMetadata(info));
    }
  }

  /** A node that somebody made for contacts alone is opened: what stands in it is to be seen. */
  async function publishItem(node: string, encode: () => Element): Promise<void> {
    try {
      await session.request(encode());
    } catch (error) {
      if (!(error instanceof XmppStanzaError) || error.condition !== "conflict") throw error;
      await session.request(encodeConfigurePublic(node));
      await session.request(encode());
    }
  }

  const end = options.onReady(() => {
    inTurn(look).catch((error: unknown) => {
      log.warn(`the profile cannot be published: ${messageOf(error)}`);
    });
  });
  return {
    async publish() {
      const failures = await inTurn(look);
      if (failures.length > 0) throw new Error(failures.join("; "));
    },
    stop() {
      isStopped = true;
      end();
    },
  };
}

/** Of what was never published. */
const NOTHING = "nothing";

/** What is published of a part, as a digest; undefined where that is not known. */
function digestOf(part: Part, profile: Profile, before: Published): string | undefined {
  const { name, note, url, avatar } = profile;
  if (part === "avatar" && avatar === "unknown") return undefined;
  if (part === "avatar" && avatar === undefined) return NOTHING;
  const id = photoOf(profile, before) || undefined;
  const said = {
    vcard: [name, note, url, id],
    vcard4: [name, note, url],
    avatar: [id],
    nick: [name],
  }[part];
  return createHash("sha256").update(JSON.stringify(said)).digest("hex");
}

function vCardOf({ name, note, url, avatar }: Profile): VCardChange {
  return {
    fullName: name,
    nickname: name,
    ...(note === undefined ? {} : { description: note }),
    ...(url === undefined ? {} : { url }),
    ...(avatar === undefined || avatar === "unknown"
      ? {}
      : { photo: { type: "image/png", bytes: avatar.png } }),
  };
}

function vCard4Of({ name, note, url }: Profile): VCard4Change {
  return {
    fullName: name,
    kind: "application",
    ...(note === undefined ? {} : { note }),
    ...(url === undefined ? {} : { url }),
  };
}

/** As they are kept: "vcard4.url". */
function fieldsOf(part: Part, profile: Profile): string[] {
  const said = part === "vcard" ? vCardOf(profile) : part === "vcard4" ? vCard4Of(profile) : {};
  return Object.keys(said).map((field) => `${part}.${field}`);
}

function fieldsAfter(part: Part, profile: Profile, before: Published): string[] {
  const isKept = (field: string) =>
    !field.startsWith(`${part}.`) || (field === PHOTO && profile.avatar === "unknown");
  return [...before.fields.filter(isKept), ...fieldsOf(part, profile)];
}

const PHOTO = "vcard.photo";

/** What we once said there and no longer say. */
function takenOut(part: Part, before: Published, profile: Profile): Record<string, null> {
  const kept = fieldsAfter(part, profile, before);
  const gone = before.fields.filter((field) => !kept.includes(field));
  return Object.fromEntries(gone.map((field) => [field.slice(part.length + 1), null]));
}

/** SHA-1; "" where we took ours out; undefined where it is not ours. */
function photoOf({ avatar }: Profile, before: Published): string | undefined {
  if (avatar === "unknown") return before.photo;
  if (avatar) return avatarId(avatar.png);
  return before.photo === undefined ? undefined : "";
}

/** There is none yet. */
async function orNone(answer: Promise<Element>): Promise<Element | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof XmppStanzaError && error.condition === "item-not-found") return undefined;
    throw error;
  }
}
