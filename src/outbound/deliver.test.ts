import { isChannelPartialDeliveryError } from "openclaw/plugin-sdk/channel-inbound";
import { PlatformMessageNotDispatchedError } from "openclaw/plugin-sdk/error-runtime";
import { parse, type Element } from "ltx";
import { afterEach, describe, expect, it, vi } from "vitest";
import { addFakeArchive, type FakeItem } from "../../test/support/fake-archive.ts";
import { createFakeLog, createFakeSession, OWN_JID } from "../../test/support/fake-session.ts";
import { createOutbox } from "../../test/support/outbox.ts";
import { createRooms } from "../client/rooms.ts";
import {
  XmppConnectionError,
  XmppNotSentError,
  XmppStanzaError,
  XmppUnconfirmedError,
} from "../errors.ts";
import type { BareJid, FullJid } from "../protocol/jid.ts";
import { decodeMessage } from "../protocol/stanza.ts";
import { ARCHIVE } from "../protocol/xep-0313-mam.ts";
import { DISCO_INFO } from "../protocol/xep-0030-disco.ts";
import { deliverText, type DeliveryOptions } from "./deliver.ts";
import type { Target } from "./target.ts";

const ALICE: Target = { kind: "direct", to: "alice@example.com" as BareJid };
const ROOM = "coven@chat.far" as BareJid;
const OWN_ROOM = "coven@chat.example" as BareJid;
const THREE = "one\n\ntwo\n\nthree";
const offline = (cause?: unknown) => new XmppNotSentError("offline", { isOffline: true, cause });
const lost = (cause?: unknown) => new XmppUnconfirmedError("lost", { cause });
const ended = (condition: string) => new XmppConnectionError(condition, condition);

type Options = {
  /** What the n-th send rejects with. */
  failures?: (Error | undefined)[];
  /** Of these, the messages that arrive all the same, by number. */
  arriving?: number[];
  /** What the account's archive holds besides; undefined: there is no archive. */
  archived?: FakeItem[] | undefined;
  /** The preferences of the archive. */
  prefs?: string;
  /** How far our clock is ahead of the server's. */
  aheadMs?: number;
};

function setUp({ failures = [], arriving = [], archived, prefs, aheadMs = 0 }: Options = {}) {
  const session = createFakeSession();
  session.goOnline();
  const items: FakeItem[] = archived ?? [];
  const features = archived ? `<feature var="${ARCHIVE}"/>` : "";
  session.onRequest(
    DISCO_INFO,
    `<iq type="result"><query xmlns="${DISCO_INFO}"><identity category="account" type="registered"/>${features}</query></iq>`,
  );
  session.onRequest(
    ARCHIVE,
    prefs === undefined
      ? new XmppStanzaError("cancel", "feature-not-implemented")
      : `<iq type="result"><prefs xmlns="${ARCHIVE}" default="${prefs}"/></iq>`,
  );
  if (archived) addFakeArchive(session, items);
  const written: Element[] = [];
  session.send = async (stanza) => {
    const number = written.push(stanza) - 1;
    const failure = failures[number];
    if (!failure || arriving.includes(number)) {
      const xml = parse(stanza.toString());
      Object.assign(xml.attrs, { from: OWN_JID, xmlns: "jabber:client" });
      const stamp = new Date(Date.now() - aheadMs).toISOString();
      items.push({ id: `a${number}`, stamp, xml: xml.toString() });
    }
    if (failure) throw failure;
  };
  const rooms = createRooms({ session, log: createFakeLog(), nick: "bot" });
  const late: string[] = [];
  const outbox = createOutbox(session, rooms, ({ to, isLate }) => isLate && late.push(to));
  const join = () =>
    Object.assign(outbox.rooms, { get: () => ({ state: "joined" }), occupant: () => ({}) });
  const { departures, limits } = outbox;
  const road = { find: () => outbox, departures, limits };
  const deliver = (text: string, target: Target = ALICE, options: Partial<DeliveryOptions> = {}) =>
    deliverText(road, target, text, { textLimit: 5, patienceMs: 0, ...options });
  const sent = () => written.map((message) => message.getChildText("body"));
  const ids = () => written.map(({ attrs }) => String(attrs["id"]));
  const refuse = (number: number, from = ALICE.to) =>
    outbox.sent.refuse(ids()[number] ?? "", from, new XmppStanzaError("cancel", "gone"));
  return { session, deliver, written, sent, ids, limits, departures, refuse, late, outbox, join };
}

