/**
 * What people say about messages, and the small courtesies, in a direct chat and in a room: receipts, read markers,
 * reactions, replies, corrections, retractions, threads, typing and places. The person is slixmpp.
 */
import { parse } from "ltx";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Gateway } from "../support/gateway.ts";
import { ask, hasReachedModel, think } from "../support/conversation.ts";
import { reacts, replaces, retracts } from "../support/message-xml.ts";
import { startOwnStage, type OwnStage } from "../support/own-stage.ts";
import { restrictReactions, type Refusals } from "../support/prosody-refusals.ts";
import { ask as askRoom, say } from "../support/room-talk.ts";
import { childOf, isFromBot, nameOf as nameIn } from "../support/shown-by-bot.ts";
import type { SlixmppClient, StanzaEvent } from "../support/slixmpp.ts";
import type { StubModel } from "../support/stub-model.ts";

const BOT = "courteous@localhost";
const ANSWER_MS = 30_000;

const RECEIPTS = "urn:xmpp:receipts";
const MARKERS = "urn:xmpp:chat-markers:0";
const REACTIONS = "urn:xmpp:reactions:0";
const REPLY = "urn:xmpp:reply:0";

let stage: OwnStage;
let model: StubModel;
let gateway: Gateway;
let alice: SlixmppClient;
let eve: SlixmppClient;
/** For members only, with real JIDs shown. */
let club: string;
/** It allows another reaction than the agent's. */
let shy: string;
let refused: Refusals;

const fromBot = (stanza: StanzaEvent) => isFromBot(stanza, BOT, club);
const nameOf = (stanza: StanzaEvent) => nameIn(stanza, club);

beforeAll(async () => {
  stage = await startOwnStage(BOT, async (prosody) => {
    club = await prosody.room("club", {
      publicJids: true,
      membersOnly: true,
      affiliations: { "alice@localhost": "owner", "eve@localhost": "member", [BOT]: "member" },
    });
    shy = await prosody.room("shy", { publicJids: true });
    refused = await restrictReactions(prosody, shy, { allowed: ["❤️"], most: 1 });
    return {
      channel: {
        dmPolicy: "allowlist",
        allowFrom: ["alice@localhost"],
        groupPolicy: "allowlist",
        groupAllowFrom: ["alice@localhost"],
        rooms: [club, shy],
        mucRooms: { [club]: {}, [shy]: {} },
        removeAckAfterReply: true,
        replyToModeByChatType: { direct: "all" },
      },
    };
  });
  ({ gateway, model } = stage);
  [alice, eve] = await Promise.all([stage.person("alice"), stage.person("eve")]);
  await alice.join(club, "alice");
  await eve.join(club, "eve");
  await askMarkerAnywhere();
}, 120_000);
beforeEach(() => model.clear());
afterEach(() => model.setReply());
afterAll(async () => await stage?.stop());

/** Answers in a direct chat quote here: what an old client shows. */
async function askMarkerAnywhere(): Promise<void> {
  const marker = `marker ${crypto.randomUUID()}`;
  const since = alice.stanzas.length;
  await alice.send({ to: BOT, body: marker });
  await alice.waitFor(({ body = "" }) => body.endsWith(`echo: ${marker}`), {
    since,
    timeoutMs: ANSWER_MS,
  });
}

/** The text of everything that the model was told with its last question. */
const lastAsked = () => JSON.stringify(model.requests.at(-1)?.body ?? {});

type Talk = {
  /** Says it to the agent; gives the stanza's name for others. */
  tell: (who: SlixmppClient, text: string, extra?: string) => Promise<string>;
  ask: (text: string, extra?: string) => Promise<StanzaEvent>;
  /** Something about a message, with no text. */
  mark: (who: SlixmppClient, extra: string) => Promise<void>;
};

