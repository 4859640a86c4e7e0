/** Rooms that our own server's services list to everybody (XEP-0045 §6.3). Who made them chose their names. */
import { parseJid, type BareJid, type FullJid } from "../protocol/jid.ts";
import { encodeRequest } from "../protocol/rfc-6120-iq.ts";
import { DISCO_ITEMS, decodeDiscoItems, encodeDiscoQuery } from "../protocol/xep-0030-disco.ts";
import type { XmppSession } from "./types.ts";

export type PublicRoom = { room: BareJid; name?: string };

const MAX_SERVICES = 5;
const MAX_ROOMS = 500;
const MAX_NAME = 200;
const TIMEOUT_MS = 5_000;

/** At most 500; of services that do not answer, none. Never rejects. */
export async function listPublicRooms(
  session: Pick<XmppSession, "request">,
  services: Iterable<string>,
): Promise<PublicRoom[]> {
  const asked = [...services].slice(0, MAX_SERVICES).map(async (service) => {
    try {
      // A bare domain is a JID (RFC 7622 §3.1).
      const iq = encodeRequest("get", encodeDiscoQuery(DISCO_ITEMS), service as FullJid);
      const items = decodeDiscoItems(await session.request(iq, { timeoutMs: TIMEOUT_MS })) ?? [];
      return items.flatMap(({ jid, name }) => {
        const parsed = parseJid(jid);
        // A service speaks for its own rooms alone.
        const isOwn = parsed?.local !== undefined && parsed.domain === service;
        if (!isOwn || parsed.resource !== undefined) return [];
        const shown = name?.trim().slice(0, MAX_NAME);
        return { room: parsed.bare, ...(shown ? { name: shown } : {}) };
      });
    } catch {
      return []; // offline, or a service that keeps its rooms to itself
    }
  });
  return (await Promise.all(asked)).flat().slice(0, MAX_ROOMS);
}
