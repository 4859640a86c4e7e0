/** What the message adapter promises the host about final answers, and a proof of each promise. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  verifyChannelMessageAdapterCapabilityProofs,
  type ChannelMessageUnknownSendContext,
} from "openclaw/plugin-sdk/channel-outbound";
import { parse } from "ltx";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { addLiveAccount, type LiveAccount } from "../../src/host/live-accounts.ts";
import { messageAdapter, type SendTextContext } from "../../src/host/message-adapter.ts";
import { setRuntime } from "../../src/host/runtime.ts";
import { createRooms } from "../../src/client/rooms.ts";
import { XmppConnectionError } from "../../src/errors.ts";
import { DISCO_INFO } from "../../src/protocol/xep-0030-disco.ts";
import { ARCHIVE } from "../../src/protocol/xep-0313-mam.ts";
import { keptSends } from "../../src/outbound/kept-sends.ts";
import { withReplyFacts } from "../../src/outbound/reply-facts.ts";
import { resolveAccount } from "../../src/host/account.ts";
import type { FullJid } from "../../src/protocol/jid.ts";
import type { AnswerFacts } from "../../src/state/answer-facts.ts";
import { createTempDir } from "../support/at-exit.ts";
import { addFakeArchive, type FakeItem } from "../support/fake-archive.ts";
import { createFakeLog, createFakeSession, OWN_JID } from "../support/fake-session.ts";
import { createOutbox } from "../support/outbox.ts";
import { withKeys } from "../support/road-in.ts";

const cfg = withKeys({});
const PEER = "alice@example";
const ROW = "row-1";
const disco = (features: string) =>
  `<iq type="result"><query xmlns="${DISCO_INFO}"><identity category="account" type="registered"/>${features}</query></iq>`;
let live: LiveAccount;
let removeLive: () => void;
let session: ReturnType<typeof createFakeSession>;
let archived: FakeItem[];
/** What is on the disk of our own. */
let facts: Map<string, AnswerFacts>;

beforeEach(() => {
  const channel = {
    text: { convertMarkdownTables: (text: string) => text, resolveMarkdownTableMode: () => "off" },
  };
  setRuntime({ channel } as never);
  session = createFakeSession();
  session.goOnline();
  session.onRequest(DISCO_INFO, disco(`<feature var="${ARCHIVE}"/>`));
  const stamp = new Date().toISOString();
  const xml = `<message xmlns="jabber:client" from="${OWN_JID}" to="${PEER}"><body>before</body></message>`;
  archived = [{ id: "witness", stamp, xml }];
  addFakeArchive(session, archived);
  const { send } = session;
  session.send = async (stanza) => {
    await send(stanza);
    const copy = parse(stanza.toString());
    Object.assign(copy.attrs, { from: OWN_JID, xmlns: "jabber:client" });
    const { id } = copy.attrs as { id: string };
    archived.push({ id, stamp: new Date().toISOString(), xml: copy.toString() });
  };
  const rooms = createRooms({ session, log: createFakeLog(), nick: "bot" });
  const outbox = createOutbox(session, rooms);
  const account = resolveAccount(cfg);
  const onOutbound = () => undefined;
  const nothing = () => undefined;
  const growing = { assign: nothing, settle: nothing, left: nothing, forgetLeft: nothing };
  facts = new Map();
  const answerFacts = {
    note: (id: string, noted: AnswerFacts) => void facts.set(id, noted),
    find: (id: string) => facts.get(id),
    settle: (id: string) => void facts.delete(id),
  };
  live = { ...outbox, account, onOutbound, growing, answerFacts } as unknown as LiveAccount;
  removeLive = addLiveAccount(live);
});
afterEach(() => removeLive());

const media = createTempDir("media");
afterAll(() => media.remove());

