/**
 * Who of the contacts is online, by resource (RFC 6121 §4). Bounded: the caller admits contacts only,
 * and of each only so many resources are kept.
 */
import type { BareJid, FullJid, Jid } from "../protocol/jid.ts";
import type { Availability } from "../protocol/rfc-6121-presence.ts";

const MAX_RESOURCES = 16;
const MAX_STATUS_LENGTH = 500;

export type ContactResource = Availability & {
  jid: FullJid;
  /** "node#ver" of its presence (XEP-0115). */
  caps?: string | undefined;
  /** Names the time from when it came online until it leaves. */
  stay: string;
};

export type ContactPresences = {
  set(from: Jid, availability: Availability, caps?: string): void;
  /** A full JID takes that resource out, a bare one all of them. */
  remove(from: Jid): void;
  forget(jid: BareJid): void;
  /** The resource with the highest priority, of those the one that came last. */
  best(jid: BareJid): Availability | undefined;
  /** All of them. */
  resources(jid: BareJid): ContactResource[];
  clear(): void;
};

export function createContactPresences(): ContactPresences {
  const online = new Map<BareJid, Map<string, ContactResource>>();
  let stays = 0;
  return {
    set(from, { show, status, priority }, caps) {
      const resources = online.get(from.bare) ?? new Map<string, ContactResource>();
      const resource = from.resource ?? "";
      const stay = resources.get(resource)?.stay ?? `${from.full} ${++stays}`;
      resources.delete(resource);
      if (resources.size >= MAX_RESOURCES) return;
      const short = status?.slice(0, MAX_STATUS_LENGTH);
      resources.set(resource, { jid: from.full, show, status: short, priority, caps, stay });
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
      let best: ContactResource | undefined;
      for (const resource of online.get(jid)?.values() ?? []) {
        if (!best || resource.priority >= best.priority) best = resource;
      }
      return best && { show: best.show, status: best.status, priority: best.priority };
    },
    resources: (jid) => [...(online.get(jid)?.values() ?? [])],
    clear: () => online.clear(),
  };
}