const DIRECT: Talk = {
  tell: async (who, text, extra = "") => await who.send({ to: BOT, body: text, extra }),
  ask: async (text, extra) => await ask(alice, BOT, text, extra),
  mark: async (who, extra) => void (await who.send({ to: BOT, extra })),
};
const ROOM: Talk = {
  tell: async (who, text, extra = "") => nameOf(await say(who, club, `bot: ${text}`, extra)),
  ask: async (text, extra) => await askRoom(alice, club, `bot: ${text}`, "bot", extra),
  mark: async (who, extra) => void (await who.send({ to: club, type: "groupchat", extra })),
};
const BOTH: [string, Talk][] = [
  ["a direct chat", DIRECT],
  ["a room", ROOM],
];

describe("receipts and read markers", () => {
  const extra = `<request xmlns="${RECEIPTS}"/><markable xmlns="${MARKERS}"/>`;
  const ids = (since: number, name: string, xmlns: string) =>
    alice.stanzas
      .slice(since)
      .filter(fromBot)
      .flatMap((stanza) => childOf(stanza, name, xmlns)?.attrs["id"] ?? []);

  it("in a direct chat: it arrived, then it was read, then it is answered", async () => {
    const since = alice.stanzas.length;
    const id = await DIRECT.tell(alice, "did you get it?", extra);
    await alice.waitForBody(BOT, { since, timeoutMs: ANSWER_MS });
    expect(ids(since, "received", RECEIPTS)).toEqual([id]);
    expect(ids(since, "displayed", MARKERS)).toEqual([id]);
  });

  it("in a room: read, where everybody knows everybody; never a receipt", async () => {
    const since = alice.stanzas.length;
    const id = await ROOM.tell(alice, "did you get it?", extra);
    await alice.waitForBody(`${club}/bot`, { since, timeoutMs: ANSWER_MS });
    await expect.poll(() => ids(since, "displayed", MARKERS)).toEqual([id]);
    expect(ids(since, "received", RECEIPTS)).toEqual([]);
  });

  it("not to those whom policy does not let in", async () => {
    const since = eve.stanzas.length;
    await DIRECT.tell(eve, "did you get it?", extra);
    await ROOM.tell(eve, "did you get it?", extra);
    await askMarkerAnywhere();
    await eve.ping();
    const answers = eve.stanzas
      .slice(since)
      .filter(({ from, event }) => event === "message" && from.startsWith(BOT));
    expect(answers).toEqual([]);
  });

  it("are asked for by the agent's answers, and shown in its status", async () => {
    const answer = await DIRECT.ask("tell me something");
    expect(childOf(answer, "request", RECEIPTS)).toBeDefined();
    expect(childOf(answer, "markable", MARKERS)).toBeDefined();
    const before = Date.now();
    await DIRECT.mark(alice, `<received xmlns="${RECEIPTS}" id="${answer.stanzaId}"/>`);
    await DIRECT.mark(alice, `<displayed xmlns="${MARKERS}" id="${answer.stanzaId}"/>`);
    const at = async (key: string) => Number((await gateway.accounts("xmpp"))[0]?.[key] ?? 0);
    await expect.poll(async () => await at("lastDisplayedAt")).toBeGreaterThanOrEqual(before);
    expect(await at("lastDeliveredAt")).toBeGreaterThanOrEqual(before);
  });
});

describe.each(BOTH)("reactions in %s", (_, talk) => {
  it("to the agent's message are told with the next turn, those of strangers are not", async () => {
    const answer = await talk.ask("what do you think?");
    const asked = model.requests.length;
    await talk.mark(eve, reacts(nameOf(answer), "💩"));
    await talk.mark(alice, reacts(nameOf(answer), "🎉"));
    await alice.ping();
    expect(model.requests).toHaveLength(asked);
    await talk.ask("go on");
    expect(lastAsked()).toContain("reacted with 🎉 to your message");
    expect(lastAsked()).not.toContain("💩");
  });
});

