/**
 * Who of the contacts is online, by resource (RFC 6121 §4). Bounded: the caller admits contacts only,
 * and of each only so many resources are kept.
 */
import type { BareJid, Jid } from "../protocol/jid.ts";
import type { Availability } from "../protocol/rfc-6121-presence.ts";

const MAX_RESOURCES = 16;
const MAX_STATUS_LENGTH = 500;

export type ContactPresences = {
  set(from: Jid, availability: Availability): void;
  /** A full JID takes that resource out, a bare one all of them. */
  remove(from: Jid): void;
  forget(jid: BareJid): void;
  /** The resource with the highest priority, of those the one that came last. */
  best(jid: BareJid): Availability | undefined;
  clear(): void;
};

export function createContactPresences(): ContactPresences {
  const online = new Map<BareJid, Map<string, Availability>>();
  return {
    set(from, { show, status, priority }) {
      const resources = online.get(from.bare) ?? new Map<string, Availability>();
      const resource = from.resource ?? "";
      resources.delete(resource);
      if (resources.size >= MAX_RESOURCES) return;
      resources.set(resource, { show, status: status?.slice(0, MAX_STATUS_LENGTH), priority });
      online.set(from.bare, resources);
    },
    remove(from) {
      const resources = online.get(from.bare);
      if (from.resource === undefined) resources?.clear();
      else resources?.delete(from.resource);
      if (resources?.size === 0) online.delete(from.bare);
    },
    forget: (jid) => void online.delete(jid),
    best(jid) {
      let best: Availability | undefined;
      for (const availability of online.get(jid)?.values() ?? []) {
        if (!best || availability.priority >= best.priority) best = availability;
      }
      return best;
    },
    clear: () => online.clear(),
  };
}