const context = (more: Partial<SendTextContext> = {}): SendTextContext => ({
  cfg,
  to: PEER,
  text: "hello",
  deliveryQueueId: ROW,
  ...more,
});
const sent = () => session.takeSent().filter((xml) => xml.startsWith("<message"));
const reconcile = async (more: Partial<ChannelMessageUnknownSendContext> = {}) =>
  await messageAdapter.durableFinal?.reconcileUnknownSend?.({
    cfg,
    queueId: ROW,
    channel: "xmpp",
    to: PEER,
    enqueuedAt: Date.now(),
    retryCount: 0,
    platformSendStartedAt: Date.now(),
    payloads: [{ text: "hello" }],
    ...more,
  });

it("proves each capability that is declared", async () => {
  const proofs = {
    text: async () => {
      const { receipt, messageId } = await messageAdapter.send.text(context());
      expect(receipt.platformMessageIds).toEqual([messageId]);
      expect(sent()).toHaveLength(1);
    },
    media: async () => {
      const mediaUrl = "https://example.com/a.png";
      await messageAdapter.send.media({ ...context({ text: "look" }), mediaUrl });
      expect(sent().join()).toContain(`<body>look\n\n${mediaUrl}</body>`);
      const file = join(media.path, "note.txt");
      writeFileSync(file, "a file");
      const url = "https://upload.example/note.txt";
      const service = async () => ({ jid: "upload.example" as FullJid, maxFileSize: undefined });
      live.uploads = { ...live.uploads, service, upload: async () => url };
      const mediaLocalRoots = [media.path];
      const row = { text: "look", deliveryQueueId: "row-2" };
      const local = { ...context(row), mediaUrl: file, mediaLocalRoots };
      const { receipt } = await messageAdapter.send.media(local);
      const [caption = "", shared = ""] = sent();
      expect(caption).toContain("<body>look</body>");
      expect(shared).toContain(`<body>${url}</body>`);
      expect(receipt.platformMessageIds).toHaveLength(2);
    },
    replyTo: async () => {
      live.recent.add(PEER as never, {
        ids: ["hosts-key", "their-id"],
        reference: "their-id",
        from: PEER as FullJid,
        senderId: PEER,
        author: "alice",
        text: "why?",
      });
      await messageAdapter.send.text(context({ replyToId: "hosts-key" }));
      expect(sent().join()).toContain(
        `<reply xmlns="urn:xmpp:reply:0" to="${PEER}" id="their-id"/>`,
      );
    },
    messageSendingHooks: async () => {
      // The host runs them; what it hands over afterwards is sent as it is.
      await messageAdapter.send.text(context({ text: "rewritten by a hook" }));
      expect(sent().join()).toContain("<body>rewritten by a hook</body>");
    },
    reconcileUnknownSend: async () => {
      await messageAdapter.send.text(context());
      const found = await reconcile();
      expect(found).toMatchObject({ status: "sent" });
    },
  };
  const results = await verifyChannelMessageAdapterCapabilityProofs({
    adapterName: "xmpp",
    adapter: messageAdapter,
    proofs,
  });
  const verified = results.filter(({ status }) => status === "verified");
  expect(verified.map(({ capability }) => capability).toSorted()).toEqual(
    Object.keys(proofs).toSorted(),
  );
});

it("refers to nothing by an id that nobody else knows", async () => {
  await messageAdapter.send.text(context({ replyToId: "of-our-archive", deliveryQueueId: "a" }));
  // What we said is known by its id also after a restart.
  live.recent = { ...live.recent, isOurs: (_, id) => id === "ours" };
  await messageAdapter.send.text(context({ replyToId: "ours", deliveryQueueId: "b" }));
  // In a room the host goes by the ids that the room gives.
  const to = "room:team@muc.example";
  for (const stanzaIds of [true, false]) {
    const room = { state: "joined", stanzaIds };
    live.rooms = { ...live.rooms, get: () => room } as unknown as LiveAccount["rooms"];
    const { send } = session;
    session.send = async (stanza) => {
      await send(stanza);
      live.sent.reflect(String(stanza.attrs["id"]), "team@muc.example" as never, undefined);
    };
    const replyToId = "of-the-room";
    await messageAdapter.send.text(context({ to, replyToId, deliveryQueueId: `${stanzaIds}` }));
  }
  const ids = sent().map((xml) => /<reply [^>]*id="([^"]*)"/.exec(xml)?.[1]);
  expect(ids).toEqual([undefined, "ours", "of-the-room", undefined]);
});

