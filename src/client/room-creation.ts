/**
 * A room that did not exist is ours to configure before anybody else may enter it (XEP-0045 §10.1).
 */
import { messageOf } from "../errors.ts";
import { encodeInstantRoom, encodeLeave } from "../protocol/xep-0045-muc.ts";
import { encodeDestruction, encodeRoomConfiguration } from "../protocol/xep-0045-owner.ts";
import type { Room } from "./room.ts";
import type { Logger, XmppSession } from "./types.ts";

type Owner = { session: XmppSession; log: Logger };

/** Accepts its service's default settings. A room that stays locked is still one that we are in. */
export async function unlockRoom({ session, log }: Owner, { jid }: Room): Promise<void> {
  log.info(`room ${jid} did not exist: created it with its service's default settings`);
  try {
    await session.request(encodeInstantRoom(jid));
  } catch (error) {
    log.warn(`room ${jid}: the default settings were not accepted: ${messageOf(error)}`);
  }
}

/**
 * Accepts them but for the wanted password, without which nobody may come in.
 * @returns false when the service refused it, and the room is not to be used
 */
export async function protectRoom(
  { session, log }: Owner,
  { jid, wanted }: Room,
): Promise<boolean> {
  const configuration = encodeRoomConfiguration(jid, {
    "muc#roomconfig_passwordprotectedroom": "1",
    "muc#roomconfig_roomsecret": wanted.password ?? "",
  });
  try {
    await session.request(configuration);
    log.info(`room ${jid} did not exist: created it with its password`);
    return true;
  } catch (error) {
    log.warn(`room ${jid} is new and cannot be protected by its password: ${messageOf(error)}`);
    return false;
  }
}

/** Takes back a room that cannot be as it has to be; at least we do not stay in it. */
export async function abandonRoom({ session, log }: Owner, { jid, nick }: Room): Promise<void> {
  try {
    await session.request(encodeDestruction(jid));
  } catch (error) {
    // It then ends with its last occupant, unless its service keeps rooms.
    log.warn(`room ${jid} was left, but not destroyed: ${messageOf(error)}`);
  }
  session.post(encodeLeave(jid, nick));
}
