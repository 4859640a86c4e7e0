/**
 * When an agent speaks in a room, and when it holds its tongue: mentions and replies, other programs,
 * events of a room, /activation, and several agents behind one nick. The accounts and rooms are those
 * of test/support/room-stage.ts.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Gateway } from "../support/gateway.ts";
import { type RoomStage, getRoomStage, startOtherGateway } from "../support/room-stage.ts";
import {
  ANSWER_MS,
  ask,
  everything,
  expectNoAnswer as expectNoAnswerOf,
  isFrom,
  lastRequest,
  say,
  stanzaIdOf,
} from "../support/room-talk.ts";
import type { SlixmppClient } from "../support/slixmpp.ts";
import { type StubModel, echo, startStubModel } from "../support/stub-model.ts";
import { waitFor } from "../support/wait.ts";

let stage: RoomStage;
let model: StubModel;
let otherModel: StubModel;
let otherGateway: Gateway;
let alice: SlixmppClient;
let bob: SlixmppClient;

beforeAll(async () => {
  [stage, otherModel] = await Promise.all([getRoomStage(), startStubModel()]);
  model = stage.model;
  [otherGateway, alice, bob] = await Promise.all([
    startOtherGateway(stage, otherModel),
    stage.person("alice"),
    stage.person("bob"),
  ]);
  for (const room of Object.values(stage.rooms)) {
    await alice.join(room, "alice");
    await bob.join(room, "bob");
  }
});
afterEach(() => {
  model.setReply();
  otherModel.setReply();
});
afterAll(async () => {
  await Promise.all([otherGateway?.stop(), alice?.stop(), bob?.stop()]);
  await otherModel?.stop();
});

const expectNoAnswer = (
  who: SlixmppClient,
  from: string,
  provoke: () => Promise<unknown>,
  marker: (text: string) => Promise<unknown>,
) => expectNoAnswerOf(model, who, from, provoke, marker);

/** A reference to `name` in `body` (XEP-0372). */
function referenceTo(jid: string, body: string, name: string): string {
  const begin = [...body.slice(0, body.indexOf(name))].length;
  const range = `begin='${begin}' end='${begin + [...name].length}'`;
  return `<reference xmlns='urn:xmpp:reference:0' type='mention' ${range} uri='xmpp:${jid}'/>`;
}

const replyTo = (id: string, to: string) =>
  `<reply xmlns='urn:xmpp:reply:0' id='${id}' to='${to}'/>`;

/** What somebody, or everybody, in the room said after `since`. */
function saidIn(room: string, since: number): { nick: string; body: string }[] {
  return alice.stanzas
    .slice(since)
    .filter((stanza) => isFrom(room)(stanza) && stanza.type === "groupchat")
    .map(({ from, body = "" }) => ({ nick: from.slice(room.length + 1), body }));
}

describe("who is meant", () => {
  test("a reference to the occupant, whatever the text calls it, and the text goes without", async () => {
    const { team } = stage.rooms;
    for (const [body, name, left] of [
      ["Klaus 🦀, wake up", "Klaus 🦀", "wake up"],
      ["🦀🦀 good morning, Klaus", "Klaus", "🦀🦀 good morning"],
    ] as const) {
      const extra = referenceTo(`${team}/bot`, body, name);
      expect((await ask(alice, team, body, "bot", extra)).body).toBe(`echo: ${left}`);
      expect(lastRequest(model).userText).toBe(left);
    }
  });

  test("not a reference to somebody else", async () => {
    const { team } = stage.rooms;
    const body = "Klaus, wake up";
    await expectNoAnswer(
      alice,
      `${team}/bot`,
      () => say(alice, team, body, referenceTo(`${team}/bob`, body, "Klaus")),
      (text) => ask(alice, team, `bot: ${text}`),
    );
  });

  test("a reply to what it said, by the room's id; not a reply to others", async () => {
    const { team } = stage.rooms;
    const answer = await ask(alice, team, "bot: say something");
    const reply = replyTo(stanzaIdOf(answer), `${team}/bot`);
    expect((await ask(bob, team, "what do you mean?", "bot", reply)).body).toBe(
      "echo: what do you mean?",
    );
    // The id alone says it as well, where the replier does not say whom.
    const idOnly = `<reply xmlns='urn:xmpp:reply:0' id='${stanzaIdOf(answer)}'/>`;
    expect((await ask(bob, team, "and this?", "bot", idOnly)).body).toBe("echo: and this?");
    const others = await say(bob, team, "lunch?");
    await expectNoAnswer(
      alice,
      `${team}/bot`,
      () => say(alice, team, "at noon", replyTo(stanzaIdOf(others), `${team}/bob`)),
      (text) => ask(alice, team, `bot: ${text}`),
    );
  });

  test("no reply, where implicitMentions.replyToBot is false", async () => {
    const { team } = stage.rooms;
    const answer = await ask(alice, team, "shy: say something", "shy");
    await expectNoAnswer(
      alice,
      `${team}/shy`,
      () => say(alice, team, "what do you mean?", replyTo(stanzaIdOf(answer), `${team}/shy`)),
      (text) => ask(alice, team, `shy: ${text}`, "shy"),
    );
  });

  test("not whose nick begins like its own, as long as they are there", async () => {
    const { team } = stage.rooms;
    const carol = await stage.person("carol");
    await carol.join(team, "bot two");
    await expectNoAnswer(
      alice,
      `${team}/bot`,
      async () => {
        await say(alice, team, "bot two: hi");
        await say(alice, team, "what about lunch, Bot Two?");
      },
      (text) => ask(alice, team, `bot two, and bot: ${text}`),
    );
    await carol.leave(team, "bot two");
    await carol.stop();
    await alice.waitFor(({ type, from }) => type === "unavailable" && from === `${team}/bot two`);
    expect((await ask(alice, team, "bot two: hi")).body).toContain("two: hi");
  });
});

