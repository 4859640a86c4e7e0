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
import { outcome } from "./room-outcomes.ts";
import {
  type Room,
  type RoomEvent,
  receiveConfigChange,
  receiveError,
  receivePresence,
  receiveSubject,
} from "./room.ts";

type Find = (jid: BareJid) => Room | undefined;
type Read = { room: Room; event: RoomEvent | undefined };

export function readRoomStanza(stanza: Element, find: Find): Read | undefined {
  if (isStanza(stanza, "presence")) return readPresence(stanza, find);
  return isStanza(stanza, "message") ? readMessage(stanza, find) : undefined;
}

function readPresence(stanza: Element, find: Find): Read | undefined {
  const presence = decodeOccupantPresence(stanza);
  if (presence) {
    const room = find(presence.room);
    return room && { room, event: receivePresence(room, presence) };
  }
  const failed = decodeRoomError(stanza);
  const room = failed && find(failed.room);
  return room && { room, event: receiveError(room, failed.nick, failed.error) };
}

function readMessage(stanza: Element, find: Find): Read | undefined {
  const from = parseJid(attribute(stanza, "from") ?? "");
  const room = from && find(from.bare);
  if (!from || !room) return undefined;
  const isRoomItself = from.resource === undefined;
  const type = attribute(stanza, "type");
  if (type === "error") return isRoomItself ? readBounce(room, stanza) : undefined;
  if (type !== "groupchat") return undefined;
  const change = decodeRoomSubject(stanza);
  if (change) return { room, event: receiveSubject(room, change.subject) };
  // Only the room's own address speaks for the room; an occupant may write any extension.
  if (!isRoomItself) return undefined;
  return { room, event: receiveConfigChange(room, decodeStatusCodes(stanza)) };
}

/** XEP-0045 §7.4: what we said came back because we are not in the room. */
function readBounce(room: Room, stanza: Element): Read | undefined {
  if (room.state !== "joined" || decodeStanzaError(stanza).condition !== "not-acceptable")
    return undefined;
  return {
    room,
    event: { kind: "out", outcome: outcome("soon", "the room says that we are not in it") },
  };
}