it("gives a receipt of every message that was confirmed", async () => {
  const { written, sent, ids, deliver } = setUp();
  const { messageIds, receipt } = await deliver(THREE);
  expect(sent()).toEqual(["one", "two", "three"]);
  expect(messageIds).toEqual(ids());
  expect(new Set(messageIds).size).toBe(3);
  expect(written.map((each) => each.getChild("origin-id")?.attrs["id"])).toEqual(messageIds);
  expect(JSON.stringify(receipt)).toContain(messageIds[2]);
});

it("takes the place of what was seen of it, with its first message, and goes by that one's id", async () => {
  const { written, ids, deliver } = setUp();
  const { messageIds } = await deliver(THREE, ALICE, { replaceId: "first-state" });
  const sent = written.map(decodeMessage);
  expect(sent.map(({ replaceId }) => replaceId)).toEqual(["first-state", undefined, undefined]);
  expect(sent.map(({ hints }) => hints)).toEqual([["store"], ["store"], ["store"]]);
  expect(messageIds).toEqual(["first-state", ...ids().slice(1)]);
});

it("marks what is styled, in characters, and not what it repeats of somebody else's words", async () => {
  const { written, deliver } = setUp();
  const reply = { id: "question", to: "alice@example" as never };
  const quote = { text: "😀 *really*?", author: "_alice_" };
  await deliver("**yes** and `no`", ALICE, { textLimit: 100, reply, quote });
  const body = Array.from(written[0]?.getChildText("body") ?? "");
  expect(body.join("")).toBe("> _alice_ wrote:\n> 😀 *really*?\n*yes* and `no`");
  const markup = written[0]?.getChild("markup", "urn:xmpp:markup:0");
  const [span, ...others] = markup?.getChildElements() ?? [];
  expect(others).toEqual([]);
  expect(span?.getChildElements().map(({ name }) => name)).toEqual(["strong"]);
  const [start, end] = [Number(span?.attrs["start"]), Number(span?.attrs["end"])];
  expect(body.slice(start, end).join("")).toBe("yes");
});

it("says nothing of styling where nothing is styled", async () => {
  const { written, deliver } = setUp();
  await deliver("2 * 3", ALICE);
  expect(written[0]?.getChild("markup")).toBeUndefined();
});

it("says there what it answers without quoting it, which some clients would show", async () => {
  const { written, deliver } = setUp();
  const reply = { id: "question", to: "alice@example" as never };
  const quote = { text: "why?", author: "alice" };
  await deliver("one", ALICE, { replaceId: "first-state", reply, quote });
  await deliver("two", ALICE, { reply, quote });
  expect(written.map(decodeMessage).map(({ body, reply: to }) => [to?.id, body])).toEqual([
    ["question", "one"],
    ["question", expect.stringMatching(/why\?\n.*two/s)],
  ]);
});

it("still takes that place where it is sent again over another stream", async () => {
  const { written, ids, deliver } = setUp({ failures: [offline()] });
  await deliver("one", ALICE, { replaceId: "first-state" });
  const sent = written.map(decodeMessage);
  expect(sent.map(({ replaceId }) => replaceId)).toEqual(["first-state", "first-state"]);
  expect(new Set(ids()).size).toBe(1);
});

