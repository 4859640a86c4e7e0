/** What a person sees of an answer that grows, by the clock. */
import { parse } from "ltx";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createFakeLog, createFakeSession } from "../../test/support/fake-session.ts";
import { createOutbox } from "../../test/support/outbox.ts";
import type { Reader } from "../client/correction-readers.ts";
import { createRooms } from "../client/rooms.ts";
import { XmppNotSentError, XmppStanzaError, XmppUnconfirmedError } from "../errors.ts";
import { parseJid, type BareJid, type FullJid } from "../protocol/jid.ts";
import { decodeMessage } from "../protocol/stanza.ts";
import { createLiveAnswer, type LiveTarget } from "./live-answer.ts";
import type { Outbox } from "./send.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const ALICE = "alice@example" as BareJid;
const ROOM = "team@muc.example" as BareJid;
const reader = (resource: string, stay = "1", retracts = false): Reader => ({
  jid: parseJid(`${ALICE}/${resource}`)?.full as FullJid,
  stay: `${resource} ${stay}`,
  retracts,
});

function setUp(target: LiveTarget = { kind: "direct", to: ALICE }) {
  const session = createFakeSession();
  session.goOnline();
  const rooms = createRooms({ session, log: createFakeLog(), nick: "bot" });
  const joined = { ...rooms, get: () => ({ state: "joined" }) } as unknown as Outbox["rooms"];
  const outbox = createOutbox(session, joined);
  const readers: Reader[] = [reader("phone")];
  const idle = session.listenerCount();
  const noted = { begun: vi.fn(), withdrawn: vi.fn() };
  const live = createLiveAnswer({
    outbox,
    target,
    findReaders: async () => [...readers],
    thread: { id: "t1", parent: undefined },
    render: (text) => text,
    onBegun: noted.begun,
    onWithdrawn: noted.withdrawn,
    log: createFakeLog(),
  });
  const pass = async (ms: number) => void (await vi.advanceTimersByTimeAsync(ms));
  const stanzas = () => session.takeSent().map((xml) => parse(xml));
  /** What was sent since it was last looked at: to whom, what it replaces, its text. */
  const seen = () =>
    stanzas().map((stanza) => {
      const { replaceId, body } = decodeMessage(stanza);
      return [stanza.attrs["to"], replaceId, body];
    });
  return { session, outbox, readers, live, pass, stanzas, seen, idle, noted };
}

