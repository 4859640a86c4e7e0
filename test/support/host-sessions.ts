/** What the host has written of its sessions, at the first moment at which it has. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import type { Gateway } from "./gateway.ts";

async function poll(
  { stateDir }: Gateway,
  query: string,
  value: string,
  holds: (found: unknown) => boolean,
): Promise<void> {
  const file = join(stateDir, "agents/main/agent/openclaw-agent.sqlite");
  const db = new DatabaseSync(file, { readOnly: true });
  const statement = db.prepare(query);
  while (!holds(statement.get(value)?.["found"])) await setImmediate();
  db.close();
}

/** The agent's last word is in the transcript: some 200 ms before the answer is in the host's queue on disk. */
export const hasSaid = async (gateway: Gateway, text: string): Promise<void> =>
  await poll(
    gateway,
    "SELECT count(*) AS found FROM session_transcript_fts WHERE text = ?",
    text,
    (found) => Number(found) > 0,
  );

/** The run is marked as over: about half of that time later. */
export const hasEnded = async (gateway: Gateway, sessionKey: string): Promise<void> =>
  await poll(
    gateway,
    "SELECT status AS found FROM session_nodes WHERE session_key = ?",
    sessionKey,
    (found) => found !== "running",
  );
