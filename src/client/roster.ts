/**
 * Contacts, presence subscriptions and our own initial presence (RFC 6121 §2 to §4).
 * After each login: the roster, then presence, then `onReady`, after which rooms may be entered; not
 * after a resumed stream, over which the server kept all of it (XEP-0198 §5).
 */
import type { Element } from "ltx";
import { XmppStanzaError } from "../errors.ts";
import { createRate } from "../policy/rate.ts";
import { type BareJid, type Jid, bareJid } from "../protocol/jid.ts";
import { encodeRequest, encodeResult } from "../protocol/rfc-6120-iq.ts";
import {
  type Availability,
  type SubscriptionType,
  decodePresence,
  encodeAvailable,
  encodeSubscription,
} from "../protocol/rfc-6121-presence.ts";
import {
  type RosterItem,
  decodeRoster,
  decodeRosterPush,
  encodeRosterQuery,
  encodeRosterSet,
  isRosterPush,
} from "../protocol/rfc-6121-roster.ts";
import { stripInvalidXmlChars } from "../protocol/xml-text.ts";
import { type Caps, capsNode, decodeCaps, encodeCaps } from "../protocol/xep-0115-caps.ts";
import { type ContactResource, createContactPresences } from "./contact-presences.ts";
import { isFromOwnAccount } from "./own-account.ts";
import { mayBeResumed } from "./resumption.ts";
import type { ConnectionState, Logger, XmppSession } from "./types.ts";

export type Contact = RosterItem;

export type Roster = {
  contacts(): Contact[];
  contact(jid: BareJid): Contact | undefined;
  /** The contact's most reachable resource; undefined while offline, and for who is no contact. */
  presenceOf(jid: BareJid): Availability | undefined;
  /** All resources of the contact that are online. */
  resourcesOf(jid: BareJid): ContactResource[];
  /**
   * Gives a contact a name on the server, for all clients of the account; who is none becomes one, without any
   * subscription (RFC 6121 §2.3, §2.4). "": no name.
   * @throws XmppStanzaError what the server refuses with
   */
  rename(jid: BareJid, name: string): Promise<void>;
  /** Called after each login once our initial presence is out; at once when it already is. */
  onReady(listener: () => void): () => void;
  /** Says our presence anew, when what it announces has changed. */
  announce(): void;
  /** Ends all listening. */
  stop(): void;
};

export type RosterOptions = {
  session: XmppSession;
  log: Logger;
  /** Whether a stranger may see our presence, and we ask for theirs. Asked at each request. */
  decideSubscription: (jid: BareJid) => "accept" | "refuse";
  /** Announced in our presence. */
  caps?: Caps | undefined;
  /** What else our presence says. */
  extensions?: (() => Element[]) | undefined;
  /** A subscription request was left unanswered, because there are too many. */
  onExcess?: (() => void) | undefined;
};

/** Requests answered within a window; more stay unanswered, and the server repeats them at the next login (§3.1.3). */
const SUBSCRIPTIONS_PER_WINDOW = 30;
/** So that one hostile domain does not use them up. */
const SUBSCRIPTIONS_PER_DOMAIN = 10;
const WINDOW_MS = 60_000;
const MAX_CONTACTS = 10_000;

