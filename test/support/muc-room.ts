import { createHash, randomUUID } from "node:crypto";
import type { Element } from "ltx";

import type { Component } from "./component.ts";
import type {
  Departure,
  FakeMessage,
  FakeRoom,
  FakeRoomOptions,
  PresenceExtras,
  Reaction,
  Visitor,
} from "./muc-room-types.ts";
import {
  type FakeOccupant,
  type PresenceFacts,
  type Refusal,
  bodyXml,
  destroyXml,
  discoInfoXml,
  errorXml,
  invitationXml,
  messageXml,
  noticeXml,
  occupantIdXml,
  presenceXml,
  resultXml,
  stanzaIdXml,
  subjectXml,
} from "./muc-stanzas.ts";
import { waitFor } from "./wait.ts";

const MUC = "http://jabber.org/protocol/muc";
const DISCO_INFO = "http://jabber.org/protocol/disco#info";
const PING = "urn:xmpp:ping";
const OCCUPANT_ID = "urn:xmpp:occupant-id:0";
const STANZA_ID = "urn:xmpp:sid:0";
/** Stanzas between two looks at whether the server keeps up. */
const CHUNK = 500;

/** Bare JID and resource ("" without one). */
export function split(jid: string): [bare: string, resource: string] {
  const slash = jid.indexOf("/");
  return slash < 0 ? [jid, ""] : [jid.slice(0, slash), jid.slice(slash + 1)];
}

/** Sender and addressee of an answer to `stanza`. */
export function answerTo({ attrs }: Element): { from: string; to: string; id?: string } {
  return { from: String(attrs["to"]), to: String(attrs["from"]), id: attrs["id"] };
}

