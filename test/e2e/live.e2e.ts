/** Answers that grow: what each person sees, whatever their client knows and whatever breaks meanwhile. */
import { parse } from "ltx";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { view, viewArchive } from "../support/chat-view.ts";
import { ask } from "../support/conversation.ts";
import type { Gateway } from "../support/gateway.ts";
import { type Profanity, startProfanity } from "../support/profanity.ts";
import { startOwnStage, type OwnStage } from "../support/own-stage.ts";
import { refuseFinalCorrections } from "../support/prosody-refusals.ts";
import type { SlixmppClient, SlixmppLogin } from "../support/slixmpp.ts";
import { createSpeaker, speakSlowly, type Speaker } from "../support/speaker.ts";
import type { StubModel } from "../support/stub-model.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { waitFor } from "../support/wait.ts";

const BOT = "bot@localhost";
const ANSWER_MS = 30_000;
const KNOWS = { corrects: true };
const DOES_NOT = { corrects: false };
const WHOLE = "One two three.";

let stage: OwnStage;
let model: StubModel;
let line: TcpProxy;
let gateway: Gateway;
let room: string;

beforeAll(async () => {
  stage = await startOwnStage(BOT, async (prosody) => {
    line = await startTcpProxy(prosody.ports.c2s);
    room = await prosody.room("growing", { publicJids: true });
    return {
      channel: {
        server: `127.0.0.1:${line.port}`,
        dmPolicy: "open",
        allowFrom: ["*"],
        groupPolicy: "open",
        rooms: [room],
        mucRooms: { [room]: { requireMention: false, streaming: { mode: "partial" } } },
      },
    };
  });
  ({ gateway, model } = stage);
});
afterEach(() => model.setReply());
afterAll(async () => {
  await stage?.stop();
  await line?.stop();
});

/** Somebody who has the agent in the roster, and has been answered before. */
async function contact(user: string, login: Partial<SlixmppLogin> = {}): Promise<SlixmppClient> {
  const person = await stage.person(user, login);
  await person.raw(`<presence to="${BOT}" type="subscribe"/>`);
  await person.waitFor(({ event, type }) => event === "presence" && type === "subscribe");
  // The agent hears of the presence before what is said after it.
  await person.ping();
  await ask(person, BOT, "hello");
  return person;
}

/** Asks, and lets the model say so much, until the person's clients have seen it. */
async function beginAnswer(person: SlixmppClient): Promise<{ speaker: Speaker; since: number }> {
  const since = person.stanzas.length;
  const speaker = createSpeaker();
  model.setReply(() => speaker.speech());
  await person.send({ to: BOT, body: "tell me" });
  speaker.say("One");
  await person.waitFor(({ body }) => body === "One …", { since, timeoutMs: ANSWER_MS });
  speaker.say(" two");
  await person.waitFor(({ body }) => body === "One two …", { since, timeoutMs: ANSWER_MS });
  return { speaker, since };
}

const finish = ({ speaker }: { speaker: Speaker }) => {
  speaker.say(" three.");
  speaker.end();
};
const until = async (person: SlixmppClient, text: string, since: number, timeoutMs = ANSWER_MS) =>
  await person.waitFor(({ body }) => body === text, { since, timeoutMs });
const texts = (messages: { text: string }[]) => messages.map(({ text }) => text);