describe("where a correction is refused", () => {
  const refused = new XmppStanzaError("cancel", "not-acceptable");

  it("the answer is sent whole, as a message of its own", async () => {
    const { written, ids, deliver } = setUp({ failures: [refused] });
    const { messageIds } = await deliver("one", ALICE, { replaceId: "first-state" });
    const sent = written.map(decodeMessage);
    expect(sent.map(({ replaceId }) => replaceId)).toEqual(["first-state", undefined]);
    expect(sent.map(({ body }) => body)).toEqual(["one", "one"]);
    expect(messageIds).toEqual([ids()[1]]);
  });

  it("what it could not take the place of is cleared before that, and nowhere else", async () => {
    const { written, deliver } = setUp({ failures: [refused] });
    const atClearing: number[] = [];
    const clearReplaced = () => void atClearing.push(written.length);
    await deliver("one", ALICE, { replaceId: "first-state", clearReplaced });
    await deliver("two", ALICE, { replaceId: "first-state", clearReplaced });
    expect(atClearing).toEqual([1]);
  });

  it("and if that is refused as well, nothing was sent", async () => {
    const { written, deliver } = setUp({ failures: [refused, refused] });
    const failed = deliver(THREE, ALICE, { replaceId: "first-state" });
    await expect(failed).rejects.toMatchObject({
      name: "PlatformMessageNotDispatchedError",
      retryable: false,
    });
    expect(written).toHaveLength(2);
  });

  it("but not where fewer messages are wanted, or nobody knows whether it came back", async () => {
    for (const failure of [new XmppStanzaError("wait", "resource-constraint"), lost()]) {
      const { written, deliver } = setUp({ failures: [failure] });
      await expect(deliver("one", ALICE, { replaceId: "first-state" })).rejects.toBeInstanceOf(
        Error,
      );
      expect(written).toHaveLength(1);
    }
  });
});

it("says that nothing left when nothing did", async () => {
  const { deliver } = setUp();
  const refused = deliver("x", { kind: "room", room: ROOM, to: ROOM });
  await expect(refused).rejects.toBeInstanceOf(PlatformMessageNotDispatchedError);
  await expect(refused).rejects.toThrow(/not in room/);
});

it.each([
  ["what the peer refuses for good", new XmppStanzaError("cancel", "gone"), false],
  ["what the peer may take later", new XmppStanzaError("wait", "resource-constraint"), true],
  [
    "what may have been taken by a server on the way",
    new XmppStanzaError("wait", "remote-server-timeout"),
    false,
  ],
])("tells the host whether to try again %s", async (_, failure, retryable) => {
  const { deliver } = setUp({ failures: [failure] });
  const error: unknown = await deliver("one").catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(PlatformMessageNotDispatchedError);
  expect(error).toMatchObject({
    retryable,
    message: expect.stringContaining("alice@example.com refused"),
  });
});

it.each([new XmppStanzaError("cancel", "gone"), lost()])(
  "says which part arrived when a later one failed: %s",
  async (failure) => {
    const { deliver } = setUp({ failures: [undefined, failure] });
    const error: unknown = await deliver(THREE).catch((thrown: unknown) => thrown);
    expect(isChannelPartialDeliveryError(error)).toBe(true);
    expect(error).not.toBeInstanceOf(PlatformMessageNotDispatchedError);
  },
);

it("sends nothing for nothing", async () => {
  const { written, deliver } = setUp();
  expect((await deliver(" \n\n ")).messageIds).toEqual([]);
  expect(written).toEqual([]);
});

const WITNESS: FakeItem = {
  id: "w",
  stamp: new Date().toISOString(),
  xml: `<message xmlns="jabber:client" from="${OWN_JID}" to="alice@example.com" type="chat" id="w"><body>before</body></message>`,
};