export function createRoster(options: RosterOptions): Roster {
  const { session, log } = options;
  const contacts = new Map<BareJid, Contact>();
  const presences = createContactPresences();
  const readyListeners = new Set<() => void>();
  /** Whom we asked back since the login: not again when they refuse and ask once more. */
  const askedBack = new Set<BareJid>();
  const rate = createRate(WINDOW_MS);
  /** One, as a server may have any number of domains. */
  const excessLines = createRate(WINDOW_MS);
  let login = 0;
  let isReady = false;

  async function online(): Promise<void> {
    const current = ++login;
    askedBack.clear();
    try {
      const items = decodeRoster(await session.request(encodeRequest("get", encodeRosterQuery())));
      if (current !== login) return;
      contacts.clear();
      for (const item of items ?? []) apply(item);
    } catch (error) {
      // Without a roster we still want to be reachable; without a connection the next login asks again.
      log.warn(`the server gave no roster: ${String(error)}`);
    }
    if (current !== login || session.state.kind !== "online") return;
    announce();
    isReady = true;
    for (const listener of readyListeners) {
      try {
        listener();
      } catch (error) {
        log.error(`roster listener failed: ${String(error)}`);
      }
    }
  }

  function announce(): void {
    const caps = options.caps ? [encodeCaps(options.caps)] : [];
    session.post(encodeAvailable([...caps, ...(options.extensions?.() ?? [])]));
  }

  function offline(): void {
    login += 1;
    isReady = false;
    presences.clear();
  }

  function onState(state: ConnectionState): void {
    if (state.kind === "online") {
      // The loss may have come in the middle of it.
      if (!state.facts.resumed || !isReady) void online();
    } else if (!mayBeResumed(state)) offline();
  }

  function apply(item: Contact): void {
    if (item.subscription === "remove") {
      contacts.delete(item.jid);
      presences.forget(item.jid);
    } else if (contacts.has(item.jid) || contacts.size < MAX_CONTACTS) {
      contacts.set(item.jid, item);
    }
  }

  /** §2.1.6: only our own server may push, which writes our bare JID or none; else it is somebody's forgery. */
  function onIq(iq: Element): Element | undefined {
    if (!isRosterPush(iq) || !isFromOwnAccount(iq, session)) return undefined;
    const item = decodeRosterPush(iq);
    if (!item) throw new XmppStanzaError("modify", "bad-request", "a roster push has one item");
    apply(item);
    return encodeResult();
  }

  function onStanza(stanza: Element): void {
    const presence = decodePresence(stanza);
    if (!presence) return;
    const { from } = presence;
    if (presence.kind === "subscription") return onSubscription(from, presence.type);
    if (!contacts.has(from.bare)) return;
    if (presence.kind === "available") {
      const caps = decodeCaps(stanza);
      presences.set(from, presence, caps && capsNode(caps));
    } else if (presence.kind === "unavailable") presences.remove(from);
  }

  /**
   * Only `subscribe` asks for an answer. The other three change the roster, which the server tells by
   * a push; to answer them as well is how two bots talk for ever (RFC 3921 §9.4 did, RFC 6121 does not).
   */
  function onSubscription(from: Jid, type: SubscriptionType): void {
    if (type !== "subscribe" || from.bare === bareJid(session.jid ?? "")) return;
    const bounds = { each: SUBSCRIPTIONS_PER_DOMAIN, total: SUBSCRIPTIONS_PER_WINDOW };
    const now = Date.now();
    if (rate.take(from.domain, bounds, now) !== "granted") {
      if (excessLines.take("", { each: 1 }, now) === "granted") {
        log.warn(`too many subscription requests: left that of ${from.bare} unanswered`);
      }
      return options.onExcess?.();
    }
    if (options.decideSubscription(from.bare) === "refuse") {
      log.info(`refused the subscription request of ${from.bare}`);
      session.post(encodeSubscription("unsubscribed", from.bare));
      return;
    }
    log.info(`accepted the subscription request of ${from.bare}`);
    session.post(encodeSubscription("subscribed", from.bare));
    askBack(from.bare);
  }

  function askBack(jid: BareJid): void {
    const known = contacts.get(jid);
    const isKnown = known?.asked || known?.subscription === "to" || known?.subscription === "both";
    if (isKnown || askedBack.has(jid) || askedBack.size >= MAX_CONTACTS) return;
    askedBack.add(jid);
    session.post(encodeSubscription("subscribe", jid));
  }

  const unsubscribe = [session.onStanza(onStanza), session.onIq(onIq), session.onState(onState)];
  if (session.state.kind === "online") void online();

  return {
    contacts: () => [...contacts.values()],
    contact: (jid) => contacts.get(jid),
    presenceOf: (jid) => presences.best(jid),
    resourcesOf: (jid) => presences.resources(jid),
    async rename(jid, name) {
      // A set replaces the whole item (§2.4.1).
      const groups = contacts.get(jid)?.groups ?? [];
      const item = { jid, name: name === "" ? undefined : stripInvalidXmlChars(name), groups };
      await session.request(encodeRequest("set", encodeRosterSet(item)));
    },
    onReady(listener) {
      readyListeners.add(listener);
      if (isReady) listener();
      return () => void readyListeners.delete(listener);
    },
    announce() {
      if (isReady) announce();
    },
    stop() {
      for (const end of unsubscribe) end();
      readyListeners.clear();
      offline();
      contacts.clear();
    },
  };
}
