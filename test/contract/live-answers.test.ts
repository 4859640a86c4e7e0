/** What the message adapter promises the host about answers that grow, and a proof of each promise. */
import {
  verifyChannelMessageLiveCapabilityAdapterProofs,
  verifyChannelMessageLiveFinalizerProofs,
} from "openclaw/plugin-sdk/channel-outbound";
import { parse } from "ltx";
import { afterEach, expect, it, vi } from "vitest";
import { resolveAccount } from "../../src/host/account.ts";
import { addLiveAccount, type LiveAccount } from "../../src/host/live-accounts.ts";
import { messageAdapter } from "../../src/host/message-adapter.ts";
import { setRuntime } from "../../src/host/runtime.ts";
import { XmppStanzaError } from "../../src/errors.ts";
import { parseJid, type FullJid } from "../../src/protocol/jid.ts";
import { decodeMessage } from "../../src/protocol/stanza.ts";
import { createGrowingAnswers } from "../../src/state/growing-answers.ts";
import { createFakeLog } from "../support/fake-session.ts";
import { body, createRoadIn, message, withKeys } from "../support/road-in.ts";

const PEER = "alice@example";
const PHONE = parseJid(`${PEER}/phone`)?.full as FullJid;

const ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended.splice(0)) end();
  vi.useRealTimers();
});

let rows = 0;

/** A turn of a person whose phone follows, as far as `keys` and the phone let it. */
async function beginTurn(keys: object = {}, { follows = true } = {}) {
  const all = { dmPolicy: "open", allowFrom: ["*"], ...keys };
  const row = `row-${++rows}`;
  const turn = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<Parameters<NonNullable<Dispatched>>[0]>();
  const road = createRoadIn({
    keys: all,
    context: {
      findReaders: async () => (follows ? [{ jid: PHONE, stay: "phone 1", retracts: false }] : []),
    },
    dispatch: async (dispatch) => {
      begun.resolve(dispatch);
      await turn.promise;
    },
  });
  const { session, outbox, database } = road;
  const channel = {
    text: { convertMarkdownTables: (text: string) => text, resolveMarkdownTableMode: () => "off" },
  };
  setRuntime({ channel } as never);
  const cfg = withKeys(all);
  const account = resolveAccount(cfg);
  const onOutbound = () => undefined;
  const growing = createGrowingAnswers(database, { now: Date.now, log: createFakeLog() });
  const live = { ...outbox, account, onOutbound, growing } as unknown as LiveAccount;
  ended.push(addLiveAccount(live));
  // The host's own renderer of progress keeps the clock that it was made with.
  vi.useFakeTimers({ shouldAdvanceTime: true });
  await session.receive(message(PHONE, body("hi") + "<origin-id xmlns='urn:xmpp:sid:0' id='o'/>"));
  const dispatch = await begun.promise;
  const messages = () =>
    session
      .takeSent()
      .filter((xml) => xml.startsWith("<message"))
      .map((xml) => decodeMessage(parse(xml)))
      .filter((each) => each.body !== undefined);
  messages();
  return {
    session,
    events: road.events,
    outbox,
    options: dispatch.replyOptions,
    messages,
    pass: async (ms: number) => void (await vi.advanceTimersByTimeAsync(ms)),
    end: turn.resolve,
    /** The final answer, on the way that the host takes with it. */
    async answer(text: string) {
      const payload = await dispatch.delivery.preparePayload({ text }, { kind: "final" });
      if (!payload) throw new Error("nothing to say");
      const way = dispatch.delivery.durable(payload, { kind: "final" });
      if (!way) throw new Error("not durable");
      const { to, deps } = way;
      const sending = messageAdapter.send.text({
        cfg,
        to,
        deps: deps as never,
        text: payload.text,
        deliveryQueueId: row,
      });
      sending.catch(() => undefined);
      await vi.advanceTimersByTimeAsync(5_000);
      return await sending;
    },
    /** A final answer that the host prepares, and then does not hand over. */
    async dropAnswer(text: string) {
      const { delivery } = dispatch;
      const payload = await delivery.preparePayload({ text }, { kind: "final" });
      if (!payload || !delivery.durable(payload, { kind: "final" })) throw new Error("not durable");
      delivery.onError(new Error("cancelled"), { kind: "final" });
    },
    /** A file without a word, on the same way. */
    async answerFile(mediaUrl: string) {
      const payload = { text: "", mediaUrl };
      const way = dispatch.delivery.durable(payload, { kind: "final" });
      if (!way) throw new Error("not durable");
      const { to, deps } = way;
      const of = { cfg, to, deps: deps as never, text: "", mediaUrl, deliveryQueueId: row };
      const sending = messageAdapter.send.media(of);
      await vi.advanceTimersByTimeAsync(5_000);
      return await sending;
    },
    /** As if an earlier process had shown the beginning of an answer, and died. */
    leave: (id: string) =>
      database.transact((sql) =>
        sql.run(
          "INSERT INTO growing_answers (id, process, target, since) VALUES (?, 'earlier', ?, ?)",
          id,
          PEER,
          Date.now(),
        ),
      ),
    /** As the host tries a delivery again: without what only this process knew. */
    async again(text: string, deliveryQueueId = row) {
      const sending = messageAdapter.send.text({ cfg, to: PEER, text, deliveryQueueId });
      await vi.advanceTimersByTimeAsync(5_000);
      return await sending;
    },
  };
}
type Dispatched = NonNullable<Parameters<typeof createRoadIn>[0]>["dispatch"];

