/**
 * What applies in one room: the account's group policy and the room's own entry (`mucRooms`,
 * `groups`), with the entry "*" for what the room's own does not say.
 *
 * | groupPolicy | `listed`: where the agent answers            | `allowFrom`: whom                          |
 * | ----------- | -------------------------------------------- | ------------------------------------------ |
 * | `open`      | every room in `rooms`, `mucRooms`, `groups`  | everybody, unless the lists below name somebody |
 * | `allowlist` | rooms in `mucRooms`, `groups` (or "*" there) | only whom the lists below name             |
 * | `disabled`  | nowhere                                      | nobody                                     |
 *
 * The lists are the room's `users` and `allowFrom`, which are one list, and the account's
 * `groupAllowFrom`, which holds in every room besides. Under `allowlist` empty lists let nobody in:
 * an operator who wants a room open to all its occupants writes "*" into `users`.
 * A room under `open` needs a mention as well, unless `requireMention` is false.
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
    senderPolicy:
      policy.groupPolicy === "open" && allowFrom.length > 0 ? "allowlist" : policy.groupPolicy,
    allowFrom,
    systemPrompt: own?.systemPrompt ?? every?.systemPrompt,
    skills: own?.skills ?? every?.skills,
    tools: own?.tools ?? every?.tools,
    toolsBySender: own?.toolsBySender ?? every?.toolsBySender,
  };
}

function entryOf(policy: RoomPolicy, key: string): RoomSettings | undefined {
  return Object.hasOwn(policy.roomSettings, key) ? policy.roomSettings[key] : undefined;
}

/** `users` and `allowFrom` of one entry; undefined when it has neither. */
function listOf(entry: RoomSettings | undefined): string[] | undefined {
  if (!entry?.users && !entry?.allowFrom) return undefined;
  return [...(entry.users ?? []), ...(entry.allowFrom ?? [])].map(String);
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
