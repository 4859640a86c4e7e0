import type { Element } from "ltx";

import type { FakeOccupant, PresenceFacts, Refusal } from "./muc-stanzas.ts";

/** How a room answers: as it should, not at all, or by an error. */
export type Reaction = "normal" | "silent" | { readonly refuse: Refusal };

/** What a room is like; all of it may be changed later by `set`. */
export interface FakeRoomOptions {
  /** The name in disco#info. */
  readonly name: string;
  /** True shows everybody's real JIDs and sends status 100. Default true. */
  readonly nonAnonymous: boolean;
  /** Default true: everybody has an occupant-id (XEP-0421), made of the JID or the nick. */
  readonly occupantIds: boolean;
  /** Default true: messages get a stanza-id (XEP-0359). */
  readonly stanzaIds: boolean;
  /** The features in disco#info, instead of those that follow from the above. */
  readonly features: readonly string[] | undefined;
  /** Raw XML in disco#info behind the features. */
  readonly infoExtra: string;
  readonly password: string | undefined;
  /** Sent after a join; undefined sends none at all, which no proper room does. Default "". */
  readonly subject: string | undefined;
  /** Sent after a join, whatever the client asked for. */
  readonly history: readonly { nick: string; body: string; stamp: string }[];
  /** What newcomers get. Default: none, participant. */
  readonly affiliation: FakeOccupant["affiliation"];
  readonly role: FakeOccupant["role"];
  /** Status codes in a newcomer's self-presence beside 110 and 100, e.g. 201. */
  readonly selfCodes: readonly number[];
  /** Gives a newcomer another nick than asked for, with status 210. */
  readonly giveNick: (asked: string) => string;
  readonly onJoin: Reaction;
  readonly onLeave: "normal" | "silent";
  readonly onNickChange: Reaction;
  /** What becomes of a visitor's groupchat message; "silent" swallows it. */
  readonly onMessage: Reaction;
  /** Private messages to other occupants; "silent" swallows them. */
  readonly onPrivate: Reaction;
  /** Pings of one's own occupant JID (XEP-0410). */
  readonly onSelfPing: Reaction;
  readonly onInfo: Reaction;
  /** Answers any iq before the room does: raw XML of the payload, a refusal, or undefined to leave it. */
  readonly onIq: (iq: Element) => string | { readonly refuse: Refusal } | undefined;
}

/** A real client in a fake room. */
export interface Visitor {
  /** Full JID. */
  readonly jid: string;
  readonly nick: string;
}

export interface FakeMessage {
  readonly id?: string;
  /** Raw XML beside the body. */
  readonly extra?: string;
  /** Another stanza-id than one that is made; false sends none. */
  readonly stanzaId?: string | false;
  /** Another occupant-id than the occupant's; false sends none. */
  readonly occupantId?: string | false;
  /** Full JID of the only visitor to get it. Default: all. */
  readonly to?: string;
}

/** Why and how somebody goes; the real thing is e.g. `{ codes: [301], affiliation: "outcast" }`. */
export type Departure = Pick<PresenceFacts, "codes" | "reason" | "actor" | "inside"> & {
  readonly affiliation?: FakeOccupant["affiliation"];
};

export interface FakeRoom {
  readonly jid: string;
  /** Those there now, real clients included. */
  readonly occupants: ReadonlyMap<string, FakeOccupant>;
  readonly visitors: readonly Visitor[];
  /** Every stanza to the room and its occupants, oldest first. */
  readonly received: readonly Element[];
  set(changes: Partial<FakeRoomOptions>): void;
  /** Waits for a real client with that nick (default: any). */
  waitForVisitor(nick?: string): Promise<Visitor>;
  /** Waits for a stanza, past or future, after position `since` of `received`. */
  waitFor(matches: (stanza: Element) => boolean, since?: number): Promise<Element>;
  /** Waits for a groupchat message of a visitor whose body matches. */
  waitForBody(pattern: RegExp, since?: number): Promise<Element>;
  /** Adds an occupant, or changes what is given, and tells the visitors. */
  setOccupant(nick: string, facts?: Partial<FakeOccupant>, presence?: PresenceExtras): void;
  /** Adds `count` occupants `prefix0`, `prefix1`, … (default "guest"), and tells the visitors. */
  crowd(count: number, prefix?: string): Promise<void>;
  /** Sends `count` presence changes of the occupants that are no visitors, in turn. */
  flood(count: number): Promise<void>;
  /** Another nick for an occupant or visitor, by status 303. */
  rename(nick: string, newNick: string): void;
  /** Somebody goes: by themselves, or with codes such as 307, 301, 321, 322, 332, 333. */
  remove(nick: string, departure?: Departure): void;
  /** Everybody goes, because the room is destroyed. */
  destroy(options?: { alternate?: string; reason?: string }): void;
  /** Drops a visitor, or all, without telling them: what XEP-0410 is for. */
  forget(nick?: string): void;
  /** @returns the message's id and stanza-id */
  say(nick: string, body: string, options?: FakeMessage): { id: string; stanzaId: string };
  /** A private message to a visitor's nick. */
  whisper(nick: string, to: string, body: string, extra?: string): void;
  /** Changes the subject and tells the visitors; without a nick it comes from the room itself. */
  setSubject(text: string, nick?: string): void;
  /** A message of the room itself with status codes, e.g. 104, 172, 173. */
  notice(...codes: number[]): void;
  /** A mediated invitation to somebody outside; `from` is the inviter as the room shows them. */
  invite(invitation: { to: string; from: string; reason?: string; password?: string }): void;
  /** Sends each visitor a stanza of your own making. */
  broadcast(make: (visitor: Visitor) => string): void;
  /** A round trip to every visitor: they have handled all that was sent before. */
  sync(): Promise<void>;
}

/** More for a presence: status codes, raw XML in or beside the muc#user extension. */
export type PresenceExtras = Pick<PresenceFacts, "codes" | "inside" | "extra">;

export const ROOM_DEFAULTS: Omit<FakeRoomOptions, "name"> = {
  nonAnonymous: true,
  occupantIds: true,
  stanzaIds: true,
  features: undefined,
  infoExtra: "",
  password: undefined,
  subject: "",
  history: [],
  affiliation: "none",
  role: "participant",
  selfCodes: [],
  giveNick: (asked) => asked,
  onJoin: "normal",
  onLeave: "normal",
  onNickChange: "normal",
  onMessage: "normal",
  onPrivate: "normal",
  onSelfPing: "normal",
  onInfo: "normal",
  onIq: () => undefined,
};
