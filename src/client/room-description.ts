/**
 * What a room says of itself by disco#info (XEP-0045 §6.4).
 *
 * The question goes out right before the presence that enters the room: a service answers in order, so
 * that what the room vouches for is known before anybody speaks. The answer is read from the stream
 * itself, and not awaited, because a promise goes on only after all that arrived together with it.
 */
import { randomUUID } from "node:crypto";
import type { Element } from "ltx";
import { encodeRequest } from "../protocol/rfc-6120-iq.ts";
import {
  DISCO_INFO,
  type DiscoInfo,
  decodeDiscoInfo,
  encodeDiscoQuery,
} from "../protocol/xep-0030-disco.ts";
import {
  MUC_MEMBERS_ONLY,
  MUC_NON_ANONYMOUS,
  MUC_PASSWORD_PROTECTED,
  MUC_SEMI_ANONYMOUS,
} from "../protocol/xep-0045-muc.ts";
import { ARCHIVE } from "../protocol/xep-0313-mam.ts";
import { STANZA_IDS } from "../protocol/xep-0359-ids.ts";
import { OCCUPANT_ID } from "../protocol/xep-0421-occupant-id.ts";
import {
  findReactionRestrictions,
  type ReactionRestrictions,
} from "../protocol/xep-0444-reactions.ts";
import { attribute } from "../protocol/element.ts";
import type { RoomEvent } from "./room-events.ts";
import type { Room } from "./room.ts";

export type RoomDescription = {
  name?: string | undefined;
  /** What kind of conference it says it is: "text", or another network's, such as "irc". */
  conference?: string | undefined;
  /** Whether every occupant sees real JIDs; undefined while unknown. */
  nonAnonymous?: boolean | undefined;
  membersOnly?: boolean | undefined;
  passwordProtected?: boolean | undefined;
  /** XEP-0421: occupant ids are the room's word, and not what anybody wrote. */
  occupantIds: boolean;
  /** XEP-0359: so are stanza ids with `by` the room. */
  stanzaIds: boolean;
  /** XEP-0313: it keeps an archive that may be asked; undefined until it has answered. */
  archive?: boolean | undefined;
  /** XEP-0444 §2.2: which reactions it allows; undefined where it restricts nothing. */
  reactions?: ReactionRestrictions | undefined;
};

export const UNDESCRIBED: RoomDescription = {
  occupantIds: false,
  stanzaIds: false,
  archive: undefined,
};

const MAX_NAME_LENGTH = 200;

/** The question; only the answer to the last one counts. */
export function askDescription(room: Room): Element {
  const iq = encodeRequest("get", encodeDiscoQuery(DISCO_INFO), room.jid);
  room.askedId = iq.attrs["id"] = randomUUID();
  return iq;
}

/** An iq that the room itself sent. */
export function receiveAnswer(room: Room, iq: Element): RoomEvent | undefined {
  const type = attribute(iq, "type");
  if (room.askedId === undefined || attribute(iq, "id") !== room.askedId) return undefined;
  if (type !== "result" && type !== "error") return undefined;
  room.askedId = undefined;
  const info = type === "result" ? decodeDiscoInfo(iq) : undefined;
  return describe(room, info ?? { identities: [], features: [], forms: [] });
}

function describe(room: Room, info: DiscoInfo): RoomEvent | undefined {
  const { identities, features } = info;
  const before = room.about;
  const has = new Set(features);
  const identity = identities.find(({ category }) => category === "conference");
  let { nonAnonymous } = before;
  if (has.has(MUC_NON_ANONYMOUS)) nonAnonymous = true;
  else if (has.has(MUC_SEMI_ANONYMOUS)) nonAnonymous = false;
  const isDescribed = features.length > 0;
  const about: RoomDescription = {
    conference: identity?.type,
    name: identity?.name?.trim().slice(0, MAX_NAME_LENGTH) || undefined,
    nonAnonymous,
    membersOnly: isDescribed ? has.has(MUC_MEMBERS_ONLY) : undefined,
    passwordProtected: isDescribed ? has.has(MUC_PASSWORD_PROTECTED) : undefined,
    occupantIds: has.has(OCCUPANT_ID),
    stanzaIds: has.has(STANZA_IDS),
    archive: has.has(ARCHIVE),
    reactions: findReactionRestrictions(info),
  };
  room.about = about;
  const isSame = (Object.keys(about) as (keyof RoomDescription)[]).every(
    (key) => JSON.stringify(before[key]) === JSON.stringify(about[key]),
  );
  return isSame ? undefined : { kind: "changed" };
}