describe("the agent's reaction", () => {
  it("in a room is on a mention while it works, and goes with its answer", async () => {
    const since = alice.stanzas.length;
    const thinking = think(model);
    const id = await ROOM.tell(alice, "look at this");
    const signs = () =>
      alice.stanzas
        .slice(since)
        .filter(fromBot)
        .flatMap((stanza) => childOf(stanza, "reactions", REACTIONS) ?? [])
        // One that goes with an earlier answer may come late.
        .filter(({ attrs }) => attrs["id"] === id)
        .map((each) => [each.attrs["id"], each.getChildText("reaction")]);
    await thinking.asked();
    await expect.poll(signs, { timeout: ANSWER_MS }).toEqual([[id, "👀"]]);
    thinking.answer(() => "I looked");
    await expect.poll(signs, { timeout: ANSWER_MS }).toEqual([
      [id, "👀"],
      [id, null],
    ]);
  });
});

describe("the agent's reaction, where the room allows others only,", () => {
  it("is not shown, and the mention is answered", async () => {
    await alice.join(shy, "alice");
    const since = alice.stanzas.length;
    await askRoom(alice, shy, "bot: look at this");
    await askRoom(alice, shy, "bot: and at that");
    const signs = alice.stanzas
      .slice(since)
      .filter(({ from }) => from === `${shy}/bot`)
      .filter((stanza) => childOf(stanza, "reactions", REACTIONS) !== undefined);
    expect(signs).toEqual([]);
    expect(await refused.count()).toBe(0);
  });
});

describe.each(BOTH)("replies in %s", (where, talk) => {
  it("to the agent's message have its text, and not the quote of the sender's client", async () => {
    const answer = await talk.ask("the capital of France");
    const quote = "> something made up\n";
    const prefix = where === "a room" ? "bot: ".length : 0;
    const begin = prefix;
    const range = `<body start="${begin}" end="${begin + quote.length}"/>`;
    const extra = `<reply xmlns="${REPLY}" id="${nameOf(answer)}"/><fallback xmlns="urn:xmpp:fallback:0" for="${REPLY}">${range}</fallback>`;
    await talk.ask(`${quote}and of Spain?`, extra);
    expect(lastAsked()).toContain("the capital of France");
    expect(lastAsked()).toContain("and of Spain?");
    expect(lastAsked()).not.toContain("something made up");
  });

  it("of the agent refer to what they answer, and quote it for old clients", async () => {
    const since = alice.stanzas.length;
    const thinking = think(model);
    const id = await talk.tell(alice, "which one?");
    await thinking.asked();
    if (where === "a room") await say(eve, club, "meanwhile");
    thinking.answer(() => "this one");
    const answer = await alice.waitFor(
      (stanza) => fromBot(stanza) && (stanza.body ?? "").endsWith("this one"),
      { since, timeoutMs: ANSWER_MS },
    );
    expect(childOf(answer, "reply", REPLY)?.attrs["id"]).toBe(id);
    const range = childOf(answer, "fallback", "urn:xmpp:fallback:0")?.getChild("body")?.attrs;
    const [begin, end] = [Number(range?.["start"]), Number(range?.["end"])];
    const text = Array.from(parse(answer.xml).getChildText("body") ?? "");
    expect(text.slice(begin, end).join("")).toContain("which one?");
    expect(text.toSpliced(begin, end - begin).join("")).toBe("this one");
  });
});