describe("an answer", () => {
  test("refers to what was asked, in its first message only", async () => {
    const { team } = stage.rooms;
    model.setReply(() => `${"many words ".repeat(700)}the end`);
    const since = alice.stanzas.length;
    const asked = await say(alice, team, "bot: tell me a story");
    await alice.waitFor(({ body }) => body?.endsWith("the end") === true, {
      since,
      timeoutMs: ANSWER_MS,
    });
    const parts = alice.stanzas.slice(since).filter(isFrom(`${team}/bot`));
    expect(parts.length).toBeGreaterThan(1);
    const replies = parts.map(({ xml }) => /<(?:\w+:)?reply [^>]*>/.exec(xml)?.[0]);
    expect(replies[0]).toContain("urn:xmpp:reply:0");
    expect(replies[0]).toContain(`id="${stanzaIdOf(asked)}"`);
    expect(replies[0]).toContain(`to="${team}/alice"`);
    expect(replies.slice(1).every((reply) => reply === undefined)).toBe(true);
  });

  test("refers to nothing, where replyToMode is off", async () => {
    const { team } = stage.rooms;
    expect((await ask(alice, team, "shy: hello", "shy")).xml).not.toContain("urn:xmpp:reply");
  });

  test("begins with the asker's nick, where replyWithNick says so", async () => {
    const { court, team } = stage.rooms;
    expect((await ask(alice, court, "bot: hello")).body).toBe("alice: echo: hello");
    expect((await ask(alice, team, "bot: hello")).body).toBe("echo: hello");
  });
});

describe("two bots of two Gateways", () => {
  /** A question that both answer; nothing that was said before is left unanswered then. */
  async function askBoth(room: string, name: string, body: string): Promise<void> {
    const since = alice.stanzas.length;
    await say(alice, room, body);
    for (const side of ["a", "b"]) {
      await alice.waitFor(
        ({ from, body: text }) => from === `${room}/${name}-${side}` && !!text?.includes(body),
        { since, timeoutMs: ANSWER_MS },
      );
    }
  }

  test("do not hear each other", async () => {
    const { deaf } = stage.rooms;
    const since = alice.stanzas.length;
    await askBoth(deaf, "deaf", "good evening");
    await askBoth(deaf, "deaf", "second round");
    const both = (body: string) => [
      { nick: "alice", body },
      { nick: "deaf-a", body: `echo: ${body}` },
      { nick: "deaf-b", body: `echo: ${body}` },
    ];
    expect(new Set(saidIn(deaf, since))).toEqual(
      new Set([...both("good evening"), ...both("second round")]),
    );
    expect(saidIn(deaf, since)).toHaveLength(6);
  });

  test("that may talk to each other stop when the budget is used up", async () => {
    const { chatty } = stage.rooms;
    const since = alice.stanzas.length;
    await say(alice, chatty, "tick");
    const isOver = (log: string) => log.includes("bot-loop-protection");
    await waitFor(() => isOver(stage.gateway.log()) && isOver(otherGateway.log()), {
      what: "the budget to be used up",
      timeoutMs: ANSWER_MS,
      evidence: () => JSON.stringify(saidIn(chatty, since)),
    });
    await alice.ping();
    for (const nick of ["chatty-a", "chatty-b"]) {
      const turns = saidIn(chatty, since).filter((said) => said.nick === nick).length;
      // The question's, and no more than the budget's.
      expect(turns).toBeGreaterThan(1);
      expect(turns).toBeLessThanOrEqual(1 + 3);
    }
    const later = alice.stanzas.length;
    await askBoth(chatty, "chatty", "people are");
    await askBoth(chatty, "chatty", "answered all the same");
    expect(saidIn(chatty, later)).toHaveLength(6);
  });

  test("that may answer when they are named do so, and no more", async () => {
    const { polite } = stage.rooms;
    model.setReply((request) =>
      request.userText.includes("poke") ? "polite-b: are you there?" : echo(request),
    );
    const since = alice.stanzas.length;
    await say(alice, polite, "poke");
    await alice.waitFor(({ body }) => body === "echo: are you there?", {
      since,
      timeoutMs: ANSWER_MS,
    });
    await askBoth(polite, "polite", "first");
    await askBoth(polite, "polite", "last");
    expect(saidIn(polite, since).filter(({ nick }) => nick !== "alice")).toEqual(
      expect.arrayContaining([
        { nick: "polite-a", body: "polite-b: are you there?" },
        { nick: "polite-b", body: "echo: poke" },
        { nick: "polite-b", body: "echo: are you there?" },
      ]),
    );
    expect(saidIn(polite, since)).toHaveLength(10);
  });
});

