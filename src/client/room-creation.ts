/**
 * A room that did not exist is ours to configure before anybody else may enter it (XEP-0045 §10.1).
 */
import type { BareJid } from "../protocol/jid.ts";
import { encodeInstantRoom, encodeLeave } from "../protocol/xep-0045-muc.ts";
import { encodeDestruction, encodeRoomConfiguration } from "../protocol/xep-0045-owner.ts";
import type { XmppSession } from "./types.ts";

/** With its service's default settings. Rejects as `session.request` does. */
export async function acceptDefaults(session: XmppSession, room: BareJid): Promise<void> {
  await session.request(encodeInstantRoom(room));
}

/** With its service's default settings, and open only to who knows `password`. Rejects likewise. */
export async function protect(
  session: XmppSession,
  room: BareJid,
  password: string,
): Promise<void> {
  await session.request(
    encodeRoomConfiguration(room, {
      "muc#roomconfig_passwordprotectedroom": "1",
      "muc#roomconfig_roomsecret": password,
    }),
  );
}

/** Takes back a room that cannot be as it has to be; at least we do not stay in it. */
export async function abandon(session: XmppSession, room: BareJid, nick: string): Promise<void> {
  try {
    await session.request(encodeDestruction(room));
  } catch {
    // Whatever the reason, the room ends with its last occupant, unless its service keeps rooms.
  }
  session.post(encodeLeave(room, nick));
}
