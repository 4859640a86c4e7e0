/** What waits when somebody says stop, and was said before. */
import { afterEach, expect, it } from "vitest";
import {
  body,
  createRoadIn,
  enterRoom,
  message,
  type RoadInOptions,
} from "../../test/support/road-in.ts";
import { item, presence, ROOM } from "../../test/support/room-xml.ts";
import { waitFor } from "../../test/support/wait.ts";

type Road = ReturnType<typeof createRoadIn>;

const dm = (text: string) => message("alice@example/a", body(text));
const roads: Road[] = [];
afterEach(async () => {
  for (const road of roads.splice(0)) await road.receiver.stop();
});

/** The agent is at "one" until `finish`. */
function start(options: RoadInOptions = {}) {
  const asked: string[] = [];
  const { promise, resolve: finish } = Promise.withResolvers<void>();
  const road = createRoadIn({
    keys: { dmPolicy: "open", allowFrom: ["*"] },
    dispatch: async ({ ctxPayload, replyOptions }) => {
      const text = ctxPayload.message.rawBody;
      asked.push(text);
      await replyOptions.turnAdoptionLifecycle.onAdopted();
      if (text === "one") await promise;
    },
    ...options,
  });
  roads.push(road);
  return { ...road, asked, finish };
}

const wordsOf = ({ asked }: { asked: string[] }) => asked.flatMap((text) => text.split("\n"));
const together = { messages: { inbound: { debounceMs: 300 } } };

it("does not begin after it, and is counted; what is said later is answered", async () => {
  const road = start();
  for (const text of ["one", "two", "three", "stop", "four"]) await road.session.receive(dm(text));
  await waitFor(() => road.asked.length === 2, { what: "the stop" });
  road.finish();
  await waitFor(() => wordsOf(road).includes("four"), { what: "the last" });
  expect(road.asked).toEqual(["one", "stop", "four"]);
  expect(road.tally.read()).toEqual({ stopped: 2 });
});

it("does not begin where it waits for more of the same", async () => {
  const road = start({ cfg: together });
  await road.session.receive(dm("delete everything"));
  await waitFor(async () => (await road.queue.listClaims()).length === 1, { what: "it to wait" });
  await road.session.receive(dm("stop"));
  await waitFor(() => road.asked.length === 1, { what: "the stop" });
  await road.session.receive(dm("thanks"));
  await waitFor(() => wordsOf(road).includes("thanks"), { what: "the last" });
  expect(road.asked).toEqual(["stop", "thanks"]);
  expect(road.tally.read()).toEqual({ stopped: 1 });
});

it("begins where whoever says stop may give no commands", async () => {
  const road = start({
    keys: { groupPolicy: "open", mucRooms: { [ROOM]: {} } },
    dispatch: async ({ ctxPayload, replyOptions }) => {
      road.asked.push(ctxPayload.message.bodyForAgent);
      await replyOptions.turnAdoptionLifecycle.onAdopted();
      if (road.asked.length === 1) await busy.promise;
    },
  });
  const busy = Promise.withResolvers<void>();
  enterRoom(road);
  road.session.receive(presence("alice", item("alice@example/a")));
  for (const text of ["one", "two", "stop"]) {
    await road.session.receive(message(`${ROOM}/alice`, body(`bot: ${text}`), "groupchat"));
  }
  const bothWait = async () => (await road.queue.listClaims()).length === 2;
  await waitFor(bothWait, { what: "the others to be taken up" });
  busy.resolve();
  await waitFor(() => road.asked.length === 3, { what: "all turns" });
  expect(road.asked.toSorted()).toEqual(["one", "stop", "two"]);
});