describe("in a direct chat", () => {
  let carla: SlixmppClient;
  beforeAll(async () => {
    carla = await contact("carla", { corrections: true });
  });

  it("an answer is one message, whose last state is the whole answer; the archive has nothing between", async () => {
    const begun = await beginAnswer(carla);
    finish(begun);
    const final = await until(carla, WHOLE, begun.since);
    const [message, ...none] = view(carla.stanzas.slice(begun.since), BOT, KNOWS);
    expect(none).toEqual([]);
    expect(message?.versions.map(({ text, isStored }) => [text, isStored])).toEqual([
      ["…", true],
      ["One …", false],
      ["One two …", false],
      [WHOLE, true],
    ]);
    const xml = parse(final.xml);
    expect(xml.getChild("replace", "urn:xmpp:message-correct:0")?.attrs["id"]).toBe(message?.id);
    expect(xml.getChild("store", "urn:xmpp:hints")).toBeDefined();
    const archived = (await viewArchive(carla, BOT, KNOWS)).at(-1);
    expect(archived?.versions.map(({ text }) => text)).toEqual(["…", WHOLE]);
    expect(texts(await viewArchive(carla, BOT, DOES_NOT)).slice(-2)).toEqual(["…", WHOLE]);
  });

  it("somebody's second client, which knows no corrections, is sent the answer alone", async () => {
    const plain = await stage.person("carla");
    await plain.ping();
    const before = plain.stanzas.length;
    const begun = await beginAnswer(carla);
    finish(begun);
    await until(carla, WHOLE, begun.since);
    await until(plain, WHOLE, before);
    expect(texts(view(plain.stanzas.slice(before), BOT, DOES_NOT))).toEqual([WHOLE]);
    expect(texts(view(carla.stanzas.slice(begun.since), BOT, KNOWS))).toEqual([WHOLE]);
    await plain.stop();
  });

  it("one that comes online meanwhile, or later, finds one answer", async () => {
    const begun = await beginAnswer(carla);
    const late = await stage.person("carla", { corrections: true });
    finish(begun);
    await until(carla, WHOLE, begun.since);
    await until(late, WHOLE, 0);
    expect(texts(view(late.stanzas, BOT, KNOWS))).toEqual([WHOLE]);
    expect(texts(view(carla.stanzas.slice(begun.since), BOT, KNOWS))).toEqual([WHOLE]);
    await late.stop();
  });

  it("an answer to somebody who goes offline meanwhile is there when they come back", async () => {
    const before = texts(await viewArchive(carla, BOT, KNOWS));
    const begun = await beginAnswer(carla);
    await carla.presence({ type: "unavailable" });
    await carla.ping();
    finish(begun);
    // A server with archives (Prosody) keeps nothing else for who is offline.
    const archive = async () => texts(await viewArchive(carla, BOT, KNOWS));
    const isThere = async () =>
      (await archive()).length > before.length && (await archive()).at(-1) === WHOLE;
    await waitFor(isThere, { what: "the answer in the archive", timeoutMs: ANSWER_MS });
    await carla.presence();
    expect(await archive()).toEqual([...before, WHOLE]);
  });

  it("a long one ends as several messages, each of them once", async () => {
    const since = carla.stanzas.length;
    const speaker = createSpeaker();
    model.setReply(() => speaker.speech());
    await carla.send({ to: BOT, body: "tell me more" });
    const words = Array.from({ length: 1_500 }, (_, number) => `word${number}`).join(" ");
    speaker.say(words.slice(0, 200));
    await carla.waitFor(({ body }) => body?.startsWith("word0 word1") === true, {
      since,
      timeoutMs: ANSWER_MS,
    });
    speaker.say(words.slice(200));
    speaker.end();
    const isLast = ({ body }: { body?: string | undefined }) => body?.endsWith("word1499") === true;
    await carla.waitFor(isLast, { since, timeoutMs: ANSWER_MS });
    const seen = texts(view(carla.stanzas.slice(since), BOT, KNOWS));
    expect(seen.length).toBeGreaterThan(2);
    expect(seen.join(" ").split(/\s+/)).toEqual(words.split(" "));
  });

  it("a line that is cut between two states and the answer changes nothing", async () => {
    const begun = await beginAnswer(carla);
    line.cut();
    finish(begun);
    await until(carla, WHOLE, begun.since, 90_000);
    expect(texts(view(carla.stanzas.slice(begun.since), BOT, KNOWS))).toEqual([WHOLE]);
  });

  it("a stream that is lost for good ends the growing, and the answer still takes its place", async () => {
    const begun = await beginAnswer(carla);
    const connections = line.connections;
    await stage.prosody.closeSessions(BOT);
    await waitFor(() => line.connections > connections, { what: "the next connection" });
    await gateway.waitForChannel("xmpp");
    finish(begun);
    await until(carla, WHOLE, begun.since, 90_000);
    expect(texts(view(carla.stanzas.slice(begun.since), BOT, KNOWS))).toEqual([WHOLE]);
  });

  it("where the last correction is refused, the whole answer is a message, and half of it is nowhere", async () => {
    const before = texts(await viewArchive(carla, BOT, KNOWS)).length;
    const refusals = await refuseFinalCorrections(stage.prosody, "bot");
    const begun = await beginAnswer(carla);
    finish(begun);
    await until(carla, WHOLE, begun.since);
    expect(await refusals.count()).toBe(1);
    await refusals.stop();
    model.setReply();
    await carla.send({ to: BOT, body: "and now?" });
    await until(carla, "echo: and now?", begun.since);
    const seen = texts(view(carla.stanzas.slice(begun.since), BOT, KNOWS));
    expect(seen.slice(0, 2)).toEqual(["…", WHOLE]);
    expect(seen.filter((text) => text.includes("One"))).toEqual([WHOLE]);
    // What had begun to grow is taken away there, or is left as "…".
    const archived = texts(await viewArchive(carla, BOT, KNOWS)).slice(before);
    expect(archived.filter((text) => text !== "…")).toEqual([WHOLE, "echo: and now?"]);
  });

  it("after a kill -9 the answer takes the place of what was cut off", async () => {
    const begun = await beginAnswer(carla);
    await gateway.halt("SIGKILL");
    model.setReply(() => "resumed");
    begun.speaker.end();
    await gateway.resume();
    await until(carla, "resumed", begun.since, 90_000);
    const seen = texts(view(carla.stanzas.slice(begun.since), BOT, KNOWS));
    // The host says so first.
    expect(seen.at(-1)).toBe("resumed");
    expect(seen.filter((text) => text === "resumed")).toHaveLength(1);
    expect(seen.join("\n")).not.toContain("…\n");
    expect(seen.join("\n")).not.toContain("One");
  });
});

