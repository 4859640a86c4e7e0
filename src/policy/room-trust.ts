/**
 * Whose word about its occupants counts. A room service says who its occupants are: which real JID
 * each has, which occupant id, which affiliation. Anybody can run a service and have it say anything,
 * so only those are believed that somebody chose:
 *
 * - a service where the operator listed a room, or the account has a bookmark;
 * - a room service that our own server announces as its own (XEP-0030 disco#items). The server's own
 *   domain is none: there accounts live, and what an account says of others is its own word.
 *
 * An invitation leads to others as well (`autoJoin: "always"`). There nobody has an identity.
 */
import { domainOf, type BareJid } from "../protocol/jid.ts";

/** Whether the room's service is believed about who its occupants are. */
export type RoomTrust = (room: BareJid) => boolean;

/** `chosen`: rooms that the operator listed or bookmarked; `announced`: domains of our server's services. */
export function createRoomTrust(chosen: Iterable<BareJid>, announced: Iterable<string>): RoomTrust {
  const services = new Set([...[...chosen].map(domainOf), ...announced]);
  return (room) => {
    const service = domainOf(room);
    return service !== undefined && services.has(service);
  };
}

/** The same, of what changes; made anew only then, since it is asked for each message. */
export function createChangingRoomTrust(
  chosen: () => ReadonlySet<BareJid>,
  announced: () => ReadonlySet<string>,
): RoomTrust {
  let last: { rooms: object; services: object; trust: RoomTrust } | undefined;
  return (room) => {
    const [rooms, services] = [chosen(), announced()];
    if (last?.rooms !== rooms || last.services !== services) {
      last = { rooms, services, trust: createRoomTrust(rooms, services) };
    }
    return last.trust(room);
  };
}