it("an answer that is tried again is not lost with its picture", async () => {
  const deps = withReplyFacts({ patienceMs: 0 });
  const mediaUrl = join(media.path, "gone.png");
  const row = { ...context({ text: "look", deliveryQueueId: "row-3" }), mediaUrl };
  const service = async () => ({ jid: "upload.example" as FullJid, maxFileSize: undefined });
  live.uploads = { ...live.uploads, service };
  session.goOffline();
  await expect(messageAdapter.send.media({ ...row, deps })).rejects.toThrow("no connection");
  session.goOnline();
  await messageAdapter.send.media(row);
  expect(sent().join()).toContain("<body>look\n\n(A file could not be sent: ");
});

describe("an answer that a crash of the Gateway interrupted", () => {
  const answer: AnswerFacts = {
    thread: { id: "t1", parent: undefined },
    prefix: "alice: ",
    reply: { id: "question", to: `${PEER}/phone` as FullJid },
    quote: { text: "why?", author: "alice" },
  };

  it("is noted before it is written, and not any longer once it is out", async () => {
    const atWriting: unknown[] = [];
    const { send } = session;
    session.send = async (stanza) => {
      atWriting.push(facts.get("row-4"));
      await send(stanza);
    };
    const deps = withReplyFacts({ patienceMs: 0, ...answer });
    await messageAdapter.send.text(context({ deliveryQueueId: "row-4", deps }));
    expect(atWriting).toEqual([answer]);
    expect(facts.size).toBe(0);
  });

  it("comes with all that it had beside its text", async () => {
    facts.set("row-5", answer);
    await messageAdapter.send.text(context({ deliveryQueueId: "row-5" }));
    const [xml = ""] = sent();
    expect(xml).toContain("<thread>t1</thread>");
    expect(xml).toContain(`<reply xmlns="urn:xmpp:reply:0" to="${PEER}/phone" id="question"/>`);
    expect(xml).toMatch(/why\?\n.*alice: hello/s);
    expect(facts.size).toBe(0);
  });

  it("does not lose its text with its file", async () => {
    const service = async () => ({ jid: "upload.example" as FullJid, maxFileSize: undefined });
    live.uploads = { ...live.uploads, service };
    const mediaUrl = join(media.path, "gone.png");
    const row = { ...context({ text: "look", deliveryQueueId: "row-6" }), mediaUrl };
    await expect(messageAdapter.send.media(row)).rejects.toBeInstanceOf(Error);
    expect(sent()).toEqual([]);
    facts.set("row-6", {});
    await messageAdapter.send.media(row);
    expect(sent().join()).toContain("<body>look\n\n(A file could not be sent: ");
  });

  it("is not forgotten before its last part is out", async () => {
    facts.set("row-7", answer);
    const parts = { deliveryQueueId: "row-7", deliveryPartCount: 2 };
    await messageAdapter.send.text(context({ ...parts, deliveryPartIndex: 0 }));
    expect(facts.size).toBe(1);
    await messageAdapter.send.text(context({ ...parts, deliveryPartIndex: 1 }));
    expect(facts.size).toBe(0);
    expect(sent().map((xml) => xml.includes("<reply "))).toEqual([true, false]);
  });
});

it("tells the host that it is about to write, right before it does", async () => {
  const order: string[] = [];
  const { send } = session;
  session.send = async (stanza) => {
    order.push("written");
    await send(stanza);
  };
  const onPlatformSendDispatch = async () => void order.push("dispatch");
  const assertDirectAdapterHandoff = () => void order.push("handoff");
  await messageAdapter.send.text(context({ onPlatformSendDispatch, assertDirectAdapterHandoff }));
  expect(order).toEqual(["dispatch", "handoff", "written"]);
});

it("tells the turn that its answer is in the host's queue, before it is written", async () => {
  const order: string[] = [];
  session.send = async () => void order.push("written");
  const onQueued = () => void order.push("queued");
  await messageAdapter.send.text(
    context({ deps: withReplyFacts({ patienceMs: 1_000, onQueued }) }),
  );
  expect(order).toEqual(["queued", "written"]);
});