type Proofs = Record<string, () => Promise<void>>;

/** Each proof is asked for by what is declared, and holds. */
async function expectProven(
  verify: (params: {
    adapterName: string;
    adapter: typeof messageAdapter;
    proofs: Proofs;
  }) => Promise<{ capability: string; status: string }[]>,
  proofs: Proofs,
): Promise<void> {
  const inRealTime = Object.entries(proofs).map(([name, prove]) => [
    name,
    async () => {
      await prove();
      vi.useRealTimers();
    },
  ]);
  const results = await verify({
    adapterName: "xmpp",
    adapter: messageAdapter,
    proofs: Object.fromEntries(inRealTime) as Proofs,
  });
  const verified = results.filter(({ status }) => status === "verified");
  expect(verified.map(({ capability }) => capability).toSorted()).toEqual(
    Object.keys(proofs).toSorted(),
  );
}

it("proves each live capability that is declared", async () => {
  const proofs = {
    draftPreview: async () => {
      const { options, messages, pass } = await beginTurn();
      options.onPartialReply?.({ text: "One" });
      await pass(1_000);
      options.onPartialReply?.({ text: "One two" });
      await pass(1_100);
      const [first, second, ...none] = messages();
      expect(none).toEqual([]);
      expect(first).toMatchObject({ to: { full: PHONE }, body: "…", replaceId: undefined });
      expect(second).toMatchObject({
        to: { full: PHONE },
        body: "One two …",
        replaceId: first?.id,
      });
      expect(second?.hints).toEqual(["no-store", "no-copy"]);
    },
    previewFinalization: async () => {
      const { options, messages, pass, answer } = await beginTurn();
      options.onPartialReply?.({ text: "One" });
      await pass(1_100);
      const [first] = messages();
      await answer("One two three.");
      const [final, ...none] = messages();
      expect(none).toEqual([]);
      expect(final).toMatchObject({ to: { full: PEER }, body: "One two three.", hints: ["store"] });
      expect(final?.replaceId).toBe(first?.id);
    },
    progressUpdates: async () => {
      const streaming = { mode: "progress", progress: { toolProgress: true, label: "Working" } };
      const { options, messages, pass, answer } = await beginTurn({ streaming });
      for (const name of ["read", "web_search"]) {
        options.onToolStart({ name });
        // @ts-expect-error as the host says it beside
        void options.onItemEvent({ itemId: name, kind: "tool", name, phase: "start", title: name });
      }
      options.onPartialReply?.({ text: "Not to be seen" });
      await pass(10_000);
      const states = messages();
      expect(states.length).toBeGreaterThan(0);
      expect(states.at(-1)?.body).toContain("Working");
      expect(states.map((state) => state.body).join()).not.toContain("Not to be seen");
      await answer("Done.");
      expect(messages()).toMatchObject([{ body: "Done.", replaceId: states[0]?.id }]);
    },
  };
  await expectProven(verifyChannelMessageLiveCapabilityAdapterProofs, proofs);
});