describe("a message that nobody confirmed", () => {
  afterEach(() => vi.useRealTimers());

  it.each<[string, Options, string[]]>([
    ["is sent again where the server did not get it", { failures: [offline()] }, ["one", "one"]],
    [
      "is sent where the archive has it",
      { failures: [lost()], arriving: [0], archived: [] },
      ["one"],
    ],
    [
      "is not doubled by a clock that is two hours ahead",
      { failures: [lost()], arriving: [0], archived: [], prefs: "always", aheadMs: 7_200_000 },
      ["one"],
    ],
    [
      "is sent again where the archive has others to the same person only",
      { failures: [lost()], archived: [WITNESS] },
      ["one", "one"],
    ],
    [
      "is sent again where the archive has nothing, and would have everything",
      { failures: [lost()], archived: [], prefs: "always" },
      ["one", "one"],
    ],
    [
      "is asked about each time",
      { failures: [lost(), lost()], arriving: [1], archived: [WITNESS] },
      ["one", "one"],
    ],
  ])("%s", async (_, options, expected) => {
    const { deliver, sent, ids } = setUp(options);
    const { messageIds } = await deliver("one");
    expect(sent()).toEqual(expected);
    expect(new Set(ids())).toEqual(new Set(messageIds));
  });

  it.each<[string, Options]>([
    ["there is no archive", {}],
    ["the archive has nothing, and need not have it", { archived: [], prefs: "roster" }],
    ["the archive has nothing, and does not say what it keeps", { archived: [] }],
  ])("stays unknown where %s", async (_, options) => {
    const { deliver, sent } = setUp({ failures: [lost()], ...options });
    await expect(deliver("one")).rejects.toBeInstanceOf(XmppUnconfirmedError);
    expect(sent()).toEqual(["one"]);
  });

  it("is not taken for ours because somebody else wrote one with its id", async () => {
    const { session, deliver, written } = setUp({ failures: [lost()], archived: [WITNESS] });
    const { send } = session;
    session.send = async (stanza) => {
      await send(stanza).catch((error: unknown) => {
        const forged = parse(stanza.toString());
        Object.assign(forged.attrs, { from: "alice@example.com/x", xmlns: "jabber:client" });
        const stamp = new Date().toISOString();
        items.push({ id: "f", stamp, xml: forged.toString() });
        throw error;
      });
    };
    const items = addFakeArchive(session, [WITNESS]).items;
    await expect(deliver("one")).rejects.toBeInstanceOf(XmppUnconfirmedError);
    expect(written).toHaveLength(1);
  });

  it("is asked about again where the archive cannot tell at first", async () => {
    const { session, deliver, sent } = setUp({ failures: [lost()], arriving: [0], archived: [] });
    const { request } = session;
    let isReady = false;
    session.request = async (iq, options) => {
      if (isReady || !iq.getChild("query", ARCHIVE)) return await request(iq, options);
      isReady = true;
      throw new XmppStanzaError("wait", "internal-server-error");
    };
    await deliver("one");
    expect(sent()).toEqual(["one"]);
  });

  it("is asked about ever less often of an archive that cannot tell for an hour", async () => {
    vi.useFakeTimers();
    const { session, deliver } = setUp({ failures: [lost()], archived: [] });
    const { request } = session;
    let asked = 0;
    session.request = async (iq, options) => {
      if (!iq.getChild("query", ARCHIVE)) return await request(iq, options);
      asked += 1;
      throw new XmppStanzaError("wait", "internal-server-error");
    };
    const calledOff = new AbortController();
    const hour = 60 * 60_000;
    const end = deliver("one", ALICE, { patienceMs: 2 * hour, signal: calledOff.signal }).catch(
      (error: unknown) => error,
    );
    await vi.advanceTimersByTimeAsync(hour);
    expect(asked).toBeLessThan(200);
    calledOff.abort();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await end).toBeInstanceOf(XmppUnconfirmedError);
  });

  it("is given up once it has ended the connection three times", async () => {
    const failures = Array.from({ length: 9 }, () => lost(ended("policy-violation")));
    const { deliver, sent } = setUp({ failures, archived: [WITNESS] });
    const error: unknown = await deliver("one").catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PlatformMessageNotDispatchedError);
    expect(error).toMatchObject({ retryable: false, message: expect.stringContaining("3 times") });
    expect(sent()).toEqual(["one", "one", "one"]);
  });

  it("is tried on where the connection ended for other reasons", async () => {
    const failures = Array.from({ length: 5 }, () => lost(ended("network")));
    const { deliver, sent } = setUp({ failures, archived: [WITNESS] });
    await deliver("one");
    expect(sent()).toHaveLength(6);
  });
});

