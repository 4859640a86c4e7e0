/** Messages in quick succession as one turn, where the host's `messages.inbound.debounceMs` is set. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  body,
  createRoadIn,
  enterRoom,
  message,
  type RoadInOptions,
} from "../../test/support/road-in.ts";
import { item, presence, ROOM } from "../../test/support/room-xml.ts";
import { waitFor } from "../../test/support/wait.ts";
import type { BareJid } from "../protocol/jid.ts";

type Road = ReturnType<typeof createRoadIn>;

let folder: string;
let roads: Road[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "xmpp-debounce-"));
});
afterEach(async () => {
  for (const road of roads) await stop(road);
  roads = [];
  rmSync(folder, { recursive: true, force: true });
});

function start(debounceMs: number, options: RoadInOptions = {}): Road {
  const road = createRoadIn({
    policy: { dmPolicy: "open", groupPolicy: "open", rooms: [ROOM as BareJid] },
    cfg: { messages: { inbound: { debounceMs } } },
    file: join(folder, "db"),
    ...options,
  });
  roads.push(road);
  return road;
}

async function stop({ receiver, database }: Road): Promise<void> {
  await receiver.stop();
  database.close();
}

const LONG = 60_000;
const said = ({ turns }: Road) => turns.map((turn) => turn.message.rawBody);
const dm = (text: string, from = "alice@example/a", inside = "") =>
  message(from, body(text) + inside);
const settled = async ({ queue }: Road) => {
  const waiting = await Promise.all([queue.listPending(), queue.listClaims()]);
  return waiting.flat().length === 0;
};

it("makes one turn of what one sender says in one conversation, and of nobody else's", async () => {
  const road = start(300);
  for (const text of ["look at this", "https://example/cat.png"]) road.session.receive(dm(text));
  road.session.receive(dm("and I?", "bob@example/b"));
  await waitFor(() => road.turns.length === 2, { what: "both turns" });
  expect(said(road).toSorted()).toEqual(["and I?", "look at this\nhttps://example/cat.png"]);
  await waitFor(() => settled(road), { what: "all to be settled" });
});

it("keeps the order of a room: who comes in between is not merged, and nobody overtakes", async () => {
  const road = start(300);
  enterRoom(road);
  for (const nick of ["alice", "bob"])
    road.session.receive(presence(nick, item(`${nick}@example/x`)));
  const say = (nick: string, text: string) =>
    road.session.receive(message(`${ROOM}/${nick}`, body(text), "groupchat"));
  say("alice", "bot: a");
  say("alice", "b");
  say("bob", "bot: c");
  say("alice", "bot: d");
  await waitFor(() => road.turns.length === 3, { what: "three turns" });
  expect(road.turns.map((turn) => turn.message.bodyForAgent)).toEqual(["a\nb", "c", "d"]);
});

it("takes nothing together where the operator says nothing", async () => {
  const road = start(0);
  for (const text of ["one", "two"]) road.session.receive(dm(text));
  await waitFor(() => road.turns.length === 2, { what: "both turns" });
  expect(said(road)).toEqual(["one", "two"]);
});

it("lets a command wait for nothing, nor what was said before it", async () => {
  const road = start(LONG);
  for (const text of ["one", "two", "/status"]) road.session.receive(dm(text));
  await waitFor(() => road.turns.length === 2, { what: "the command" });
  expect(said(road)).toEqual(["one\ntwo", "/status"]);
  road.session.receive(dm("three"));
  road.session.receive(dm("/stop"));
  await waitFor(() => said(road).includes("/stop"), { what: "/stop" });
  expect(said(road)).not.toContain("three");
});

it("adds no reply, correction or mention to what was said before", async () => {
  const road = start(200);
  const marks = [
    `<reply xmlns="urn:xmpp:reply:0" id="x" to="bot@example"/>`,
    `<replace xmlns="urn:xmpp:message-correct:0" id="x"/>`,
  ];
  road.session.receive(dm("zero"));
  marks.forEach((mark, n) => road.session.receive(dm(`${n}`, undefined, mark)));
  await waitFor(() => road.turns.length === 3, { what: "three turns" });
  expect(said(road)).toEqual(["zero", "0", "1"]);
});

it("loses nothing where the process ends while messages wait for each other", async () => {
  const first = start(LONG);
  for (const text of ["one", "two"]) await first.session.receive(dm(text));
  await waitFor(async () => (await first.queue.listClaims()).length === 2, { what: "both" });
  await stop(first);
  expect(said(first)).toEqual([]);
  const second = start(200);
  await waitFor(() => second.turns.length > 0, { what: "the turn" });
  expect(said(second)).toEqual(["one\ntwo"]);
});

it("tries a turn of several again as a whole, before what came later", async () => {
  const busy = Promise.withResolvers<void>();
  const attempts: string[] = [];
  const road = start(300, {
    dispatch: async ({ ctxPayload }) => {
      attempts.push(ctxPayload.message.rawBody);
      if (attempts.length > 1) return;
      await busy.promise;
      throw new Error("locked");
    },
  });
  for (const text of ["one", "two"]) road.session.receive(dm(text));
  await waitFor(() => attempts.length === 1, { what: "the first attempt" });
  road.session.receive(dm("/status"));
  await waitFor(async () => (await road.queue.listClaims()).length === 3, { what: "the command" });
  busy.resolve();
  await waitFor(() => road.turns.length === 2, { what: "both turns" });
  expect(said(road)).toEqual(["one\ntwo", "/status"]);
});

it("counts as taken over only once the host has taken it over, each message of it", async () => {
  const adopted = Promise.withResolvers<void>();
  const road = start(200, {
    dispatch: async ({ replyOptions }) => {
      await adopted.promise;
      await replyOptions.turnAdoptionLifecycle.onAdopted();
    },
  });
  for (const text of ["one", "two"]) await road.session.receive(dm(text));
  await waitFor(() => road.configs.length === 1, { what: "the turn" });
  expect(await road.queue.listClaims()).toHaveLength(2);
  adopted.resolve();
  await waitFor(() => settled(road), { what: "both to be settled" });
});