describe("events of a room", () => {
  test("reach the model, and nobody sees that; a mention is answered", async () => {
    const { watch } = stage.rooms;
    const since = alice.stanzas.length;
    const before = model.requests.length;
    await say(alice, watch, "the build is red");
    await waitFor(() => model.requests.length > before, { what: "the event" });
    const event = lastRequest(model);
    expect(everything(event)).toContain("[OpenClaw room event]");
    expect(everything(event)).toContain("the build is red");
    const answer = await ask(alice, watch, "bot: what happened?");
    expect(answer.body).toBe("echo: what happened?");
    expect(everything(lastRequest(model))).toContain("the build is red");
    const fromBot = alice.stanzas
      .slice(since)
      .filter(({ event: kind, from }) => kind === "message" && from === `${watch}/bot`);
    const asked = alice.stanzas.findIndex(({ body }) => body === "bot: what happened?");
    expect(fromBot.every((stanza) => alice.stanzas.indexOf(stanza) > asked)).toBe(true);
    expect(fromBot.filter(({ body }) => body !== undefined)).toEqual([answer]);
  });

  test("are answered by the message tool", async () => {
    const { watch } = stage.rooms;
    model.setReply((request) => {
      const isDone = request.messages.at(-1)?.role === "tool";
      if (isDone || !everything(request).includes("anybody there")) return "I keep this to myself";
      return { tool: "message", arguments: { action: "send", message: "I was listening" } };
    });
    const since = alice.stanzas.length;
    await say(alice, watch, "is anybody there?");
    const answer = await alice.waitForBody(`${watch}/bot`, { since, timeoutMs: ANSWER_MS });
    expect(answer).toMatchObject({ type: "groupchat", body: "I was listening" });
    model.setReply();
    await ask(alice, watch, "bot: thanks");
    expect(saidIn(watch, since).map(({ body }) => body)).toEqual([
      "is anybody there?",
      "I was listening",
      "bot: thanks",
      "echo: thanks",
    ]);
  });
});

describe("/activation", () => {
  test("by the owner says whether the room needs a mention", async () => {
    const { modes, team } = stage.rooms;
    await ask(alice, modes, "/activation always");
    expect((await ask(bob, modes, "no name said")).body).toBe("echo: no name said");
    await expectNoAnswer(
      alice,
      `${team}/bot`,
      () => say(alice, team, "no name said in another room"),
      (text) => ask(alice, team, `bot: ${text}`),
    );
    await ask(alice, modes, "/activation mention");
    await expectNoAnswer(
      alice,
      `${modes}/bot`,
      () => say(alice, modes, "no name said again"),
      (text) => ask(alice, modes, `bot: ${text}`),
    );
  });

  test("by anybody else says nothing, nor does any other command of theirs", async () => {
    const { modes } = stage.rooms;
    for (const command of ["/activation always", "bot: /activation always", "bot: /status"]) {
      await expectNoAnswer(
        bob,
        `${modes}/bot`,
        () => say(bob, modes, command),
        (text) => ask(bob, modes, `bot: ${text}`),
      );
    }
    await expectNoAnswer(
      bob,
      `${modes}/bot`,
      () => say(bob, modes, "no name said"),
      (text) => ask(bob, modes, `bot: ${text}`),
    );
  });
});

describe("agents that share a room", () => {
  test("all answer, each by its name", async () => {
    const { chorus } = stage.rooms;
    const since = alice.stanzas.length;
    await say(alice, chorus, "bot: who are you?");
    await waitFor(() => saidIn(chorus, since).length >= 3, {
      what: "two answers",
      timeoutMs: ANSWER_MS,
      evidence: () => JSON.stringify(saidIn(chorus, since)),
    });
    expect(
      saidIn(chorus, since)
        .map(({ body }) => body)
        .toSorted(),
    ).toEqual(["[Main] echo: who are you?", "[Second] echo: who are you?", "bot: who are you?"]);
  });

  test("one answers alone, when it is named by its own name", async () => {
    const { chorus } = stage.rooms;
    const since = alice.stanzas.length;
    await say(alice, chorus, "@second are you alone?");
    await alice.waitForBody(`${chorus}/bot`, { since, timeoutMs: ANSWER_MS });
    await say(alice, chorus, "bot: and now both");
    await waitFor(() => saidIn(chorus, since).length >= 5, {
      what: "three answers",
      timeoutMs: ANSWER_MS,
      evidence: () => JSON.stringify(saidIn(chorus, since)),
    });
    const answers = saidIn(chorus, since).filter(({ nick }) => nick === "bot");
    expect(answers.map(({ body }) => body).toSorted()).toEqual([
      "[Main] echo: and now both",
      "[Second] echo: @second are you alone?",
      "[Second] echo: and now both",
    ]);
  });
});