describe.each(BOTH)("corrections in %s", (where, talk) => {
  const addressed = (text: string) => (where === "a room" ? `bot: ${text}` : text);
  const place = () =>
    where === "a room" ? ({ to: club, type: "groupchat" } as const) : { to: BOT };

  it("of what the agent has had are told with its next turn, and begin none", async () => {
    const id = crypto.randomUUID();
    const since = alice.stanzas.length;
    await alice.send({ ...place(), id, body: addressed("wake me at five") });
    await alice.waitFor((stanza) => fromBot(stanza) && stanza.body !== undefined, {
      since,
      timeoutMs: ANSWER_MS,
    });
    const asked = model.requests.length;
    await alice.send({ ...place(), body: addressed("wake me at six"), extra: replaces(id) });
    await alice.ping();
    await talk.ask("what did I say?");
    expect(model.requests).toHaveLength(asked + 1);
    expect(lastAsked()).toMatch(
      /edited their message .*wake me at five.* now reads .*wake me at six/,
    );
  });

  it("of what still waits take its place, where they are by the same person", async () => {
    const thinking = think(model);
    await talk.tell(alice, "take your time");
    await thinking.asked();
    const id = crypto.randomUUID();
    await alice.send({ ...place(), id, body: addressed("throw EVERYTHING away") });
    const since = alice.stanzas.length;
    await alice.send({ ...place(), body: addressed("throw nothing away"), extra: replaces(id) });
    await eve.send({ ...place(), body: addressed("throw ALL of it away"), extra: replaces(id) });
    await Promise.all([alice.ping(), eve.ping()]);
    thinking.answer(({ userText }) => `echo: ${userText}`);
    await alice.waitFor(
      (stanza) => fromBot(stanza) && stanza.body?.includes("throw nothing away") === true,
      { since, timeoutMs: ANSWER_MS },
    );
    expect(hasReachedModel(model, "EVERYTHING")).toBe(false);
    expect(hasReachedModel(model, "ALL of it")).toBe(false);
  });

  it("of what nobody knows are messages", async () => {
    expect((await talk.ask("brand new", replaces("unknown"))).body).toMatch(/echo: .*brand new$/);
  });
});

describe.each(BOTH)("retractions in %s", (_, talk) => {
  it("of what the agent has had are told with its next turn, and begin none", async () => {
    const since = alice.stanzas.length;
    const id = await talk.tell(alice, "my pin is 1234");
    await alice.waitFor((stanza) => fromBot(stanza) && stanza.body !== undefined, {
      since,
      timeoutMs: ANSWER_MS,
    });
    const asked = model.requests.length;
    await talk.mark(eve, retracts(id));
    await talk.mark(alice, retracts(id));
    await alice.ping();
    await talk.ask("well?");
    expect(model.requests).toHaveLength(asked + 1);
    expect(lastAsked()).toContain("took back their message");
  });
});

describe.each([
  ["as clients of before 2023 write them", "message-retract:0"],
  ["by the room's moderators", "message-moderate:1"],
])("retractions %s", (_, kind) => {
  it("are told, and begin no turn", async () => {
    const since = alice.stanzas.length;
    const id = await ROOM.tell(alice, "my pin is 4321");
    await alice.waitForBody(`${club}/bot`, { since, timeoutMs: ANSWER_MS });
    const asked = model.requests.length;
    if (kind === "message-retract:0") {
      const retract = `<retract xmlns="urn:xmpp:message-retract:0"/>`;
      await ROOM.mark(
        alice,
        `<apply-to xmlns="urn:xmpp:fasten:0" id="${id}">${retract}</apply-to>`,
      );
    } else {
      // Nobody but the room itself may say so; the servers of Debian 12 have no command for it.
      const moderated = `:tag("moderated", { xmlns = "urn:xmpp:message-moderate:1", by = "${club}/alice" })`;
      const retract = `:tag("retract", { xmlns = "urn:xmpp:message-retract:1", id = "${id}" })${moderated}`;
      const message = `require "util.stanza".message({ from = "${club}", type = "groupchat" })${retract}`;
      const service = club.slice(club.indexOf("@") + 1);
      const find = `prosody.hosts["${service}"].modules.muc.get_room_from_jid("${club}")`;
      await stage.prosody.shell(
        `> (function() ${find}:broadcast(${message}); return "said" end)()`,
      );
    }
    await alice.ping();
    await ROOM.ask("well?");
    expect(model.requests).toHaveLength(asked + 1);
    expect(lastAsked()).toMatch(/took back their message|A moderator of .* removed/);
  });
});

describe("what was context in a room", () => {
  it("is forgotten when it is taken back, and reads as corrected", async () => {
    const secret = nameOf(await say(alice, club, "the PASSWORD is swordfish"));
    const wrong = await say(alice, club, "lunch is at TWELVE");
    await ROOM.mark(alice, retracts(secret));
    await say(alice, club, "lunch is at one", replaces(wrong.stanzaId));
    await ROOM.ask("what was said?");
    expect(hasReachedModel(model, "lunch is at one")).toBe(true);
    expect(hasReachedModel(model, "TWELVE")).toBe(false);
    expect(hasReachedModel(model, "swordfish")).toBe(false);
  });
});

