/**
 * Two copies of one message: the server's offline storage and its archive (XEP-0313) may both hand it
 * over, one with the id of the archive and one without.
 *
 * | known already                | now                          | same message?                      |
 * | ---------------------------- | ---------------------------- | ---------------------------------- |
 * | the id of an archive         | the same                     | yes                                |
 * | the id of an archive         | another, the same content    | no: said twice                     |
 * | the id of an archive         | none, the same content       | if said at about the same time     |
 * | none                         | either, the same content     | if said at about the same time     |
 *
 * "Content" is the alias: a digest of who said what, with the id that the sender gave. A sender's ids
 * may begin anew with each session, so that an alias alone means little after a while.
 *
 * Where the sender gave no id, the same words are another message, unless a server says that it held them
 * back: then they are a copy of what was said at the time that it tells. That time is compared with our
 * clock for what came live, and with a server's for what was held back before.
 */
import type { Sql } from "./ingress-database.ts";

/** How far apart the times of two copies may be, ms: a copy without a time has that of its arrival. */
const SAME_TIME_MS = 15 * 60_000;
/** The same in s where only words are compared: our clock and a server's, and two stamps of servers. */
const SAME_LIVE_S = 15;
const SAME_STAMP_S = 1;

export type Arrival = {
  eventId: string;
  /** The id is an archive's, given by who may give it. */
  isCertain: boolean;
  /** Undefined where the sender gave no id. */
  alias?: string | undefined;
  /** A digest of who said what, where the sender gave no id. */
  words?: string | undefined;
  /** It was read from an archive, or its server says that it held it back. */
  isHeld?: boolean | undefined;
  /** ms since the epoch */
  saidAt: number;
};

/** The id of the event that this is a copy of, or its own. Remembers it. */
export function resolveEvent(sql: Sql, arrival: Arrival, at: number): string {
  const { alias, eventId, isCertain, saidAt } = arrival;
  const known = sql.get("SELECT event_id FROM aliases WHERE alias = ?", eventId);
  if (known) return String(known["event_id"]);
  if (alias === undefined) return resolveWords(sql, arrival, at);
  const like = sql.get("SELECT event_id, is_certain, said_at FROM aliases WHERE alias = ?", alias);
  const isCopy =
    like !== undefined &&
    Math.abs(Number(like["said_at"]) - saidAt) <= SAME_TIME_MS &&
    !(isCertain && like["is_certain"] === 1);
  const id = isCopy ? String(like["event_id"]) : eventId;
  const wasCertain = isCopy && like["is_certain"] === 1;
  remember(sql, { alias, id, isCertain: isCertain || wasCertain, saidAt }, at);
  if (isCopy && isCertain) remember(sql, { alias: eventId, id, isCertain, saidAt }, at);
  return id;
}

function resolveWords(sql: Sql, arrival: Arrival, at: number): string {
  const { eventId, isCertain, isHeld = false, saidAt, words } = arrival;
  if (words === undefined) return eventId;
  const second = Math.round(saidAt / 1_000);
  const keysAround = (kind: "live" | "held", reach: number) =>
    Array.from({ length: 2 * reach + 1 }, (_, n) => `${kind} ${words} ${second + n - reach}`);
  const keys = [...keysAround("live", SAME_LIVE_S), ...keysAround("held", SAME_STAMP_S)];
  const like = isHeld
    ? sql.get(
        `SELECT alias, event_id FROM aliases WHERE alias IN (SELECT value FROM json_each(?))
           AND NOT (is_certain AND ?) ORDER BY abs(said_at - ?) LIMIT 1`,
        JSON.stringify(keys),
        isCertain ? 1 : 0,
        Math.trunc(saidAt),
      )
    : undefined;
  const id = like ? String(like["event_id"]) : eventId;
  remember(
    sql,
    { alias: `${isHeld ? "held" : "live"} ${words} ${second}`, id, isCertain, saidAt },
    at,
  );
  if (like && isCertain) {
    // No other id of the archive is a copy of it.
    sql.run("UPDATE aliases SET is_certain = 1 WHERE alias = ?", like["alias"] ?? null);
    remember(sql, { alias: eventId, id, isCertain, saidAt }, at);
  }
  return id;
}

function remember(
  sql: Sql,
  entry: { alias: string; id: string; isCertain: boolean; saidAt: number },
  at: number,
): void {
  sql.run(
    `INSERT OR REPLACE INTO aliases (alias, event_id, is_certain, said_at, added_at)
     VALUES (?, ?, ?, ?, ?)`,
    entry.alias,
    entry.id,
    entry.isCertain ? 1 : 0,
    Math.trunc(entry.saidAt),
    at,
  );
}

/** @param most how many are kept, of the newest */
export function pruneAliases(sql: Sql, addedBefore: number, most: number): void {
  sql.run("DELETE FROM aliases WHERE added_at < ?", addedBefore);
  sql.run(
    `DELETE FROM aliases WHERE alias IN
       (SELECT alias FROM aliases ORDER BY added_at DESC, rowid DESC LIMIT -1 OFFSET ?)`,
    most,
  );
}
