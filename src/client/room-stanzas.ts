/**
 * Which room a stanza is from, and what it means there. Stanzas of rooms that we do not want to be in,
 * and all that is not about a room's state, such as talk, mean nothing here.
 */
import type { Element } from "ltx";
import { attribute, isStanza } from "../protocol/element.ts";
import { type BareJid, parseJid } from "../protocol/jid.ts";
import { decodeStanzaError } from "../protocol/rfc-6120-stanza-error.ts";
import {
  decodeOccupantPresence,
  decodeRoomError,
  decodeRoomSubject,
  decodeStatusCodes,
} from "../protocol/xep-0045-muc.ts";
import { decodeCaps } from "../protocol/xep-0115-caps.ts";
import { internCaps } from "./occupants.ts";
import { receiveAnswer } from "./room-description.ts";
import type { Room } from "./room.ts";
import {
  type RoomEvent,
  receiveBounce,
  receiveConfigChange,
  receiveError,
  receivePresence,
  receiveSubject,
} from "./room-events.ts";

type Find = (jid: BareJid) => Room | undefined;
type Read = {
  room: Room;
  event: RoomEvent | undefined;
  /** Only occupants get it: it shows that the room has us. */
  fromInside: boolean;
};

export function readRoomStanza(stanza: Element, find: Find): Read | undefined {
  if (isStanza(stanza, "presence")) return readPresence(stanza, find);
  return isStanza(stanza, "message") ? readMessage(stanza, find) : readIq(stanza, find);
}

function readPresence(stanza: Element, find: Find): Read | undefined {
  const presence = decodeOccupantPresence(stanza);
  if (presence) {
    const room = find(presence.room);
    const event = room && receivePresence(room, presence, internCaps(decodeCaps(stanza)));
    return room && { room, event, fromInside: true };
  }
  const failed = decodeRoomError(stanza);
  const room = failed && find(failed.room);
  const event = room && receiveError(room, failed.nick, failed.error);
  return room && { room, event, fromInside: false };
}

function readMessage(stanza: Element, find: Find): Read | undefined {
  const from = parseJid(attribute(stanza, "from") ?? "");
  const room = from && find(from.bare);
  if (!from || !room) return undefined;
  const isRoomItself = from.resource === undefined;
  const type = attribute(stanza, "type");
  if (type === "error" && isRoomItself) {
    return { room, event: receiveBounce(room, decodeStanzaError(stanza)), fromInside: false };
  }
  if (type !== "groupchat") return undefined;
  const change = decodeRoomSubject(stanza);
  if (change) return { room, event: receiveSubject(room, change.subject), fromInside: true };
  // Only the room's own address speaks for the room; an occupant may write any extension.
  const event = isRoomItself ? receiveConfigChange(room, decodeStatusCodes(stanza)) : undefined;
  return { room, event, fromInside: true };
}

function readIq(stanza: Element, find: Find): Read | undefined {
  const from = parseJid(attribute(stanza, "from") ?? "");
  const room = from && from.resource === undefined ? find(from.bare) : undefined;
  return room && { room, event: receiveAnswer(room, stanza), fromInside: false };
}
