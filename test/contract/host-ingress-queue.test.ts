/**
 * The contract that our queue is made for, shown by the host's own queue. The host hands it to trusted
 * plugins only, so it is taken from where it lies in the installed package: a test may do that.
 */
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { ChannelIngressQueue } from "openclaw/plugin-sdk/channel-outbound";
import { afterAll, expectTypeOf, it } from "vitest";
import type { IngressQueue } from "../../src/state/ingress-contract.ts";
import { describeIngressQueue } from "../support/ingress-queue-contract.ts";

type CreateQueue = (options: {
  channelId: string;
  accountId: string;
  stateDir: string;
  now: () => number;
}) => IngressQueue<{ text: string }>;

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

describeIngressQueue((now) => {
  const stateDir = mkdtempSync(join(tmpdir(), "xmpp-host-ingress-"));
  folders.push(stateDir);
  const reopen = () => create({ channelId: "xmpp", accountId: "default", stateDir, now });
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