describe("an answer that grows in a direct chat", () => {
  it("is one message: every further state corrects the first one, a second apart at the least", async () => {
    const { live, pass, stanzas } = setUp();
    live.show(() => "One");
    await pass(999);
    expect(stanzas()).toEqual([]);
    await pass(1);
    const [first, ...none] = stanzas();
    expect(none).toEqual([]);
    live.show(() => "One two");
    await pass(999);
    live.show(() => "One two three");
    expect(stanzas()).toEqual([]);
    await pass(10);
    const [second] = stanzas();
    live.show(() => "One two three four");
    await pass(1_010);
    const [third] = stanzas();
    const states = [first, second, third].map((stanza) => decodeMessage(stanza as never));
    expect(states.map(({ body }) => body)).toEqual([
      "…",
      "One two three …",
      "One two three four …",
    ]);
    const { id } = states[0] as { id: string };
    expect(states.map(({ replaceId }) => replaceId)).toEqual([undefined, id, id]);
    expect(new Set(states.map((state) => state.id)).size).toBe(3);
    const silent = ["no-store", "no-copy"];
    expect(states.map(({ hints }) => hints)).toEqual([["no-copy"], silent, silent]);
    for (const state of states) {
      expect(state).toMatchObject({
        type: "chat",
        to: { full: `${ALICE}/phone` },
        thread: { id: "t1" },
        chatState: "composing",
      });
    }
    expect(await live.take()).toBe(id);
  });

  it("begins for all who follow, and is archived once", async () => {
    const { live, pass, stanzas, readers } = setUp();
    readers.push(reader("desk"));
    live.show(() => "One");
    await pass(1_000);
    const states = stanzas().map(decodeMessage);
    expect(states.map(({ to, hints }) => [to?.resource, hints])).toEqual([
      ["phone", ["no-copy"]],
      ["desk", ["no-store", "no-copy"]],
    ]);
    expect(states[0]?.id).toBe(states[1]?.id);
    await pass(1_100);
    expect(stanzas()).toHaveLength(2);
  });

  it("is not shown at all where it is whole soon", async () => {
    const { live, pass, seen } = setUp();
    live.show(() => "One");
    await pass(900);
    expect(await live.take()).toBeUndefined();
    live.show(() => "One two");
    await pass(60_000);
    expect(seen()).toEqual([]);
  });

  it("comes more slowly as it grows longer, and not where nothing is new", async () => {
    const { live, pass, seen } = setUp();
    live.show(() => "x".repeat(4_000));
    await pass(2_050);
    expect(seen()).toHaveLength(2);
    live.show(() => "x".repeat(4_001));
    await pass(1_900);
    expect(seen()).toEqual([]);
    await pass(200);
    expect(seen()).toHaveLength(1);
    live.show(() => "x".repeat(4_001));
    await pass(10_000);
    expect(seen()).toEqual([]);
  });

  it("is not begun again for a client that comes online meanwhile: it may have it from the archive", async () => {
    const { live, pass, seen, readers } = setUp();
    live.show(() => "One");
    await pass(1_000);
    seen();
    readers.push(reader("desk"));
    await pass(1_100);
    expect(seen().map(([to]) => to)).toEqual([`${ALICE}/phone`]);
  });

  it("stays as it is for a client that went away and came again", async () => {
    const { live, pass, seen, readers } = setUp();
    live.show(() => "One");
    await pass(1_000);
    seen();
    readers[0] = reader("phone", "2");
    live.show(() => "Two");
    await pass(5_000);
    expect(seen()).toEqual([]);
    expect(await live.take()).toBeDefined();
  });

  it("is the answer alone for who has no client that follows", async () => {
    const { live, pass, seen, readers } = setUp();
    readers.length = 0;
    live.show(() => "One");
    await pass(10_000);
    expect(seen()).toEqual([]);
    expect(await live.take()).toBeUndefined();
  });

  it("corrects nothing before the server has the first state", async () => {
    const { live, pass, seen, session } = setUp();
    const confirmed = Promise.withResolvers<void>();
    const { send } = session;
    session.send = async (stanza) => {
      await send(stanza);
      await confirmed.promise;
    };
    live.show(() => "One");
    await pass(1_000);
    live.show(() => "Two");
    await pass(10_000);
    expect(seen()).toHaveLength(1);
    confirmed.resolve();
    await pass(1_100);
    expect(seen()).toHaveLength(1);
  });

  it.each([
    ["was not sent", new XmppNotSentError("offline")],
    [
      "may not have arrived: some clients never show a correction of nothing",
      new XmppUnconfirmedError("lost"),
    ],
  ])("replaces nothing whose first state %s", async (_, error) => {
    const { live, pass, session } = setUp();
    session.send = async () => await Promise.reject(error);
    live.show(() => "One");
    await pass(1_000);
    live.show(() => "Two");
    await pass(5_000);
    expect(session.takeSent()).toEqual([]);
    expect(await live.take()).toBeUndefined();
  });

  it("replaces nothing whose first state came back", async () => {
    const { live, pass, stanzas, outbox } = setUp();
    live.show(() => "One");
    await pass(1_000);
    const id = stanzas()[0]?.attrs["id"] as string;
    outbox.sent.refuse(id, `${ALICE}/phone` as FullJid, new XmppStanzaError("cancel", "gone"));
    expect(await live.take()).toBeUndefined();
  });

  it("does not hold up the answer where nobody confirms its first state", async () => {
    const { live, pass, session } = setUp();
    session.send = async () => await new Promise(() => undefined);
    live.show(() => "One");
    await pass(1_000);
    const taken = live.take();
    await pass(2_000);
    expect(await taken).toBeUndefined();
  });

  it("is taken away where its first state was confirmed only after the answer had left", async () => {
    const { live, pass, session, stanzas, readers, noted } = setUp();
    readers.push(reader("desk", "1", true));
    const confirmed = Promise.withResolvers<void>();
    const { send } = session;
    session.send = async (stanza) => {
      await send(stanza);
      await confirmed.promise;
    };
    live.show(() => "One");
    await pass(1_000);
    const id = stanzas()[0]?.attrs["id"] as string;
    live.claim();
    const taken = live.take();
    await pass(2_000);
    expect(await taken).toBeUndefined();
    confirmed.resolve();
    await pass(10);
    const gone = stanzas().map(decodeMessage);
    expect(gone).toMatchObject([{ to: { resource: "desk" }, retraction: { id } }]);
    // Else what is said after the next start would take its place, far above.
    expect(noted.begun).not.toHaveBeenCalled();
  });

  it.each<[string, boolean, number]>([
    ["goes on over a resumed stream", true, 1],
    ["ends with its stream", false, 0],
  ])("%s", async (_, resumed, states) => {
    const { live, pass, seen, session, idle } = setUp();
    live.show(() => "One");
    await pass(1_000);
    expect(seen()).toHaveLength(1);
    session.goOffline({ resumable: resumed });
    live.show(() => "Two");
    await pass(5_000);
    expect(seen()).toEqual([]);
    session.goOnline({ resumed });
    live.show(() => "Three");
    await pass(5_000);
    expect(seen()).toHaveLength(states);
    expect(await live.take()).toBeDefined();
    expect(session.listenerCount()).toBe(idle);
  });

  it("pauses where the destination asks for fewer messages", async () => {
    const { live, pass, seen, outbox } = setUp();
    live.show(() => "One");
    await pass(1_000);
    seen();
    outbox.departures.holdOff(ALICE);
    live.show(() => "Two");
    await pass(1_000);
    expect(seen()).toEqual([]);
    await pass(3_000);
    expect(seen()).toHaveLength(1);
  });

  it("is taken away where no answer comes, as each client understands it", async () => {
    const { live, pass, seen, stanzas, readers } = setUp();
    readers.push(reader("desk", "1", true));
    live.show(() => "One");
    await pass(1_000);
    const id = stanzas()[0]?.attrs["id"] as string;
    await live.withdraw();
    const [phone, desk, ...none] = stanzas().map(decodeMessage);
    expect(phone).toMatchObject({ replaceId: id, body: "…", hints: ["no-copy"] });
    expect(desk).toMatchObject({ retraction: { id }, hints: ["no-store", "no-copy"] });
    expect(none).toEqual([]);
    await live.withdraw();
    expect(seen()).toEqual([]);
  });

  it("is left to the answer that is on its way", async () => {
    const { live, pass, seen } = setUp();
    live.show(() => "One");
    await pass(1_000);
    seen();
    live.claim();
    const taken = live.take();
    await live.withdraw();
    expect(seen()).toEqual([]);
    expect(await taken).toBeDefined();
    expect(await live.take()).toBeUndefined();
  });

  it("is taken away where the answer that claimed it does not take it", async () => {
    const { live, pass, stanzas, noted } = setUp();
    live.show(() => "One");
    await pass(1_000);
    const id = stanzas()[0]?.attrs["id"] as string;
    live.claim();
    await live.withdraw();
    expect(stanzas().map(decodeMessage)).toMatchObject([{ replaceId: id, body: "…" }]);
    expect(noted.withdrawn).toHaveBeenCalledWith(id);
    expect(await live.take()).toBeUndefined();
  });
});

