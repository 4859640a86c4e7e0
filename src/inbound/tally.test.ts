import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { body, createRoadIn, message } from "../../test/support/road-in.ts";
import { waitFor } from "../../test/support/wait.ts";
import { createIngressDatabase } from "../state/ingress-database.ts";
import { createTally } from "./tally.ts";

afterEach(() => void vi.useRealTimers());

it("counts by reason, and hands out a copy", () => {
  const tally = createTally();
  tally.add("queue-full");
  tally.add("queue-full");
  tally.add("catch-up-skipped", 7);
  const then = tally.read();
  tally.add("queue-full");
  expect(then).toEqual({ "queue-full": 2, "catch-up-skipped": 7 });
  expect(createTally().read()).toEqual({});
});

it("shows what strangers said, and nothing of who was answered", async () => {
  const road = createRoadIn({ policy: { dmPolicy: "allowlist", allowFrom: ["alice@example"] } });
  for (const who of ["alice", "mallory", "mallory"]) {
    road.session.receive(message(`${who}@example/a`, body("hello")));
  }
  await road.receiver.idle();
  expect(road.turns).toHaveLength(1);
  expect(road.tally.read()).toEqual({ "not-admitted": 2 });
});

it("counts the messages of somebody who waits for an approval", async () => {
  const road = createRoadIn({ policy: { dmPolicy: "pairing" } });
  road.session.receive(message("mallory@example/a", body("hello")));
  road.session.receive(message("mallory@example/a", body("anybody there?")));
  await road.receiver.idle();
  expect(road.tally.read()).toEqual({ "not-admitted": 2 });
});

it("counts what the host never took over, however often it was asked", async () => {
  vi.useFakeTimers();
  const road = createRoadIn({
    policy: { dmPolicy: "open" },
    dispatch: async () => await Promise.reject(new Error("locked")),
  });
  await road.session.receive(message("alice@example/a", body("hello")));
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  expect(road.tally.read()).toEqual({});
  await vi.advanceTimersByTimeAsync(35 * 60_000);
  expect(road.tally.read()).toEqual({ "given-up": 1 });
});

it("counts what cannot be read any more from the disk", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "tally-")), "ingress.sqlite");
  createIngressDatabase(file, { log: { warn: vi.fn() } }).transact((sql) =>
    sql.run(
      `INSERT INTO events (id, status, lane, payload, received_at, updated_at, claim_token, claimed_at)
       VALUES ('1', 'claimed', 'alice', '{', ?1, ?1, 'token', 1)`,
      Date.now(),
    ),
  );
  const road = createRoadIn({ policy: { dmPolicy: "open" }, file });
  await waitFor(() => road.tally.read()["given-up"], { what: "it to be counted" });
  expect(road.tally.read()).toEqual({ "given-up": 1 });
  expect(road.turns).toEqual([]);
});
