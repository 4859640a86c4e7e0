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
 */
import type { Sql } from "./ingress-database.ts";

/** How far apart the times of two copies may be, ms: a copy without a time has that of its arrival. */
const SAME_TIME_MS = 15 * 60_000;

export type Arrival = {
  eventId: string;
  /** The id is an archive's, given by who may give it. */
  isCertain: boolean;
  /** Undefined where the sender gave no id: the same words again are then another message. */
  alias?: string | undefined;
  /** ms since the epoch */
  saidAt: number;
};

/** The id of the event that this is a copy of, or its own. Remembers it. */
export function resolveEvent(sql: Sql, arrival: Arrival, at: number): string {
  const { alias, eventId, isCertain, saidAt } = arrival;
  const known = sql.get("SELECT event_id FROM aliases WHERE alias = ?", eventId);
  if (known) return String(known["event_id"]);
  if (alias === undefined) return eventId;
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

export function pruneAliases(sql: Sql, addedBefore: number): void {
  sql.run("DELETE FROM aliases WHERE added_at < ?", addedBefore);
}
