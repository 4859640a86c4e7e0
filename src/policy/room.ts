/**
 * What applies in one room: the account's group policy and the room's own entry (`mucRooms`,
 * `groups`), with the entry "*" for what the room's own does not say.
 *
 * | groupPolicy | `listed`: where the agent answers            |
 * | ----------- | -------------------------------------------- |
 * | `open`      | every room in `rooms`, `mucRooms`, `groups`  |
 * | `allowlist` | rooms in `mucRooms`, `groups` (or "*" there) |
 * | `disabled`  | nowhere                                      |
 *
 * Whom: the room's `users` and `allowFrom`, which are one list, and the account's `groupAllowFrom`,
 * which holds in every room besides. Where all of them are empty, everybody in the room; where one
 * names somebody, only whom they name.
 * A room needs a mention as well, unless its `requireMention` is false.
 */
import type { BareJid } from "../protocol/jid.ts";

export type GroupPolicy = "open" | "allowlist" | "disabled";

export type ToolPolicy = {
  allow?: string[] | undefined;
  alsoAllow?: string[] | undefined;
  deny?: string[] | undefined;
};

/** One entry of `mucRooms` or `groups`. */
export type RoomSettings = {
  enabled?: boolean | undefined;
  requireMention?: boolean | undefined;
  users?: readonly (string | number)[] | undefined;
  allowFrom?: readonly (string | number)[] | undefined;
  systemPrompt?: string | undefined;
  skills?: string[] | undefined;
  tools?: ToolPolicy | undefined;
  toolsBySender?: Record<string, ToolPolicy | undefined> | undefined;
};

export type RoomPolicy = {
  groupPolicy: GroupPolicy;
  groupAllowFrom: readonly string[];
  /** Rooms that the operator listed, prepared. */
  rooms: readonly BareJid[];
  /** Entries by prepared room JID, and "*". */
  roomSettings: Readonly<Record<string, RoomSettings>>;
};

export type ResolvedRoom = {
  /** The agent answers here at all. */
  listed: boolean;
  enabled: boolean;
  requireMention: boolean;
  /** How `allowFrom` is meant: not asked, the only way in, or nobody gets in. */
  senderPolicy: GroupPolicy;
  /** Entries as `parseAllowEntry` reads them, and the host's `accessGroup:` ones. */
  allowFrom: string[];
  systemPrompt: string | undefined;
  skills: string[] | undefined;
  tools: ToolPolicy | undefined;
  toolsBySender: Record<string, ToolPolicy | undefined> | undefined;
};

const SENDER_PREFIX = /^(?:channel:xmpp:|id:)/i;

/**
 * A key of `toolsBySender` as an allowlist entry: the host writes `id:JID` and `channel:xmpp:JID` for
 * a JID. What it writes for names (`name:`, `username:`) is no entry, because a nick proves nothing.
 */
export function senderEntry(key: string): string {
  return key.replace(SENDER_PREFIX, "");
}

const EVERY_ROOM = "*";

export function resolveRoom(policy: RoomPolicy, room: BareJid): ResolvedRoom {
  const own = entryOf(policy, room);
  const every = entryOf(policy, EVERY_ROOM);
  const allowFrom = [
    ...new Set([...(listOf(own) ?? listOf(every) ?? []), ...policy.groupAllowFrom]),
  ];
  return {
    listed: isListed(policy, room),
    enabled: own?.enabled ?? every?.enabled ?? true,
    requireMention: own?.requireMention ?? every?.requireMention ?? true,
    senderPolicy: senderPolicy(policy.groupPolicy, allowFrom),
    allowFrom,
    systemPrompt: own?.systemPrompt ?? every?.systemPrompt,
    skills: own?.skills ?? every?.skills,
    tools: own?.tools ?? every?.tools,
    toolsBySender: own?.toolsBySender ?? every?.toolsBySender,
  };
}

function senderPolicy(groupPolicy: GroupPolicy, allowFrom: readonly string[]): GroupPolicy {
  if (groupPolicy === "disabled") return "disabled";
  return allowFrom.length > 0 ? "allowlist" : "open";
}

function entryOf(policy: RoomPolicy, key: string): RoomSettings | undefined {
  return Object.hasOwn(policy.roomSettings, key) ? policy.roomSettings[key] : undefined;
}

/** `users` and `allowFrom` of one entry; undefined when they name nobody, so that "*" still counts. */
function listOf(entry: RoomSettings | undefined): string[] | undefined {
  const list = [...(entry?.users ?? []), ...(entry?.allowFrom ?? [])].map(String);
  return list.length > 0 ? list : undefined;
}

function isListed(policy: RoomPolicy, room: BareJid): boolean {
  const hasEntry = entryOf(policy, room) !== undefined;
  switch (policy.groupPolicy) {
    case "open":
      return hasEntry || policy.rooms.includes(room);
    case "allowlist":
      return hasEntry || (policy.rooms.includes(room) && entryOf(policy, EVERY_ROOM) !== undefined);
    default:
      return false;
  }
}
