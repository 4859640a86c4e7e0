/**
 * The contract that our queue is made for, shown by the host's own queue. The host hands it to trusted
 * plugins only, so it is taken from where it lies in the installed package: a test may do that.
 */
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { ChannelIngressQueue } from "openclaw/plugin-sdk/channel-outbound";
import { afterAll, expect, expectTypeOf, it } from "vitest";
import type { IngressQueue } from "../../src/state/ingress-contract.ts";
import type { MessageQueue } from "../../src/inbound/ingress-queue.ts";
import { DEFAULT_LIMITS } from "../../src/policy/limits.ts";
import { describeIngressQueue } from "../support/ingress-queue-contract.ts";
import { body, createRoadIn, enterRoom, message } from "../support/road-in.ts";
import { ROOM, item, presence } from "../support/room-xml.ts";
import { waitFor } from "../support/wait.ts";

type CreateQueue = <P>(options: {
  channelId: string;
  accountId: string;
  stateDir: string;
  now?: () => number;
}) => IngressQueue<P>;

const dist = join(import.meta.dirname, "../../node_modules/openclaw/dist");
const create = await findCreateQueue();
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Names of files and exports are made by the host's bundler; that of the function is its own. */
async function findCreateQueue(): Promise<CreateQueue> {
  for (const file of globSync(join(dist, "ingress-queue-*.mjs"))) {
    const exported = Object.values((await import(file)) as Record<string, unknown>);
    const found = exported.find(
      (value) => typeof value === "function" && value.name === "createChannelIngressQueue",
    );
    if (found) return found as CreateQueue;
  }
  throw new Error(`the host's queue is not in ${dist} any more`);
}

function newStateDir(): string {
  const stateDir = mkdtempSync(join(tmpdir(), "xmpp-host-ingress-"));
  folders.push(stateDir);
  return stateDir;
}

describeIngressQueue((now) => {
  const stateDir = newStateDir();
  const reopen = () =>
    create<{ text: string }>({ channelId: "xmpp", accountId: "default", stateDir, now });
  return {
    queue: reopen(),
    reopen,
    corrupt(id) {
      const [file = ""] = globSync(join(stateDir, "**/*.sqlite"));
      const db = new DatabaseSync(file);
      db.prepare("UPDATE channel_ingress_events SET payload_json = '{' WHERE event_id = ?").run(id);
      db.close();
    },
  };
});

it("is, by its type, what ours is: either goes where the other does", () => {
  type Ours = IngressQueue<{ text: string }, { n: number }, string>;
  type Hosts = Required<ChannelIngressQueue<{ text: string }, { n: number }, string>>;
  expectTypeOf<Ours>().toExtend<Hosts>();
  expectTypeOf<Hosts>().toExtend<Ours>();
});

it("carries the road in as ours does: copies once, bounds kept, order after a restart", async () => {
  const [stateDir, folder] = [newStateDir(), newStateDir()];
  const options = { channelId: "xmpp", accountId: "default", stateDir };
  const start = (failures = 0) =>
    createRoadIn({
      hostsQueue: create(options) as MessageQueue,
      file: join(folder, "aliases.sqlite"),
      policy: { dmPolicy: "open", limits: { ...DEFAULT_LIMITS, queueSize: 3 } },
      failures,
    });
  const first = start(Infinity);
  const origin = (text: string) => `<origin-id xmlns="urn:xmpp:sid:0" id="${text}"/>`;
  const stanzaId = `<stanza-id xmlns="urn:xmpp:sid:0" by="bot@example" id="1"/>`;
  const say = async (text: string, inside = "") =>
    await first.session.receive(message("alice@example/a", body(text) + origin(text) + inside));
  await say("one", stanzaId);
  await say("one");
  for (const text of ["two", "three", "four"]) await say(text);
  expect(first.errors).toEqual([]);
  expect(first.tally.read()).toEqual({ duplicate: 1, "queue-full": 1 });
  await first.receiver.stop();
  const second = start();
  await waitFor(() => second.turns.length === 3, { what: "all" });
  expect(second.turns.map((turn) => turn.message.rawBody)).toEqual(["one", "two", "three"]);
  await second.receiver.stop();
  for (const { database } of [first, second]) database.close();
});

it("leaves half of a room's lane to the others, as ours does", async () => {
  const [stateDir, folder] = [newStateDir(), newStateDir()];
  const queue = create({ channelId: "xmpp", accountId: "default", stateDir }) as MessageQueue;
  const road = createRoadIn({
    hostsQueue: queue,
    file: join(folder, "aliases.sqlite"),
    policy: { groupPolicy: "open", rooms: [ROOM], limits: { ...DEFAULT_LIMITS, queueSize: 8 } },
    failures: Infinity,
  });
  enterRoom(road);
  road.session.receive(presence("mallory", item("mallory@example/a")));
  road.session.receive(presence("alice", item("alice@example/a")));
  for (let n = 0; n < 10; n += 1) {
    await road.session.receive(message(`${ROOM}/mallory`, body(`bot: ${n}`), "groupchat"));
  }
  await road.session.receive(message(`${ROOM}/alice`, body("bot: hello"), "groupchat"));
  expect(road.errors).toEqual([]);
  expect(road.tally.read()).toEqual({ "queue-full": 6 });
  await road.receiver.stop();
  road.database.close();
});
