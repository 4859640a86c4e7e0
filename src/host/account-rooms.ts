/** The rooms of an account, their settings, and the allowlists of either. */
import { parseAllowEntry } from "../policy/allowlist.ts";
import { parseRoomEntry } from "../policy/room-entry.ts";
import { senderEntry, type RoomSettings } from "../policy/room.ts";
import { parseJid, type BareJid } from "../protocol/jid.ts";
import { resolveResource } from "./account-address.ts";
import { describeProblems, type ConfigProblem, type KeyPath } from "./account-problems.ts";
import { resolveSecret } from "./account-secret.ts";
import type { XmppAccountConfig } from "./config-schema.ts";

type Entries = readonly (string | number)[] | undefined;

/** Reports the entries of a list for direct chats that match nobody. */
export function checkAllowlist(entries: Entries, path: string, problems: ConfigProblem[]): void {
  const expected = 'write a bare JID (user@example.com), a whole domain (*@example.com) or "*"';
  checkEntries(entries, parseAllowEntry, expected, path, problems);
}

/** Reports the entries of a list of owners or approvers that name nobody in person: no domain and no group is one. */
export function checkPersons(entries: Entries, path: string, problems: ConfigProblem[]): void {
  for (const entry of entries ?? []) {
    if (parseAllowEntry(String(entry))?.kind === "jid") continue;
    const problem = `"${entry}" names nobody; write a bare JID (user@example.com)`;
    problems.push({ path, problem });
  }
}

/** Reports the entries of a list for rooms that match nobody. */
export function checkRoomList(entries: Entries, path: string, problems: ConfigProblem[]): void {
  const expected =
    'write a bare JID (user@example.com), a whole domain (*@example.com), "*", occupant:<id>, affiliation:owner, affiliation:admin, affiliation:member or role:moderator';
  checkEntries(entries, parseRoomEntry, expected, path, problems);
}

function checkEntries(
  entries: Entries,
  parse: (entry: string) => object | undefined,
  expected: string,
  path: string,
  problems: ConfigProblem[],
): void {
  for (const entry of (entries ?? []).map(String)) {
    if (entry.startsWith("accessGroup:") || parse(entry)) continue;
    problems.push({ path, problem: `"${entry}" matches nobody; ${expected}` });
  }
}

/** `mucRooms` and `groups` as one map with prepared room JIDs as keys ("*" kept). */
export function resolveRoomSettings(
  config: XmppAccountConfig,
  path: KeyPath,
  problems: ConfigProblem[],
): Record<string, RoomSettings> {
  const settings: Record<string, RoomSettings> = {};
  for (const source of ["groups", "mucRooms"] as const) {
    for (const [key, value] of Object.entries(config[source] ?? {})) {
      const room = key === "*" ? "*" : roomJid(key);
      if (!room) {
        problems.push({
          path: `${path(source)}["${key}"]`,
          problem: 'not a room\'s JID; it should look like "team@conference.example.com"',
        });
        continue;
      }
      settings[room] = { ...settings[room], ...value };
      const at = `${path(source)}["${key}"]`;
      checkRoomList(value.users, `${at}.users`, problems);
      checkRoomList(value.allowFrom, `${at}.allowFrom`, problems);
      const senders = Object.keys(value.toolsBySender ?? {}).map(senderEntry);
      checkRoomList(senders, `${at}.toolsBySender`, problems);
    }
  }
  return settings;
}

/** A room's prepared JID; undefined when it is none, or an occupant's. */
export function roomJid(text: string): BareJid | undefined {
  const jid = parseJid(text);
  return jid?.local && jid.resource === undefined ? jid.bare : undefined;
}

type ConfiguredRoom = NonNullable<XmppAccountConfig["rooms"]>[number];
type WrittenRoom = Exclude<ConfiguredRoom, string>;

/** The JID of an entry of `rooms`, as it was written. */
export function writtenRoomJid(entry: ConfiguredRoom): string {
  return typeof entry === "string" ? entry : entry.jid;
}

/** How to enter a room; what is undefined is the account's. */
export type RoomToJoin = {
  nick?: string | undefined;
  password?: string | undefined;
  /** Its password is a SecretRef that the host could not resolve: without it the room is not entered. */
  problem?: string | undefined;
};

/** Every room that the operator listed and did not disable. */
export function resolveRooms(
  config: XmppAccountConfig,
  settings: Record<string, RoomSettings>,
  path: KeyPath,
  problems: ConfigProblem[],
): Map<BareJid, RoomToJoin> {
  const rooms = new Map<BareJid, RoomToJoin>();
  for (const [index, entry] of (config.rooms ?? []).entries()) {
    const at = `${path("rooms")}[${index}]`;
    const written: WrittenRoom = typeof entry === "string" ? { jid: entry } : entry;
    const room = roomJid(written.jid);
    if (room) rooms.set(room, { ...rooms.get(room), ...resolveEntering(written, at, problems) });
    else {
      problems.push({
        path: path("rooms"),
        problem: `"${written.jid}" is not a room's JID; it should look like "team@conference.example.com"`,
      });
    }
  }
  for (const key of Object.keys(settings)) {
    const room = key as BareJid;
    if (key !== "*" && !rooms.has(room)) rooms.set(room, {});
  }
  for (const room of rooms.keys()) {
    if ((settings[room]?.enabled ?? settings["*"]?.enabled) === false) rooms.delete(room);
  }
  return rooms;
}

function resolveEntering(entry: WrittenRoom, at: string, problems: ConfigProblem[]): RoomToJoin {
  const entering: RoomToJoin = {};
  const nick = resolveResource(entry.nick, "", `${at}.nick`, problems);
  if (nick) entering.nick = nick;
  const password = resolveSecret(entry.password, `${at}.password`);
  if (password.kind === "available") entering.password = password.value;
  else if (password.kind === "unavailable") {
    // One room's secret is no reason to keep the whole account out.
    entering.problem = describeProblems([password.problem]);
  }
  return entering;
}