describe("a delivery of the host", () => {
  const delivery = { deliveryId: "row-1", part: 0, parts: 1 };

  it("has the same ids when it is sent again, and others than the next one", async () => {
    const idsOf = async (deliveryId: string) => {
      const { deliver } = setUp();
      return (await deliver(THREE, ALICE, { delivery: { ...delivery, deliveryId } })).messageIds;
    };
    const first = await idsOf("row-1");
    expect(await idsOf("row-1")).toEqual(first);
    expect(new Set([...first, ...(await idsOf("row-2"))]).size).toBe(6);
    expect(first.join()).not.toContain("row-1");
  });

  it("leaves out what arrived by an earlier attempt", async () => {
    const before = setUp();
    const { messageIds } = await before.deliver(THREE, ALICE, { delivery });
    const { deliver, sent } = setUp();
    const arrived = new Set(messageIds.slice(0, 2));
    const again = await deliver(THREE, ALICE, { delivery, arrived });
    expect(sent()).toEqual(["three"]);
    expect(again.messageIds).toEqual(messageIds);
  });

  it("loses no words where the rest is sent without the prefix that it had", async () => {
    const options = { delivery, textLimit: 10 };
    const before = setUp();
    const { messageIds } = await before.deliver("aaaa bbbb cccc", ALICE, {
      ...options,
      prefix: "ann: ",
    });
    const { deliver, sent } = setUp();
    const arrived = new Set(messageIds.slice(0, 1));
    await deliver("aaaa bbbb cccc", ALICE, { ...options, arrived });
    expect([before.sent()[0], ...sent()].join(" ")).toBe("ann: aaaa bbbb cccc");
  });

  it("is not mixed up with an earlier attempt that was split otherwise", async () => {
    const { messageIds } = await setUp().deliver(THREE, ALICE, { delivery });
    const { deliver, sent } = setUp();
    const arrived = new Set(messageIds.slice(0, 1));
    const again = deliver(THREE, ALICE, { delivery, arrived, textLimit: 100 });
    await expect(again).rejects.toBeInstanceOf(XmppUnconfirmedError);
    expect(sent()).toEqual([]);
  });
});

describe("an error of another server, after ours has taken the message over", () => {
  const options = { awaitsErrors: true };
  afterEach(() => vi.useRealTimers());

  it("reaches the sender's result", async () => {
    const { deliver, written, refuse } = setUp();
    const result = deliver("one", ALICE, options).catch((thrown: unknown) => thrown);
    await vi.waitFor(() => expect(written).toHaveLength(1));
    refuse(0);
    const error = await result;
    expect(error).toBeInstanceOf(PlatformMessageNotDispatchedError);
    expect(error).toMatchObject({ message: "alice@example.com refused the message: gone" });
  });

  it("is waited for once, however many messages there are, and by who sent them only", async () => {
    vi.useFakeTimers();
    const { deliver, written } = setUp();
    let isOver = false;
    const first = deliver(THREE, ALICE, options).then(() => (isOver = true));
    const second = deliver("four", ALICE);
    await second;
    expect(written).toHaveLength(4);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(1_500);
    await first;
  });

  it("of all messages says that nothing was sent, of some which were", async () => {
    const failed = async (...refused: number[]) => {
      const { deliver, written, ids, refuse } = setUp();
      const aborted = new AbortController();
      const result = deliver(THREE, ALICE, { ...options, signal: aborted.signal });
      const error = result.catch((thrown: unknown) => thrown);
      await vi.waitFor(() => expect(written).toHaveLength(3));
      for (const number of refused) refuse(number);
      aborted.abort();
      return { error: await error, ids: ids() };
    };
    const all = await failed(0, 1, 2);
    expect(all.error).toBeInstanceOf(PlatformMessageNotDispatchedError);
    const some = await failed(1);
    expect(isChannelPartialDeliveryError(some.error)).toBe(true);
    expect(some.error).toMatchObject({
      deliveryResult: { messageIds: [some.ids[0], some.ids[2]] },
    });
  });

  it("keeps the messages after it from being sent", async () => {
    const { session, deliver, written, refuse } = setUp();
    const { send } = session;
    session.send = async (stanza) => {
      await send(stanza);
      if (written.length === 2) refuse(0);
    };
    await expect(deliver(THREE, ALICE, options)).rejects.toThrow(/gone/);
    expect(written).toHaveLength(2);
  });

  it.each<Target>([
    { kind: "direct", to: "alice@example" as BareJid },
    { kind: "direct", to: "alice@example/phone" as FullJid },
    { kind: "room-private", room: OWN_ROOM, nick: "al", to: `${OWN_ROOM}/al` as FullJid },
    // It has said its word by then.
    { kind: "room", room: ROOM, to: ROOM },
  ])("is not waited for from our own server, nor from a room: $to", async (target) => {
    vi.useFakeTimers();
    const { session, deliver, sent, outbox, join } = setUp();
    const { send } = session;
    session.send = async (stanza) => {
      await send(stanza);
      outbox.sent.reflect(String(stanza.attrs["id"]), ROOM, undefined);
    };
    join();
    await deliver(THREE, target, options);
    expect(sent()).toHaveLength(3);
    // No clock has run.
  });

  it.each([true, false])("is late once they have that, waited for or not: %s", async (awaits) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { deliver, refuse, late } = setUp();
    const result = deliver("one", ALICE, { awaitsErrors: awaits });
    await vi.waitFor(async () => await vi.advanceTimersByTimeAsync(2_000));
    await result;
    refuse(0);
    expect(late).toEqual([ALICE.to]);
  });
});

