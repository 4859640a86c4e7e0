/** Accounts that find on disk what the one before them has stored; all are stopped after each test. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { createRoadIn, type RoadInOptions } from "./road-in.ts";

export type Road = ReturnType<typeof createRoadIn>;

export async function stop({ receiver, database }: Road): Promise<void> {
  await receiver.stop();
  database.close();
}

/** @returns how an account starts; its database is gone after the test */
export function useStoredRoads(): (options?: RoadInOptions) => Road {
  let folder: string;
  let roads: Road[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "xmpp-road-"));
  });
  afterEach(async () => {
    for (const road of roads) await stop(road);
    roads = [];
    rmSync(folder, { recursive: true, force: true });
  });
  return (options = {}) => {
    const road = createRoadIn({ file: join(folder, "db"), ...options });
    roads.push(road);
    return road;
  };
}

/** What the agent was asked, in order. */
export const said = ({ turns }: Road): string[] => turns.map((turn) => turn.message.rawBody);

/** How many messages wait, or are being taken up. */
export const stored = async ({ queue }: Road): Promise<number> =>
  (await Promise.all([queue.listPending({ limit: "all" }), queue.listClaims()])).flat().length;
