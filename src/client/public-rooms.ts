/** The rooms that a server shows to anybody who asks, and what a room says before it is entered (XEP-0045 §6.3, §6.4). */
import { XmppStanzaError } from "../errors.ts";
import { type BareJid, type FullJid, parseJid } from "../protocol/jid.ts";
import { encodeRequest } from "../protocol/rfc-6120-iq.ts";
import {
  DISCO_INFO,
  DISCO_ITEMS,
  decodeDiscoInfo,
  decodeDiscoItems,
  encodeDiscoQuery,
} from "../protocol/xep-0030-disco.ts";
import { MUC_MEMBERS_ONLY, MUC_PASSWORD_PROTECTED } from "../protocol/xep-0045-muc.ts";
import { type Asker, findRoomServices } from "./server-services.ts";

/** More than anybody wants to choose from. */
const MAX_ROOMS = 200;
const MAX_NAME_LENGTH = 80;
const REQUEST_MS = 10_000;

export type PublicRoom = { jid: BareJid; name: string | undefined };
export type PublicRooms = { services: string[]; rooms: PublicRoom[] };

/** The public rooms of `domain`'s own room services; a service that does not tell has none. @throws what `request` throws */
export async function listPublicRooms(asker: Asker, domain: string): Promise<PublicRooms> {
  const services = await findRoomServices(asker, domain);
  return { services, rooms: await listRoomsOf(asker, services) };
}

/** The public rooms of these services, as `listPublicRooms`; never rejects. */
export async function listRoomsOf(
  asker: Asker,
  services: readonly string[],
): Promise<PublicRoom[]> {
  const lists = await Promise.all(services.map((service) => roomsOf(asker, service)));
  return lists.flat().slice(0, MAX_ROOMS);
}

async function roomsOf(asker: Asker, service: string): Promise<PublicRoom[]> {
  const iq = encodeRequest("get", encodeDiscoQuery(DISCO_ITEMS), service as FullJid);
  try {
    const items = decodeDiscoItems(await asker.request(iq, { timeoutMs: REQUEST_MS })) ?? [];
    return items.flatMap(({ jid, name, node }) => {
      const room = parseJid(jid);
      // A service names rooms of its own only.
      const isItsOwn = room?.local && room.domain === service && room.resource === undefined;
      if (!isItsOwn || node !== undefined) return [];
      return { jid: room.bare, name: name?.trim().slice(0, MAX_NAME_LENGTH) || undefined };
    });
  } catch {
    return []; // who does not answer, or may not, lists none
  }
}

/** `missing`: nobody has made it yet; `unknown`: it does not say. */
export type RoomEntrance = "open" | "password" | "members" | "missing" | "unknown";

/** How one gets into a room, as it says itself; never rejects. */
export async function askEntrance(asker: Asker, room: BareJid): Promise<RoomEntrance> {
  const iq = encodeRequest("get", encodeDiscoQuery(DISCO_INFO), room);
  try {
    const info = decodeDiscoInfo(await asker.request(iq, { timeoutMs: REQUEST_MS }));
    if (!info?.identities.some(({ category }) => category === "conference")) return "unknown";
    if (info.features.includes(MUC_PASSWORD_PROTECTED)) return "password";
    return info.features.includes(MUC_MEMBERS_ONLY) ? "members" : "open";
  } catch (error) {
    const isMissing = error instanceof XmppStanzaError && error.condition === "item-not-found";
    return isMissing ? "missing" : "unknown";
  }
}