describe.each(BOTH)("threads in %s", (_, talk) => {
  it("are kept by answers", async () => {
    const answer = await talk.ask("in a thread", "<thread parent='t0'>t-7</thread>");
    expect(parse(answer.xml).getChildText("thread")).toBe("t-7");
  });
});

describe.each(BOTH)("typing in %s", (_, talk) => {
  const stateOf = ({ xml }: StanzaEvent) =>
    parse(xml)
      .getChildElements()
      .find((child) => child.getNS() === "http://jabber.org/protocol/chatstates")?.name;

  it("of a person is no question; the agent's is kept by nobody", async () => {
    const asked = model.requests.length;
    for (const state of ["composing", "paused", "active", "gone"]) {
      await talk.mark(alice, `<${state} xmlns="http://jabber.org/protocol/chatstates"/>`);
    }
    const since = alice.stanzas.length;
    await talk.ask("hello");
    expect(model.requests).toHaveLength(asked + 1);
    const composing = alice.stanzas
      .slice(since)
      .find((stanza) => fromBot(stanza) && stateOf(stanza) === "composing");
    expect(composing && childOf(composing, "no-store", "urn:xmpp:hints")).toBeDefined();
  });
});

describe.each(BOTH)("styling in %s", (_, talk) => {
  it("of a person is Markdown to the agent, and the agent's Markdown is styling", async () => {
    model.setReply(() => "**done**, *slowly*");
    const answer = await talk.ask("*now*, ~not~ later");
    expect(answer.body).toMatch(/\*done\*, _slowly_$/);
    expect(lastAsked()).toContain("**now**, ~~not~~ later");
  });
});

describe("what nobody is to keep (XEP-0334)", () => {
  const noStore = `<no-store xmlns="urn:xmpp:hints"/>`;

  it("is no context in a room", async () => {
    await say(alice, club, "between us: herring", noStore);
    await say(alice, club, "for the record");
    await ROOM.ask("what was said?");
    expect(lastAsked()).toContain("for the record");
    expect(lastAsked()).not.toContain("herring");
  });

  it("is read in a direct chat without a trace in the archive", async () => {
    const since = alice.stanzas.length;
    await DIRECT.ask("between us", `<markable xmlns="${MARKERS}"/>${noStore}`);
    const read = alice.stanzas.slice(since).find((each) => childOf(each, "displayed", MARKERS));
    expect(read && childOf(read, "no-store", "urn:xmpp:hints")).toBeDefined();
  });
});

describe.each(BOTH)("a place in %s", (_, talk) => {
  it("is told in coordinates", async () => {
    await talk.ask(
      "I am here",
      "<geoloc xmlns='http://jabber.org/protocol/geoloc'><lat>52.52</lat><lon>13.405</lon></geoloc>",
    );
    expect(lastAsked()).toContain("📍 52.520000, 13.405000");
  });
});

describe("service discovery", () => {
  it("names what is done", async () => {
    const since = alice.stanzas.length;
    await alice.presence({ to: BOT, type: "subscribe" });
    const { from } = await alice.waitFor(
      ({ event, from: jid, type }) =>
        event === "presence" && jid.startsWith(`${BOT}/`) && type === "",
      { since },
    );
    const { xml } = await alice.iq(
      from,
      "get",
      "<query xmlns='http://jabber.org/protocol/disco#info'/>",
    );
    for (const feature of [
      RECEIPTS,
      MARKERS,
      REACTIONS,
      REPLY,
      "urn:xmpp:message-correct:0",
      "urn:xmpp:message-retract:1",
    ]) {
      expect(xml).toContain(feature);
    }
  });
});

it("an agent is asked by a place alone", async () => {
  const since = alice.stanzas.length;
  await alice.send({ to: BOT, body: "geo:48.2082,16.3738" });
  await alice.waitForBody(BOT, { since, timeoutMs: ANSWER_MS });
  expect(lastAsked()).toContain("📍 48.208200, 16.373800");
});