describe("while offline", () => {
  it("waits, keeps the order, and goes out when the connection is back", async () => {
    const { session, deliver, sent } = setUp();
    session.goOffline();
    const all = ["one", "two"].map((text) => deliver(text, ALICE, { patienceMs: 5_000 }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(sent()).toEqual([]);
    session.goOnline();
    await Promise.all([...all, deliver("last", ALICE, { patienceMs: 5_000 })]);
    expect(sent()).toEqual(["one", "two", "last"]);
  });

  it("fails in the host's terms, for good after as long as it may wait", async () => {
    const { session, deliver, limits } = setUp();
    session.goOffline();
    const short: unknown = await deliver("x").catch((thrown: unknown) => thrown);
    expect(short).toMatchObject({
      retryable: true,
      message: expect.stringMatching(/no connection/),
    });
    limits.offlineMinutes = 0;
    const long: unknown = await deliver("x").catch((thrown: unknown) => thrown);
    expect(long).toBeInstanceOf(PlatformMessageNotDispatchedError);
    expect(long).toMatchObject({ retryable: false });
  });

  it("waits no longer behind others than for a connection", async () => {
    const { session, deliver, sent } = setUp();
    session.goOffline();
    const first = deliver("one", ALICE, { patienceMs: 5_000 });
    await expect(deliver("two", ALICE, { patienceMs: 10 })).rejects.toThrow(/still waiting/);
    const third = deliver("three", ALICE, { patienceMs: 5_000 });
    session.goOnline();
    await Promise.all([first, third]);
    expect(sent()).toEqual(["one", "three"]);
  });

  it("waits for a bounded time in all, however often the connection goes", async () => {
    const failures = Array.from({ length: 9 }, () => offline());
    const { session, deliver, written } = setUp({ failures });
    const { send } = session;
    session.send = async (stanza) => {
      session.goOffline();
      setTimeout(() => session.goOnline(), 300);
      await send(stanza);
    };
    const error: unknown = await deliver("x", ALICE, { patienceMs: 500 }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ message: expect.stringMatching(/no connection/) });
    expect(written.length).toBeLessThan(4);
  });

  it("looks for the truth about a message no longer than it is wanted", async () => {
    const { session, deliver, written } = setUp({ failures: [lost()], archived: [] });
    const { send } = session;
    session.send = async (stanza) => {
      session.goOffline();
      await send(stanza);
    };
    const wanted = new AbortController();
    const result = deliver("one", ALICE, { patienceMs: 5_000, signal: wanted.signal });
    await vi.waitFor(() => expect(written).toHaveLength(1));
    wanted.abort();
    await expect(result).rejects.toBeInstanceOf(XmppUnconfirmedError);
  });

  it("waits in a bounded number", async () => {
    const { session, deliver, limits } = setUp();
    limits.offlineMessages = 2;
    session.goOffline();
    const waiting = [
      deliver("one", ALICE, { patienceMs: 2_000 }),
      deliver("two", ALICE, { patienceMs: 2_000 }),
    ];
    const refused: unknown = await deliver("three").catch((thrown: unknown) => thrown);
    expect(refused).toMatchObject({
      retryable: false,
      message: expect.stringMatching(/offlineMessages/),
    });
    session.goOnline();
    await Promise.all(waiting);
    await deliver("four");
  });
});

it("has a bounded number on their way out of an account that is online", async () => {
  const { session, deliver } = setUp();
  session.send = () => new Promise(() => undefined);
  for (let n = 0; n < 1_000; n += 1) {
    void deliver("x", { kind: "direct", to: `a${n}@example` as BareJid });
  }
  await expect(deliver("x")).rejects.toThrow(/1000 messages are on their way out/);
});

it("asks before each message, right before it is written", async () => {
  const { deliver, sent } = setUp();
  const beforeSend = vi.fn(() => void seen.push(sent().length));
  const seen: number[] = [];
  await deliver(THREE, ALICE, { beforeSend });
  expect(seen).toEqual([0, 1, 2]);
});
