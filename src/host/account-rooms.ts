/** The rooms of an account, their settings, and the allowlists of either. */
import { parseAllowEntry } from "../policy/allowlist.ts";
import { senderEntry, type RoomSettings } from "../policy/room.ts";
import { parseJid, type BareJid } from "../protocol/jid.ts";
import type { ConfigProblem, KeyPath } from "./account-problems.ts";
import type { XmppAccountConfig } from "./config-schema.ts";

/** Reports the entries that `parseAllowEntry` cannot read: they would match nobody. */
export function checkAllowlist(
  entries: readonly (string | number)[] | undefined,
  path: string,
  problems: ConfigProblem[],
): void {
  for (const entry of (entries ?? []).map(String)) {
    if (entry.startsWith("accessGroup:") || parseAllowEntry(entry)) continue;
    problems.push({
      path,
      problem: `"${entry}" matches nobody; write a bare JID (user@example.com), a whole domain (*@example.com) or "*"`,
    });
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
      checkAllowlist(value.users, `${at}.users`, problems);
      checkAllowlist(value.allowFrom, `${at}.allowFrom`, problems);
      const senders = Object.keys(value.toolsBySender ?? {}).map(senderEntry);
      checkAllowlist(senders, `${at}.toolsBySender`, problems);
    }
  }
  return settings;
}

/** A room's prepared JID; undefined when it is none, or an occupant's. */
export function roomJid(text: string): BareJid | undefined {
  const jid = parseJid(text);
  return jid?.local && jid.resource === undefined ? jid.bare : undefined;
}

/** Every room that the operator listed and did not disable. */
export function resolveRooms(
  config: XmppAccountConfig,
  settings: Record<string, RoomSettings>,
  path: KeyPath,
  problems: ConfigProblem[],
): BareJid[] {
  const rooms = new Set<BareJid>();
  for (const text of config.rooms ?? []) {
    const room = roomJid(text);
    if (room) rooms.add(room);
    else {
      problems.push({
        path: path("rooms"),
        problem: `"${text}" is not a room's JID; it should look like "team@conference.example.com"`,
      });
    }
  }
  for (const key of Object.keys(settings)) {
    if (key !== "*") rooms.add(key as BareJid);
  }
  return [...rooms].filter((room) => (settings[room]?.enabled ?? settings["*"]?.enabled) !== false);
}
