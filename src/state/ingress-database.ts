/**
 * The SQLite file of an account: messages that were received and are not answered yet, and the ids of
 * those that were. Only the Gateway's process opens it.
 *
 * What is committed is on disk (`synchronous=FULL`): the server is told that a message is handled right
 * after, and does not send it again. It is for the owner's eyes only: mode 0600, which SQLite
 * gives to its -wal and -shm, too, in a directory of 0700 where it has to be made.
 */
import { closeSync, existsSync, mkdirSync, openSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { messageOf } from "../errors.ts";
import type { FileLog } from "./json-file.ts";

const SCHEMA_VERSION = 1;

const SCHEMA = `
  CREATE TABLE events (
    id TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    lane TEXT,
    payload TEXT, -- JSON; NULL once it is erased
    metadata TEXT,
    received_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    last_attempt_at INTEGER,
    last_error TEXT,
    claim_token TEXT,
    claim_owner TEXT,
    claimed_at INTEGER,
    completed_at INTEGER,
    completed_metadata TEXT,
    failed_at INTEGER,
    failed_reason TEXT
  ) STRICT;
  CREATE INDEX events_in_order ON events (status, received_at, id);
  CREATE INDEX events_in_lane ON events (status, lane);
  CREATE TABLE aliases (
    alias TEXT PRIMARY KEY,
    event_id TEXT NOT NULL,
    is_certain INTEGER NOT NULL,
    said_at INTEGER NOT NULL,
    added_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX aliases_by_age ON aliases (added_at);
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** Came later; earlier versions of this plugin do without it. */
const ADDED = `
  CREATE TABLE IF NOT EXISTS owed_answers (
    key TEXT PRIMARY KEY,
    process TEXT NOT NULL,
    answer TEXT NOT NULL -- JSON
  ) STRICT;
  CREATE TABLE IF NOT EXISTS growing_answers (
    id TEXT PRIMARY KEY,
    process TEXT NOT NULL,
    target TEXT NOT NULL,
    since INTEGER NOT NULL,
    delivery TEXT -- the host's row that replaces it
  ) STRICT;
  CREATE TABLE IF NOT EXISTS answer_facts (
    delivery TEXT PRIMARY KEY, -- the host's row
    since INTEGER NOT NULL,
    facts TEXT NOT NULL -- JSON
  ) STRICT;
`;

/** SQLite's primary result codes after which the handle is of no use any more. */
const HANDLE_IS_LOST = new Set([
  8 /* READONLY */, 10 /* IOERR */, 11 /* CORRUPT */, 26 /* NOTADB */,
]);
const CONTENT_IS_LOST = new Set([11, 26]);

/** How long until what the disk did not take is tried again, ms. */
const RETRY_MS = 1_000;

export type Row = Record<string, SQLInputValue>;

/** Inside of one transaction. */
export type Sql = {
  all(sql: string, ...values: SQLInputValue[]): Row[];
  get(sql: string, ...values: SQLInputValue[]): Row | undefined;
  /** @returns the number of rows changed */
  run(sql: string, ...values: SQLInputValue[]): number;
};

export type IngressDatabase = {
  /**
   * Does `work` in one transaction. Opens the file where it is not open: trouble passes, and then so
   * does this.
   * @param mayBeLost by a power cut, not by a crash: it need not be on the disk at once
   * @throws IngressStorageError where SQLite or the file system fails; nothing is changed then
   */
  transact<T>(work: (sql: Sql) => T, mayBeLost?: boolean): T;
  /** The same, again and again until the disk takes it. @throws IngressStorageError once it is closed */
  insist<T>(work: (sql: Sql) => T): Promise<T>;
  close(): void;
  /** For good. */
  readonly isClosed: boolean;
};

/** The disk is full, the directory may not be written, the file is broken, … */
export class IngressStorageError extends Error {
  override readonly name = "IngressStorageError";
}

/**
 * @param file its path; ":memory:" keeps nothing
 * @param maxPages of 4 KiB, for tests
 */
export function createIngressDatabase(
  file: string,
  { log, maxPages }: { log: FileLog; maxPages?: number },
): IngressDatabase {
  let handle: { db: DatabaseSync; sql: Sql; inode: number | undefined } | undefined;
  let isClosed = false;

  function open() {
    if (isClosed) throw new Error("closed");
    if (file !== ":memory:") {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      closeSync(openSync(file, "a", 0o600));
    }
    const db = openSound(file, log);
    if (maxPages !== undefined) db.exec(`PRAGMA max_page_count = ${maxPages}`);
    return { db, sql: createSql(db), inode: inodeOf(file) };
  }

  /** A file that was removed goes on to exist for us alone, and what is written there is lost. */
  function current() {
    if (handle && handle.inode !== inodeOf(file)) close();
    return (handle ??= open());
  }

  function close(): void {
    const last = handle;
    handle = undefined;
    last?.db.close();
  }

  const database: IngressDatabase = {
    async insist(work) {
      for (let isFirst = true; ; isFirst = false) {
        try {
          return database.transact(work);
        } catch (error) {
          if (isClosed || !(error instanceof IngressStorageError)) throw error;
          if (isFirst) log.warn(`tried again until the disk takes it: ${error.message}`);
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
        }
      }
    },
    transact(work, mayBeLost = false) {
      let isBegun = false;
      try {
        const { db, sql } = current();
        db.exec(`PRAGMA synchronous = ${mayBeLost ? "NORMAL" : "FULL"}; BEGIN IMMEDIATE`);
        isBegun = true;
        const result = work(sql);
        db.exec("COMMIT");
        return result;
      } catch (error) {
        // SQLite has rolled back by itself after some errors, among them a full disk.
        if (isBegun && handle?.db.isTransaction) handle.db.exec("ROLLBACK");
        const code = codeOf(error);
        if (code !== undefined && HANDLE_IS_LOST.has(code)) close();
        if (isBegun && code === undefined) throw error;
        throw new IngressStorageError(`${file}: ${messageOf(error)}`, { cause: error });
      }
    },
    close() {
      isClosed = true;
      close();
    },
    get isClosed() {
      return isClosed;
    },
  };
  return database;
}

/** A file that is no sound database is set aside, and a new one begun. */
function openSound(file: string, log: FileLog): DatabaseSync {
  try {
    return openDatabase(file);
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined || !CONTENT_IS_LOST.has(code)) throw error;
    const corrupt = `${file}.corrupt`;
    for (const part of ["", "-wal", "-shm"]) {
      if (existsSync(file + part)) renameSync(file + part, corrupt + part);
    }
    log.warn(
      `${file} is broken (${messageOf(error)}) and kept as ${corrupt}; messages in it that were not answered are not answered any more`,
    );
    closeSync(openSync(file, "a", 0o600));
    return openDatabase(file);
  }
}

function openDatabase(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: 5_000 });
  try {
    db.exec("PRAGMA journal_mode = WAL; PRAGMA secure_delete = ON");
    const { quick_check: health } = db.prepare("PRAGMA quick_check(1)").get() ?? {};
    if (health !== "ok") throw new CorruptError(String(health));
    const { user_version: version } = db.prepare("PRAGMA user_version").get() ?? {};
    if (version === 0) db.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT`);
    else if (version !== SCHEMA_VERSION) {
      throw new Error(`made by another version of this plugin (schema ${String(version)})`);
    }
    db.exec(ADDED);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

class CorruptError extends Error {
  readonly errcode = 11;
}

function createSql(db: DatabaseSync): Sql {
  const prepared = new Map<string, StatementSync>();
  const statement = (sql: string): StatementSync => {
    const known = prepared.get(sql) ?? db.prepare(sql);
    prepared.set(sql, known);
    return known;
  };
  return {
    all: (sql, ...values) => statement(sql).all(...values) as Row[],
    get: (sql, ...values) => statement(sql).get(...values) as Row | undefined,
    run: (sql, ...values) => Number(statement(sql).run(...values).changes),
  };
}

function inodeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.ino;
}

/** SQLite's primary result code; undefined when it is not SQLite's error. */
function codeOf(error: unknown): number | undefined {
  const code = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  return typeof code === "number" ? code & 0xff : undefined;
}