describe("an answer that grows in a room", () => {
  const target: LiveTarget = { kind: "room", room: ROOM, to: ROOM };
  const setUpRoom = (error?: XmppStanzaError) => {
    const all = setUp(target);
    const { send } = all.session;
    all.session.send = async (stanza) => {
      await send(stanza);
      const id = String(stanza.attrs["id"]);
      if (error) all.outbox.sent.refuse(id, ROOM as FullJid, error);
      else all.outbox.sent.reflect(id, ROOM, "s1");
    };
    return all;
  };

  it("is one message for everybody, three seconds apart", async () => {
    const { live, pass, stanzas } = setUpRoom();
    live.show(() => "One");
    await pass(1_000);
    live.show(() => "Two");
    await pass(2_900);
    const [first, ...none] = stanzas();
    expect(none).toEqual([]);
    await pass(200);
    const [second] = stanzas();
    const id = await live.take();
    const states = [first, second].map((stanza) => decodeMessage(stanza as never));
    expect(states).toMatchObject([
      { type: "groupchat", id, body: "…", hints: [] },
      { type: "groupchat", replaceId: id, body: "Two …", hints: ["no-store"] },
    ]);
  });

  it("is not corrected where the room does not show it by its id: each state would be a message", async () => {
    const { live, pass, seen, noted } = setUp(target);
    live.show(() => "One");
    await pass(20_000);
    live.show(() => "Two");
    await pass(20_000);
    expect(seen()).toHaveLength(1);
    expect(await live.take()).toBeUndefined();
    expect(noted.begun).not.toHaveBeenCalled();
  });

  it("ends where the room refuses it", async () => {
    const { live, pass, seen } = setUpRoom(new XmppStanzaError("auth", "forbidden"));
    live.show(() => "One");
    await pass(1_000);
    live.show(() => "Two");
    await pass(10_000);
    expect(seen()).toHaveLength(1);
    expect(await live.take()).toBeUndefined();
  });
});
