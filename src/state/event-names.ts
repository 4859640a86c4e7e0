/**
 * What people and rooms call the messages that wait, or waited: by that name somebody corrects one (XEP-0308) or takes
 * it back (XEP-0424, XEP-0425); and what ours are called, to which somebody may react long after. Kept with the queue, beside the ids by which copies are known, for as long.
 */
import type { IngressDatabase, Sql } from "./ingress-database.ts";

export type EventNames = {
  /** The event with that name; undefined: none, or named before `since` (ms since the epoch). */
  find(name: string, since: number): string | undefined;
  /** Another event takes the place of this one; undefined: nothing does, it was taken back. */
  replace(event: string, by: string | undefined): void;
  /** The operator does not want it to be taken up. */
  clear(event: string): void;
  isCleared(event: string): boolean;
  /** Whether it was replaced, taken back or cleared by now. */
  isReplaced(event: string): boolean;
  /** Those of `events` of which `isReplaced` is true, at one go. */
  replacedAmong(events: readonly string[]): ReadonlySet<string>;
  /** That we said something in `place` that is called `id` there; a power failure may lose it. */
  noteOwn(place: string, id: string): void;
  isOwn(place: string, id: string): boolean;
};

const nameKey = (name: string) => `name ${name}`;
const ownKey = (place: string, id: string) => `own ${JSON.stringify([place, id])}`;
/** Stands for what takes the place of an event; no event is called so. */
const CLEARED = "cleared";
const replacedKey = (event: string) => `replaced ${event}`;
/** Of the column `value`: that there is its `replacedKey`. */
const IS_REPLACED = "EXISTS (SELECT 1 FROM aliases WHERE alias = 'replaced ' || value)";

/** Part of the transaction that stores an event. */
export function rememberNames(
  sql: Sql,
  event: string,
  { names, replaces }: { names: readonly string[]; replaces: readonly string[] },
  at: number,
): void {
  for (const name of names) put(sql, nameKey(name), event, at);
  for (const other of replaces) if (other !== event) put(sql, replacedKey(other), event, at);
}

export function createEventNames(database: IngressDatabase, now: () => number): EventNames {
  const read = (sql: Sql, key: string) =>
    sql.get("SELECT event_id, added_at FROM aliases WHERE alias = ?", key);
  return {
    find: (name, since) =>
      database.transact((sql) => {
        const row = read(sql, nameKey(name));
        return row && Number(row["added_at"]) >= since ? String(row["event_id"]) : undefined;
      }),
    replace: (event, by) =>
      database.transact((sql) => put(sql, replacedKey(event), by ?? "", now())),
    clear: (event) => database.transact((sql) => put(sql, replacedKey(event), CLEARED, now())),
    isCleared: (event) =>
      database.transact((sql) => read(sql, replacedKey(event))?.["event_id"] === CLEARED, true),
    isReplaced: (event) =>
      database.transact((sql) => read(sql, replacedKey(event)) !== undefined, true),
    replacedAmong(events) {
      const rows = database.transact(
        (sql) =>
          sql.all(`SELECT value FROM json_each(?) WHERE ${IS_REPLACED}`, JSON.stringify(events)),
        true,
      );
      return new Set(rows.map(({ value }) => String(value)));
    },
    noteOwn: (place, id) =>
      database.transact((sql) => put(sql, ownKey(place, id), "", now()), true),
    isOwn: (place, id) =>
      database.transact((sql) => read(sql, ownKey(place, id)) !== undefined, true),
  };
}

function put(sql: Sql, alias: string, event: string, at: number): void {
  sql.run(
    `INSERT OR REPLACE INTO aliases (alias, event_id, is_certain, said_at, added_at)
     VALUES (?, ?, 1, ?, ?)`,
    alias,
    event,
    Math.trunc(at),
    at,
  );
}