/** A room of a fake service; `receive` takes what is sent to it and its occupants. */
export function createFakeRoom(
  component: Component,
  jid: string,
  initial: FakeRoomOptions,
): FakeRoom & { receive(stanza: Element): void } {
  let options = initial;
  const occupants = new Map<string, FakeOccupant>();
  /** Nick by full JID. */
  const visitors = new Map<string, string>();
  const received: Element[] = [];
  const at = (nick: string): string => `${jid}/${nick}`;
  const refuse = (stanza: Element, refusal: Refusal, content?: string): void =>
    component.send(errorXml(stanza.getName(), answerTo(stanza), refusal, content));
  const refusalOf = (reaction: Reaction): Refusal | undefined =>
    typeof reaction === "object" ? reaction.refuse : undefined;

  function visitorList(): Visitor[] {
    return [...visitors].map(([full, nick]) => ({ jid: full, nick }));
  }

  function broadcast(make: (visitor: Visitor) => string): void {
    if (visitors.size > 0) component.send(visitorList().map(make).join(""));
  }

  function newOccupant(nick: string, from?: string): FakeOccupant {
    const { affiliation, role, nonAnonymous, occupantIds } = options;
    const whose = from === undefined ? nick : split(from)[0];
    const occupantId = createHash("sha1").update(`${jid} ${whose}`).digest("base64");
    return {
      nick,
      affiliation,
      role,
      ...(from !== undefined && nonAnonymous && { jid: from }),
      ...(occupantIds && { occupantId }),
    };
  }

  /** An occupant's presence as a visitor gets it. */
  function presence(occupant: FakeOccupant, to: string, extras: Partial<PresenceFacts> = {}) {
    const self = visitors.get(to) === occupant.nick ? [110] : [];
    const codes = [...self, ...(extras.codes ?? [])];
    return presenceXml({ from: at(occupant.nick), to, occupant, ...extras, codes });
  }

  function sayXml(nick: string, body: string, to: string, message: FakeMessage): string {
    const { id = "", stanzaId = false, extra = "" } = message;
    const { occupantId = occupants.get(nick)?.occupantId } = message;
    const content =
      bodyXml(body) +
      extra +
      (stanzaId === false ? "" : stanzaIdXml(stanzaId, jid)) +
      (occupantId === false ? "" : occupantIdXml(occupantId));
    return messageXml({ from: at(nick), to, type: "groupchat", id }, content);
  }

  function subjectTo(to: string, text: string, nick?: string): string {
    const from = nick === undefined ? jid : at(nick);
    return messageXml({ from, to, type: "groupchat" }, subjectXml(text));
  }

  function join(stanza: Element, from: string, asked: string): void {
    const { onJoin, password } = options;
    const refusal = refusalOf(onJoin);
    const x = `<x xmlns="${MUC}"/>`;
    if (onJoin === "silent") return;
    if (refusal !== undefined) return refuse(stanza, refusal, x);
    if (password !== undefined && stanza.getChild("x", MUC)?.getChildText("password") !== password)
      return refuse(stanza, "not-authorized", x);
    const nick = options.giveNick(asked);
    if (isTaken(nick, from)) return refuse(stanza, "conflict", x);
    const known = occupants.get(nick);
    occupants.delete(nick); // so that self-presence comes last
    const others = [...occupants.values()];
    const self = known ?? newOccupant(nick, from);
    occupants.set(nick, self);
    if (!known) broadcast((visitor) => presence(self, visitor.jid));
    visitors.set(from, nick);
    for (let i = 0; i < others.length; i += CHUNK) {
      const part = others.slice(i, i + CHUNK);
      component.send(part.map((other) => presence(other, from)).join(""));
    }
    const renamed = nick === asked ? [] : [210];
    const open = options.nonAnonymous ? [100] : [];
    const codes = [...open, ...renamed, ...options.selfCodes];
    const old = options.history.map((entry) =>
      sayXml(entry.nick, entry.body, from, {
        id: randomUUID(),
        extra: `<delay xmlns="urn:xmpp:delay" from="${jid}" stamp="${entry.stamp}"/>`,
      }),
    );
    const { subject } = options;
    const last = subject === undefined ? "" : subjectTo(from, subject);
    component.send(presence(self, from, { codes }) + old.join("") + last);
  }

  /** Whether `nick` is somebody else's: a nick may be shared by one's own resources alone. */
  function isTaken(nick: string, from: string): boolean {
    if (!occupants.has(nick)) return false;
    const [bare] = split(from);
    return !visitorList().some((other) => other.nick === nick && split(other.jid)[0] === bare);
  }

  function rename(nick: string, newNick: string): void {
    const occupant = occupants.get(nick);
    if (!occupant) throw new Error(`nobody in ${jid} is called ${nick}`);
    const renamed = { ...occupant, nick: newNick };
    const gone = { type: "unavailable", codes: [303], newNick } as const;
    broadcast((visitor) => presence(occupant, visitor.jid, gone));
    occupants.delete(nick);
    occupants.set(newNick, renamed);
    for (const [full, own] of visitors) if (own === nick) visitors.set(full, newNick);
    broadcast((visitor) => presence(renamed, visitor.jid));
  }

  function remove(nick: string, departure: Departure = {}): void {
    const occupant = occupants.get(nick);
    if (!occupant) throw new Error(`nobody in ${jid} is called ${nick}`);
    const { affiliation = occupant.affiliation, ...facts } = departure;
    const going: FakeOccupant = { ...occupant, affiliation, role: "none" };
    broadcast((visitor) => presence(going, visitor.jid, { ...facts, type: "unavailable" }));
    forget(nick);
  }

  function forget(nick?: string): void {
    for (const [full, own] of visitors) {
      if (nick !== undefined && own !== nick) continue;
      visitors.delete(full);
      occupants.delete(own);
    }
    if (nick !== undefined) occupants.delete(nick);
  }

  function onPresence(stanza: Element, from: string, nick: string): void {
    const own = visitors.get(from);
    const type: string | undefined = stanza.attrs["type"];
    if (type === "unavailable") {
      if (own === undefined || options.onLeave === "silent") return;
      const isLast = visitorList().filter((other) => other.nick === own).length === 1;
      if (isLast) return remove(own);
      const occupant = occupants.get(own);
      if (occupant) component.send(presence(occupant, from, { type: "unavailable" }));
      visitors.delete(from);
      return;
    }
    if (type !== undefined) return;
    if (own === undefined || stanza.getChild("x", MUC)) return join(stanza, from, nick);
    if (own === nick) {
      const { show: _show, status: _status, ...rest } = occupants.get(nick) ?? newOccupant(nick);
      const show = stanza.getChildText("show") ?? undefined;
      const status = stanza.getChildText("status") ?? undefined;
      return setOccupant(nick, { ...rest, ...(show && { show }), ...(status && { status }) });
    }
    const refusal = refusalOf(options.onNickChange) ?? (isTaken(nick, from) && "conflict");
    if (options.onNickChange === "silent") return;
    if (refusal) refuse(stanza, refusal);
    else rename(own, nick);
  }

  function onMessage(stanza: Element, from: string, nick: string): void {
    const own = visitors.get(from);
    if (stanza.attrs["type"] === "error") return;
    if (own === undefined) return refuse(stanza, "not-acceptable");
    if (stanza.attrs["type"] !== "groupchat") {
      const refusal = refusalOf(options.onPrivate);
      if (options.onPrivate === "silent") return;
      if (refusal !== undefined) return refuse(stanza, refusal, stanza.children.join(""));
      const content = stanza.children.join("");
      const head = { from: at(own), type: stanza.attrs["type"], id: stanza.attrs["id"] };
      const there = visitorList().filter((visitor) => visitor.nick === nick);
      component.send(
        there.map((visitor) => messageXml({ ...head, to: visitor.jid }, content)).join(""),
      );
      return;
    }
    const refusal = refusalOf(options.onMessage);
    if (options.onMessage === "silent") return;
    if (refusal !== undefined) return refuse(stanza, refusal, stanza.children.join(""));
    const forged = new Set([
      ...stanza.getChildren("occupant-id", OCCUPANT_ID),
      ...stanza.getChildren("stanza-id", STANZA_ID),
    ]);
    const content = stanza.children.filter((part) => !forged.has(part as Element)).join("");
    const subject = stanza.getChildText("subject");
    if (subject !== null && !stanza.getChild("body")) options = { ...options, subject };
    const added =
      occupantIdXml(occupants.get(own)?.occupantId) +
      (options.stanzaIds ? stanzaIdXml(randomUUID(), jid) : "");
    const head = { from: at(own), type: "groupchat", id: stanza.attrs["id"] };
    broadcast((visitor) => messageXml({ ...head, to: visitor.jid }, content + added));
  }

  function onIq(stanza: Element, from: string, nick: string): void {
    const { type } = stanza.attrs;
    if (type !== "get" && type !== "set") return;
    const head = answerTo(stanza);
    const answer = options.onIq(stanza);
    if (typeof answer === "object") return refuse(stanza, answer.refuse);
    if (typeof answer === "string") return component.send(resultXml(head, answer));
    const xmlns = stanza.getChildElements()[0]?.getNS();
    const react = (reaction: Reaction, payload: string): void => {
      const refusal = refusalOf(reaction);
      if (refusal !== undefined) refuse(stanza, refusal);
      else if (reaction !== "silent") component.send(resultXml(head, payload));
    };
    if (nick === "" && xmlns === DISCO_INFO) {
      const { name, infoExtra } = options;
      return react(options.onInfo, discoInfoXml(name, features(), infoExtra));
    }
    if (nick === "" && xmlns === `${MUC}#owner`) return component.send(resultXml(head));
    if (nick !== "" && !visitors.has(from)) return refuse(stanza, "not-acceptable");
    if (visitors.get(from) === nick && xmlns === PING) return react(options.onSelfPing, "");
    refuse(stanza, { condition: "service-unavailable", type: "cancel" });
  }

  function features(): readonly string[] {
    const { nonAnonymous, occupantIds, stanzaIds, password } = options;
    return (
      options.features ?? [
        MUC,
        nonAnonymous ? "muc_nonanonymous" : "muc_semianonymous",
        password === undefined ? "muc_unsecured" : "muc_passwordprotected",
        ...(occupantIds ? [OCCUPANT_ID] : []),
        ...(stanzaIds ? [STANZA_ID] : []),
      ]
    );
  }

  function setOccupant(
    nick: string,
    facts: Partial<FakeOccupant> = {},
    extras: PresenceExtras = {},
  ): void {
    const before = occupants.get(nick) ?? newOccupant(nick, facts.jid);
    const occupant = { ...before, ...facts, nick };
    occupants.set(nick, occupant);
    broadcast((visitor) => presence(occupant, visitor.jid, extras));
  }

  const look = async <T>(what: string, probe: () => T | undefined): Promise<T> => {
    const found = probe();
    if (found !== undefined) return found;
    const evidence = () => received.slice(-20).join("\n");
    return await waitFor(probe, { what: `${jid}: ${what}`, intervalMs: 5, evidence });
  };
  const waitForStanza: FakeRoom["waitFor"] = async (matches, since = 0) =>
    await look("a stanza", () => received.slice(since).find(matches));

  return {
    jid,
    occupants,
    received,
    get visitors() {
      return visitorList();
    },
    receive(stanza) {
      received.push(stanza);
      const from = String(stanza.attrs["from"]);
      const [, nick] = split(String(stanza.attrs["to"]));
      if (stanza.is("presence")) onPresence(stanza, from, nick);
      else if (stanza.is("message")) onMessage(stanza, from, nick);
      else onIq(stanza, from, nick);
    },
    set(changes) {
      options = { ...options, ...changes };
    },
    waitForVisitor: async (nick) =>
      await look(`visitor ${nick ?? ""}`, () =>
        visitorList().find((visitor) => nick === undefined || visitor.nick === nick),
      ),
    waitFor: waitForStanza,
    waitForBody: async (pattern, since) =>
      await waitForStanza(
        (stanza) =>
          stanza.attrs["type"] === "groupchat" && pattern.test(stanza.getChildText("body") ?? ""),
        since,
      ),
    setOccupant,
    async crowd(count, prefix = "guest") {
      for (let i = 0; i < count; i += 1) {
        setOccupant(
          `${prefix}${i}`,
          options.nonAnonymous ? { jid: `${prefix}${i}@crowd.test/x` } : {},
        );
        if (i % CHUNK === 0) await component.flushed();
      }
    },
    async flood(count) {
      const own = new Set(visitors.values());
      const nicks = [...occupants.keys()].filter((nick) => !own.has(nick));
      if (nicks.length === 0) throw new Error(`${jid} has no occupants to flood with`);
      for (let i = 0; i < count; i += 1) {
        const show = Math.floor(i / nicks.length) % 2 === 0 ? "away" : "dnd";
        setOccupant(nicks[i % nicks.length] ?? "", { show, status: `change ${i}` });
        if (i % CHUNK === 0) await component.flushed();
      }
      await component.flushed();
    },
    rename,
    remove,
    destroy(why = {}) {
      const inside = destroyXml(why);
      broadcast(({ jid: to, nick }) => {
        const occupant = occupants.get(nick) ?? newOccupant(nick);
        const going: FakeOccupant = { ...occupant, affiliation: "none", role: "none" };
        return presence(going, to, { type: "unavailable", inside });
      });
      visitors.clear();
      occupants.clear();
    },
    forget,
    say(nick, body, message = {}) {
      const { id = randomUUID(), to: only } = message;
      const { stanzaId = options.stanzaIds && randomUUID() } = message;
      const full = { ...message, id, stanzaId };
      if (only === undefined) broadcast((visitor) => sayXml(nick, body, visitor.jid, full));
      else component.send(sayXml(nick, body, only, full));
      return { id, stanzaId: stanzaId === false ? "" : stanzaId };
    },
    whisper(nick, to, body, extra = "") {
      const id = randomUUID();
      const x = `<x xmlns="${MUC}#user"/>`;
      const content = bodyXml(body) + extra + occupantIdXml(occupants.get(nick)?.occupantId) + x;
      for (const visitor of visitorList()) {
        if (visitor.nick !== to) continue;
        component.send(messageXml({ from: at(nick), to: visitor.jid, type: "chat", id }, content));
      }
    },
    setSubject(text, nick) {
      options = { ...options, subject: text };
      broadcast((visitor) => subjectTo(visitor.jid, text, nick));
    },
    notice: (...codes) => broadcast((visitor) => noticeXml(jid, visitor.jid, codes)),
    invite: (invitation) => component.send(invitationXml(jid, invitation)),
    broadcast,
    async sync() {
      const ids = visitorList().map((visitor) => {
        const id = randomUUID();
        component.send(
          `<iq type="get" from="${jid}" to="${visitor.jid}" id="${id}"><ping xmlns="${PING}"/></iq>`,
        );
        return id;
      });
      const since = component.stanzas.length;
      for (const id of ids) await component.waitFor(({ attrs }) => attrs["id"] === id, { since });
    },
  };
}
