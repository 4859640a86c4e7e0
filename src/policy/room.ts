/**
 * What applies in one room: the account's group policy and the room's own entry (`mucRooms`,
 * `groups`), with the entry "*" for what the room's own does not say.
 *
 * | groupPolicy | `listed`: where the agent answers                                      |
 * | ----------- | ---------------------------------------------------------------------- |
 * | `open`      | every room that it is in                                               |
 * | `allowlist` | rooms in `mucRooms`, `groups`; with "*" there, every room that it is in |
 * | `disabled`  | nowhere                                                                |
 *
 * Whom: the room's `users` and `allowFrom`, which are one list, and the account's `groupAllowFrom`,
 * which holds in every room besides. Where one of them names somebody, only whom they name. Where all
 * of them are empty: in a room that the operator chose everybody, in one that the agent was only
 * invited to whoever invited it.
 * With `roomOwnerBypass` the owners of a room that the operator chose need neither to be named nor
 * the room to be listed.
 * A room needs a mention as well, unless its `requireMention` is false: of owners, too.
 */
import type { BareJid } from "../protocol/jid.ts";
import type { Affiliation } from "../protocol/xep-0045-muc.ts";
import { matchesRoomEntry, parseRoomEntry, type RoomSender } from "./room-entry.ts";

export type GroupPolicy = "open" | "allowlist" | "disabled";

export type ToolPolicy = {
  allow?: string[] | undefined;
  alsoAllow?: string[] | undefined;
  deny?: string[] | undefined;
};

/** What is seen of an answer before it is whole; the host's keys. */
export type RoomStreaming = { mode?: "off" | "partial" | "block" | "progress" | undefined };

/** One entry of `mucRooms` or `groups`. */
export type RoomSettings = {
  enabled?: boolean | undefined;
  requireMention?: boolean | undefined;
  users?: readonly (string | number)[] | undefined;
  replyWithNick?: boolean | undefined;
  allowFrom?: readonly (string | number)[] | undefined;
  systemPrompt?: string | undefined;
  skills?: string[] | undefined;
  tools?: ToolPolicy | undefined;
  toolsBySender?: Record<string, ToolPolicy | undefined> | undefined;
  streaming?: RoomStreaming | undefined;
};

export type RoomPolicy = {
  groupPolicy: GroupPolicy;
  groupAllowFrom: readonly string[];
  /** Rooms that the operator listed, prepared. */
  rooms: readonly BareJid[];
  /** Entries by prepared room JID, and "*". */
  roomSettings: Readonly<Record<string, RoomSettings>>;
  roomOwnerBypass: boolean;
};

/** How the agent came into a room that is not in the configuration. */
export type RoomOrigin =
  | { kind: "bookmark" }
  /** The operator said so, by a command. */
  | { kind: "operator" }
  /** `admitted`: the DM policy would have let the inviter's messages through. */
  | { kind: "invitation"; by: BareJid; admitted: boolean };

export type ResolvedRoom = {
  /** The agent answers here at all. */
  listed: boolean;
  enabled: boolean;
  requireMention: boolean;
  /** Answers in the room begin with the nick of who asked. */
  replyWithNick: boolean;
  /** How `allowFrom` is meant: not asked, the only way in, or nobody gets in. */
  senderPolicy: GroupPolicy;
  /** Entries as `parseAllowEntry` reads them, and the host's `accessGroup:` ones. */
  allowFrom: string[];
  systemPrompt: string | undefined;
  skills: string[] | undefined;
  tools: ToolPolicy | undefined;
  toolsBySender: Record<string, ToolPolicy | undefined> | undefined;
  streaming: RoomStreaming | undefined;
  /** Owners of the room pass `listed` and `senderPolicy`. */
  ownerBypass: boolean;
};

const SENDER_PREFIX = /^(?:channel:xmpp:|id:)/i;

/**
 * A key of `toolsBySender` as an allowlist entry: the host writes `id:JID` and `channel:xmpp:JID` for
 * a JID. What it writes for names (`name:`, `username:`) is no entry, because a nick proves nothing.
 */
export function senderEntry(key: string): string {
  return key.replace(SENDER_PREFIX, "");
}

/** As a key of rooms every room. */
const EVERY = "*";