it("a person whose client knows no corrections is sent the answer once", async () => {
  const dora = await contact("dora");
  const since = dora.stanzas.length;
  model.setReply(() => speakSlowly(["One", " two", " three."], 1_500));
  await dora.send({ to: BOT, body: "tell me" });
  await until(dora, WHOLE, since);
  model.setReply();
  await ask(dora, BOT, "and now?");
  expect(texts(view(dora.stanzas.slice(since), BOT, DOES_NOT))).toEqual([WHOLE, "echo: and now?"]);
});

it("in a room that wants it, it is one message for everybody", async () => {
  const edda = await stage.person("edda");
  await edda.join(room, "edda");
  const since = edda.stanzas.length;
  const speaker = createSpeaker();
  model.setReply(() => speaker.speech());
  await edda.send({ to: room, type: "groupchat", body: "tell us" });
  speaker.say("One");
  await until(edda, "One …", since);
  finish({ speaker });
  const whole = "One three.";
  await until(edda, whole, since);
  const seen = view(edda.stanzas.slice(since), `${room}/bot`, KNOWS);
  expect(texts(seen)).toEqual([whole]);
  const archived = await viewArchive(edda, `${room}/bot`, { ...KNOWS, room });
  expect(archived.map(({ versions }) => versions.map(({ text }) => text))).toEqual([["…", whole]]);
});

it("where a room refuses the last correction, the whole answer is a message there, once", async () => {
  const finn = await stage.person("finn");
  await finn.join(room, "finn");
  const since = finn.stanzas.length;
  const refusals = await refuseFinalCorrections(stage.prosody, "bot");
  const speaker = createSpeaker();
  model.setReply(() => speaker.speech());
  await finn.send({ to: room, type: "groupchat", body: "tell us" });
  speaker.say("One");
  await until(finn, "One …", since);
  finish({ speaker });
  const whole = "One three.";
  await until(finn, whole, since);
  expect(await refusals.count()).toBe(1);
  await refusals.stop();
  expect(texts(view(finn.stanzas.slice(since), `${room}/bot`, KNOWS))).toEqual(["…", whole]);
});

describe("a person on profanity", () => {
  let petra: Profanity;
  beforeAll(async () => {
    const jid = await stage.prosody.register("petra", "petra");
    petra = await startProfanity({ jid, password: "petra", port: stage.prosody.ports.c2s });
    await petra.type(`/sub request ${BOT}`);
    await petra.waitForScreen(/subscription/i);
    await petra.type(`/sub allow ${BOT}`);
    await petra.type(`/msg ${BOT} hello`);
    await petra.waitForScreen(/echo: hello/, ANSWER_MS);
  });
  afterAll(async () => await petra?.stop());

  it.each(["on", "off"])("with corrections %s reads the answer once", async (setting) => {
    await petra.type(`/correction ${setting}`);
    model.setReply(() => speakSlowly([`Said ${setting}: one`, " two", " three."], 1_500));
    await petra.type(`tell me, ${setting}`);
    const screen = await petra.waitForScreen(
      new RegExp(`Said ${setting}: one two three\\.`),
      ANSWER_MS,
    );
    expect(screen.match(new RegExp(`Said ${setting}:`, "g"))).toHaveLength(1);
    expect(screen).not.toContain("…");
  });
});