it("proves each way to the final answer that is declared", async () => {
  const proofs = {
    finalEdit: async () => {
      const { options, messages, pass, answer, again, session } = await beginTurn();
      options.onPartialReply?.({ text: "One" });
      await pass(1_100);
      const [first] = messages();
      const { send } = session;
      session.send = async (stanza) => {
        await send(stanza);
        throw new XmppStanzaError("wait", "resource-constraint");
      };
      await expect(answer("One two.")).rejects.toThrow("resource-constraint");
      expect(messages()).toMatchObject([{ replaceId: first?.id }]);
      session.send = send;
      // Where the host tries it again, it is still the same message; and no other one is.
      await again("Something else", "another-row");
      await again("One two.");
      await again("One two.");
      expect(messages().map(({ replaceId }) => replaceId)).toEqual([
        undefined,
        first?.id,
        undefined,
      ]);
    },
    normalFallback: async () => {
      const { options, messages, answer } = await beginTurn({}, { follows: false });
      // Where nobody follows, the host shows what it does as it would anyway.
      expect(options.onPartialReply).toBeUndefined();
      await answer("One two.");
      expect(messages()).toMatchObject([
        { body: "One two.", replaceId: undefined, hints: ["store"] },
      ]);
    },
    discardPending: async () => {
      const { options, messages, pass, answer } = await beginTurn();
      options.onPartialReply?.({ text: "One" });
      await pass(1_100);
      options.onPartialReply?.({ text: "One two" });
      messages();
      await answer("One two three.");
      await pass(10_000);
      expect(messages()).toMatchObject([{ body: "One two three." }]);
    },
    previewReceipt: async () => {
      const { options, messages, pass, answer } = await beginTurn();
      options.onPartialReply?.({ text: "One" });
      await pass(1_100);
      const [first] = messages();
      const { receipt, messageId } = await answer("One two.");
      expect([messageId, receipt.platformMessageIds]).toEqual([first?.id, [first?.id]]);
    },
  };
  await expectProven(verifyChannelMessageLiveFinalizerProofs, proofs);
});

it("what a crash cut off is left alone once another question was answered below it", async () => {
  const { leave, messages, answer, again } = await beginTurn();
  leave("cut-off");
  await answer("One two.");
  await again("It is noon.", "cron-row");
  expect(messages().map(({ body: text, replaceId }) => [text, replaceId])).toEqual([
    ["One two.", undefined],
    ["It is noon.", undefined],
  ]);
});

it("a file takes no text's place: clients would show its URL", async () => {
  const { options, messages, pass, answerFile, end } = await beginTurn();
  options.onPartialReply?.({ text: "One" });
  await pass(1_100);
  const [first] = messages();
  await answerFile("https://127.0.0.1:1/cat.png");
  end();
  await pass(3_000);
  const after = messages();
  expect(after[0]).toMatchObject({ body: "https://127.0.0.1:1/cat.png", replaceId: undefined });
  expect(after.at(-1)).toMatchObject({ body: "…", replaceId: first?.id });
});

it("half an answer does not stay above the whole one where the correction is refused", async () => {
  const { options, messages, pass, answer, session } = await beginTurn();
  options.onPartialReply?.({ text: "One" });
  await pass(1_100);
  options.onPartialReply?.({ text: "One two" });
  await pass(1_100);
  const [first] = messages();
  const { send } = session;
  let isRefused = true;
  session.send = async (stanza) => {
    await send(stanza);
    if (isRefused) throw new XmppStanzaError("cancel", "not-acceptable");
  };
  const { post } = session;
  session.post = (stanza) => {
    isRefused = false;
    post(stanza);
  };
  await answer("One two three.");
  expect(messages().map(({ body: text, replaceId }) => [text, replaceId])).toEqual([
    ["One two three.", first?.id],
    ["…", first?.id],
    ["One two three.", undefined],
  ]);
});

it("the agent hears of a reaction to what still grows", async () => {
  const { options, messages, pass, session, events } = await beginTurn();
  options.onPartialReply?.({ text: "One" });
  await pass(1_100);
  const [first] = messages();
  const sign = `<reactions xmlns="urn:xmpp:reactions:0" id="${first?.id}"><reaction>👎</reaction></reactions>`;
  await session.receive(message(PHONE, sign));
  await pass(100);
  expect(events).toEqual([`${PEER} reacted with 👎 to an earlier message of yours.`]);
});

it("an answer that never comes leaves nothing half said behind", async () => {
  const { options, messages, pass, end } = await beginTurn();
  options.onPartialReply?.({ text: "One" });
  await pass(1_100);
  const [first] = messages();
  end();
  await pass(100);
  expect(messages()).toMatchObject([{ body: "…", replaceId: first?.id }]);
});

it("nor does one that the host drops on its way", async () => {
  const { options, messages, pass, dropAnswer, end } = await beginTurn();
  options.onPartialReply?.({ text: "One" });
  await pass(1_100);
  const [first] = messages();
  await dropAnswer("One two.");
  end();
  await pass(100);
  expect(messages()).toMatchObject([{ body: "…", replaceId: first?.id }]);
});

it.each([
  ["off, where the operator says so", { streaming: { mode: "off" } }],
  [
    "off, where parts of the answer are sent as they are ready",
    { streaming: { block: { enabled: true } } },
  ],
])("what grows is %s", async (_, keys) => {
  const { options } = await beginTurn(keys);
  expect(options.onPartialReply).toBeUndefined();
});
