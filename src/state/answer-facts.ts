/**
 * What an answer on the host's disk has beside its text, by the id of its row there: the host does not write that down,
 * and hands the row over without it when it sends it again.
 */
import { z } from "zod";
import { messageOf } from "../errors.ts";
import { parseJid } from "../protocol/jid.ts";
import type { Thread } from "../protocol/stanza.ts";
import type { Reply } from "../protocol/xep-0461-reply.ts";
import type { IngressDatabase } from "./ingress-database.ts";
import type { FileLog } from "./json-file.ts";

export type AnswerFacts = {
  thread?: Thread | undefined;
  /** Plain text before the first message. */
  prefix?: string | undefined;
  reply?: Reply | undefined;
  quote?: { text: string; author: string | undefined } | undefined;
};

export type AnswerFactsStore = {
  /** A crash of the process does not lose it, a power cut may. */
  note(deliveryId: string, facts: AnswerFacts): void;
  /** undefined: the delivery is no answer to a turn, it was sent, or it is long ago. */
  find(deliveryId: string): AnswerFacts | undefined;
  /** It was sent, or will not be. */
  settle(deliveryId: string): void;
};

/** The host has given up by then, ms. */
const KEPT_MS = 7 * 24 * 60 * 60_000;
const KEPT = 1_000;

const stored = z.object({
  thread: z
    .object({ id: z.string(), parent: z.string().optional() })
    .transform(({ id, parent }) => ({ id, parent }))
    .optional(),
  prefix: z.string().optional(),
  reply: z
    .object({ id: z.string(), to: z.string().optional() })
    .transform(({ id, to }) => ({ id, to: parseJid(to ?? "")?.full }))
    .optional(),
  quote: z
    .object({ text: z.string(), author: z.string().optional() })
    .transform(({ text, author }) => ({ text, author }))
    .optional(),
});

/** Where the disk fails, a text may come without what it refers to: nothing here throws. */
export function createAnswerFacts(
  database: IngressDatabase,
  { now, log }: { now: () => number; log: FileLog },
): AnswerFactsStore {
  type Sql = Parameters<Parameters<IngressDatabase["transact"]>[0]>[0];
  function attempt<T>(run: (sql: Sql) => T): T | undefined {
    try {
      return database.transact(run, true);
    } catch (error) {
      log.warn(`what an answer refers to is not noted: ${messageOf(error)}`);
      return undefined;
    }
  }

  return {
    note: (deliveryId, { thread, prefix, reply, quote }) =>
      void attempt((sql) => {
        sql.run("DELETE FROM answer_facts WHERE since < ?", now() - KEPT_MS);
        sql.run(
          "INSERT OR REPLACE INTO answer_facts (delivery, since, facts) VALUES (?, ?, ?)",
          deliveryId,
          now(),
          JSON.stringify({ thread, prefix, reply, quote }),
        );
        sql.run(
          `DELETE FROM answer_facts WHERE rowid NOT IN
             (SELECT rowid FROM answer_facts ORDER BY rowid DESC LIMIT ${KEPT})`,
        );
      }),
    find: (deliveryId) =>
      attempt((sql) => {
        const row = sql.get(
          "SELECT facts FROM answer_facts WHERE delivery = ? AND since >= ?",
          deliveryId,
          now() - KEPT_MS,
        );
        return row && stored.parse(JSON.parse(String(row["facts"])));
      }),
    settle: (deliveryId) =>
      void attempt((sql) => sql.run("DELETE FROM answer_facts WHERE delivery = ?", deliveryId)),
  };
}