/** `origin`: undefined for a room that is in the configuration, and for one that the agent is not in. */
export function resolveRoom(
  policy: RoomPolicy,
  room: BareJid,
  origin?: RoomOrigin | undefined,
): ResolvedRoom {
  const own = entryOf(policy, room);
  const every = entryOf(policy, EVERY);
  const isConfigured = own !== undefined || policy.rooms.includes(room);
  const isOnlyInvited = !isConfigured && origin?.kind === "invitation";
  const listed = [...(listOf(own) ?? listOf(every) ?? []), ...policy.groupAllowFrom];
  const named = [...new Set(isOnlyInvited ? listed.filter(namesAnywhere) : listed)];
  const allowFrom = isOnlyInvited && named.length === 0 ? invitedBy(origin) : named;
  return {
    listed: isListed(policy, room, isConfigured || origin !== undefined),
    enabled: own?.enabled ?? every?.enabled ?? true,
    requireMention: own?.requireMention ?? every?.requireMention ?? true,
    replyWithNick: own?.replyWithNick ?? every?.replyWithNick ?? false,
    senderPolicy: senderPolicy(policy.groupPolicy, isOnlyInvited || allowFrom.length > 0),
    allowFrom,
    systemPrompt: own?.systemPrompt ?? every?.systemPrompt,
    skills: own?.skills ?? every?.skills,
    tools: own?.tools ?? every?.tools,
    toolsBySender: own?.toolsBySender ?? every?.toolsBySender,
    streaming: own?.streaming ?? every?.streaming,
    ownerBypass:
      policy.roomOwnerBypass && (isConfigured || (origin !== undefined && !isOnlyInvited)),
  };
}

/** The room as it is for somebody of this affiliation, as far as the room is believed about it. */
export function roomFor(room: ResolvedRoom, affiliation: Affiliation): ResolvedRoom {
  const passes = room.ownerBypass && affiliation === "owner";
  return passes ? { ...room, listed: true, senderPolicy: "open", allowFrom: [] } : room;
}

/**
 * Tools for one sender in a room: what `toolsBySender` says of their JID, else of their occupant id,
 * role, affiliation (the highest) or domain, else of everybody ("*"); without any such entry what the
 * room's `tools` say.
 */
export function toolsFor(room: ResolvedRoom, sender: RoomSender): ToolPolicy | undefined {
  const bySender = room.toolsBySender ?? {};
  const matching = Object.keys(bySender).filter((key) =>
    matchesRoomEntry(senderEntry(key), sender),
  );
  const [key] = matching.toSorted((a, b) => precedence(a) - precedence(b));
  const everybody = Object.keys(bySender).find(
    (name) => parseRoomEntry(senderEntry(name))?.kind === "any",
  );
  const decisive = key ?? everybody;
  return (decisive === undefined ? undefined : bySender[decisive]) ?? room.tools;
}

const PRECEDENCE = ["jid", "occupant", "role", "owner", "admin", "member", "domain", "any"];

function precedence(key: string): number {
  const entry = parseRoomEntry(senderEntry(key));
  return PRECEDENCE.indexOf(entry?.kind === "affiliation" ? entry.least : (entry?.kind ?? "any"));
}

function senderPolicy(groupPolicy: GroupPolicy, isByList: boolean): GroupPolicy {
  if (groupPolicy === "disabled") return "disabled";
  return isByList ? "allowlist" : "open";
}

/** Whoever makes a room gives out its affiliations and ids: in a stranger's they are nothing. */
function namesAnywhere(text: string): boolean {
  const kind = parseRoomEntry(text)?.kind;
  return kind !== "affiliation" && kind !== "role" && kind !== "occupant";
}

function invitedBy(origin: RoomOrigin & { kind: "invitation" }): string[] {
  return origin.admitted ? [origin.by] : [];
}

function entryOf(policy: RoomPolicy, key: string): RoomSettings | undefined {
  return Object.hasOwn(policy.roomSettings, key) ? policy.roomSettings[key] : undefined;
}

/** `users` and `allowFrom` of one entry; undefined when they name nobody, so that "*" still counts. */
function listOf(entry: RoomSettings | undefined): string[] | undefined {
  const list = [...(entry?.users ?? []), ...(entry?.allowFrom ?? [])].map(String);
  return list.length > 0 ? list : undefined;
}

function isListed(policy: RoomPolicy, room: BareJid, isThere: boolean): boolean {
  const hasEntry = entryOf(policy, room) !== undefined;
  switch (policy.groupPolicy) {
    case "open":
      return isThere;
    case "allowlist":
      return hasEntry || (isThere && entryOf(policy, EVERY) !== undefined);
    default:
      return false;
  }
}