describe("a send that the host keeps", () => {
  const isHeld = async () =>
    await Promise.race([
      keptSends.settled(`default ${PEER}`).then(() => false),
      new Promise((resolve) => setTimeout(() => resolve(true), 5)),
    ]);

  it("holds its conversation until it is out", async () => {
    removeLive();
    await expect(messageAdapter.send.text(context())).rejects.toThrow("not running");
    expect(await isHeld()).toBe(true);
    removeLive = addLiveAccount(live);
    await messageAdapter.send.text(context());
    expect(await isHeld()).toBe(false);
  });

  it("holds nothing where it is not kept: it cannot be sent at all", async () => {
    await expect(messageAdapter.send.text(context({ text: " " }))).rejects.toThrow("no text");
    expect(await isHeld()).toBe(false);
  });
});

describe("a send that the host knows nothing of any more", () => {
  it("is said to be sent with all ids that it had", async () => {
    const text = `${"one ".repeat(1_200)}\n\n${"two ".repeat(500)}`;
    const { receipt } = await messageAdapter.send.text(context({ text }));
    expect(receipt.platformMessageIds.length).toBeGreaterThan(1);
    const found = await reconcile();
    expect(found).toMatchObject({
      status: "sent",
      receipt: { platformMessageIds: receipt.platformMessageIds },
    });
  });

  it("is said not to be sent where the archive would have it", async () => {
    expect(await reconcile()).toEqual({ status: "not_sent" });
  });

  it("is not said to be sent because another one was", async () => {
    await messageAdapter.send.text(context({ deliveryQueueId: "row-2" }));
    expect(await reconcile()).toEqual({ status: "not_sent" });
  });

  it("is completed where part of it arrived", async () => {
    const text = `${"one ".repeat(900)}\n\n${"two ".repeat(900)}\n\n${"three ".repeat(600)}`;
    await messageAdapter.send.text(context({ text }));
    const all = sent();
    expect(all).toHaveLength(3);
    archived.splice(2);
    expect(await reconcile()).toEqual({ status: "not_sent" });
    const { receipt } = await messageAdapter.send.text(context({ text }));
    expect(sent()).toEqual(all.slice(1));
    expect(receipt.platformMessageIds).toHaveLength(3);
  });

  it.each<[string, () => void, object]>([
    ["there is no connection", () => session.goOffline(), { retryable: true }],
    [
      "the archive does not answer",
      () => void session.onRequest(DISCO_INFO, new XmppConnectionError("timeout", "no answer")),
      { retryable: true },
    ],
    [
      "there is no archive",
      () => void session.onRequest(DISCO_INFO, disco("")),
      { retryable: false },
    ],
    ["the archive need not have it", () => void archived.splice(0), { retryable: false }],
  ])("stays unknown where %s", async (_, arrange, expected) => {
    session.onRequest(
      ARCHIVE,
      `<iq type="result"><prefs xmlns="${ARCHIVE}" default="roster"/></iq>`,
    );
    arrange();
    vi.useFakeTimers();
    try {
      const outcome = reconcile();
      await vi.advanceTimersByTimeAsync(30_000);
      expect(await outcome).toMatchObject({ status: "unresolved", ...expected });
    } finally {
      vi.useRealTimers();
    }
  });
});

it("declares no kind that it cannot reconcile", () => {
  expect(messageAdapter.durableFinal?.reconcileUnknownSendKinds).toEqual({
    text: true,
    media: true,
  });
});

it.each([
  [{}, { status: "allowed" }],
  [
    { enabled: false },
    { status: "permanent_rejection", reason: expect.stringMatching(/disabled/) },
  ],
  [{ jid: "" }, { status: "permanent_rejection", reason: expect.stringMatching(/jid/) }],
])("with %j, deliveries are %j", (keys, expected) => {
  for (const phase of ["live", "recovery"] as const) {
    const admit = messageAdapter.durableFinal?.admitDeferredDelivery;
    expect(admit?.({ cfg: withKeys(keys), channel: "xmpp", to: PEER, phase })).toEqual(expected);
  }
});
