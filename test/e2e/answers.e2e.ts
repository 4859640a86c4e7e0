/** What the agent's answers look like on the wire, and when they come; the person is slixmpp. */
import { parse } from "ltx";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ask, askMarker, bodiesFrom, think } from "../support/conversation.ts";
import type { SlixmppClient, StanzaEvent } from "../support/slixmpp.ts";
import { BOTS, getStage, type Stage } from "../support/stage.ts";

const BOT = BOTS.open;
const CHAT_STATES = "http://jabber.org/protocol/chatstates";

let stage: Stage;
let karla: SlixmppClient;
let ludwig: SlixmppClient;

beforeAll(async () => {
  stage = await getStage();
  [karla, ludwig] = await Promise.all([stage.person("karla"), stage.person("ludwig")]);
});
beforeEach(() => stage.model.clear());
afterEach(() => stage.model.setReply());
afterAll(async () => {
  await Promise.all([karla.stop(), ludwig.stop()]);
});

/** The messages that come of a model's `reply`. */
async function answerTo(reply: string): Promise<string[]> {
  const since = karla.stanzas.length;
  stage.model.setReply(() => reply);
  await karla.send({ to: BOT, body: "go on" });
  await karla.waitForBody(BOT, { since, timeoutMs: 90_000 });
  stage.model.setReply();
  const marker = await askMarker(karla, BOT);
  return bodiesFrom(karla, BOT, since).filter((body) => body !== `echo: ${marker}`);
}

function chatState({ xml }: StanzaEvent): string | undefined {
  return parse(xml)
    .getChildElements()
    .find((child) => child.getNS() === CHAT_STATES)?.name;
}

describe("an answer", () => {
  it("is announced by composing, says that it is done, and bears its own id", async () => {
    const since = karla.stanzas.length;
    const thinking = think(stage.model);
    await karla.send({ to: BOT, body: "how long?" });
    await thinking.asked();
    await karla.waitFor((stanza) => chatState(stanza) === "composing", { since });
    expect(bodiesFrom(karla, BOT, since)).toEqual([]);
    thinking.answer(() => "that long");
    const answer = await karla.waitForBody(BOT, { since });
    expect(chatState(answer)).toBe("active");
    const originId = parse(answer.xml).getChild("origin-id", "urn:xmpp:sid:0")?.attrs["id"];
    expect(originId).toBe(answer.stanzaId);
    expect(answer.type).toBe("chat");

    stage.model.setReply();
    await askMarker(karla, BOT);
    const states = karla.stanzas.slice(since).flatMap((stanza) => chatState(stanza) ?? []);
    expect(states.at(-1)).toBe("active");
  });

  it("keeps the thread that it answers", async () => {
    const answer = await ask(karla, BOT, "in a thread", "<thread>t-1</thread>");
    expect(parse(answer.xml).getChildText("thread")).toBe("t-1");
  });

  it("is styled for XMPP, its tables readable", async () => {
    const markdown = [
      "# Title",
      "",
      "**bold**, *leaning*, ~~gone~~ and `code **not bold**`, [a link](https://example.com/x)",
      "",
      "| Name | Size |",
      "| ---- | ---- |",
      "| one  | 1    |",
      "",
      "```sh",
      "echo **x**",
      "```",
    ].join("\n");
    const [text = ""] = await answerTo(markdown);
    expect(text).toContain("*Title*");
    expect(text).toContain("*bold*, _leaning_, ~gone~ and `code **not bold**`");
    expect(text).toContain("a link (https://example.com/x)");
    expect(text).toContain("```sh\necho **x**\n```");
    // The host's default for a channel without tables of its own: preformatted.
    expect(text).toContain("```\n| Name | Size |");
  });

  it("says beside its text what is styled, for clients that follow XEP-0394", async () => {
    stage.model.setReply(() => "😀 **bold** and `code`\n\n```sh\nls\n```");
    const { xml, body = "" } = await ask(karla, BOT, "with style");
    expect(body).toBe("😀 *bold* and `code`\n\n```sh\nls\n```");
    const marked = parse(xml).getChild("markup", "urn:xmpp:markup:0")?.getChildElements() ?? [];
    const texts = marked.map(({ attrs }) =>
      Array.from(body).slice(Number(attrs["start"]), Number(attrs["end"])).join(""),
    );
    expect(texts).toEqual(["bold", "```sh\nls\n```"]);
    expect(marked[0]?.getChild("strong")).toBeDefined();
    expect([marked[1]?.name, marked[1]?.attrs["language"]]).toEqual(["bcode", "sh"]);
  });

  it("of 12,000 characters comes as messages of at most 4,000, in order and whole", async () => {
    const words = (from: number, count: number) =>
      Array.from({ length: count }, (_, n) => `wörd${from + n}👩‍💻`).join(" ");
    const code = Array.from({ length: 300 }, (_, n) => `line(${n}); // ümläut`).join("\n");
    const paragraphs = Array.from({ length: 10 }, (_, n) => words(n * 40, 40)).join("\n\n");
    const markdown = `${paragraphs}\n\n\`\`\`js\n${code}\n\`\`\`\n\n${paragraphs}`;
    expect(markdown.length).toBeGreaterThan(12_000);
    const messages = await answerTo(markdown);
    expect(messages.length).toBeGreaterThanOrEqual(4);
    for (const message of messages) {
      expect(message.length).toBeLessThanOrEqual(4_000);
      expect(message.match(/^```/gm)?.length ?? 0).toSatisfy((count: number) => count % 2 === 0);
      expect(message.isWellFormed()).toBe(true);
    }
    // No confetti: a message ends early only where a paragraph or a fence begins.
    expect(messages.length).toBeLessThanOrEqual(Math.ceil(markdown.length / 4_000) + 2);
    const flat = (text: string) =>
      text
        .replace(/^```.*$/gm, "")
        .replace(/\s+/g, " ")
        .trim();
    expect(flat(messages.join("\n"))).toBe(flat(markdown));
  });

  it("with characters that XML forbids arrives without them, over the same connection", async () => {
    const before = await stage.gateway.accounts("xmpp");
    const [text] = await answerTo("\u001B[31mred\u001B[0m \u0000nul \uFFFE\uD800end 😀\tok");
    expect(text).toBe("[31mred[0m nul end 😀\tok");
    const since = (accounts: typeof before) =>
      accounts.find(({ accountId }) => accountId === "open")?.["lastConnectedAt"];
    expect(since(await stage.gateway.accounts("xmpp"))).toBe(since(before));
  });
});

describe("two people", () => {
  it("are answered side by side, each with their own", async () => {
    const thinking = think(stage.model);
    await Promise.all([
      karla.send({ to: BOT, body: "karla asks" }),
      ludwig.send({ to: BOT, body: "ludwig asks" }),
    ]);
    const requests = await thinking.asked(2);
    expect(requests.map(({ userText }) => userText).toSorted()).toEqual([
      "karla asks",
      "ludwig asks",
    ]);
    const since = [karla.stanzas.length, ludwig.stanzas.length];
    thinking.answer(({ userText }) => `to whom ${userText}`);
    const [one, two] = await Promise.all([
      karla.waitForBody(BOT, { since: since[0] ?? 0 }),
      ludwig.waitForBody(BOT, { since: since[1] ?? 0 }),
    ]);
    expect(one.body).toBe("to whom karla asks");
    expect(two.body).toBe("to whom ludwig asks");
  });
});

describe("a second message", () => {
  it("has an answer of its own, after the first one's", async () => {
    const since = karla.stanzas.length;
    const thinking = think(stage.model);
    await karla.send({ to: BOT, body: "the first" });
    await thinking.asked();
    await karla.send({ to: BOT, body: "the second" });
    thinking.answer(({ userText }) => `to ${userText}`);
    const bodies = () => bodiesFrom(karla, BOT, since);
    await expect.poll(bodies, { timeout: 90_000 }).toEqual(["to the first", "to the second"]);
  });

  it("reaches an agent that has been at work for a while", async () => {
    const since = karla.stanzas.length;
    const working = Promise.withResolvers<void>();
    stage.model.setReply(async ({ messages }) => {
      if (messages.some(({ text }) => text.includes("be quick"))) return "done quickly";
      if (stage.model.requests.length === 2) await working.promise;
      return { tool: "session_status", arguments: {} };
    });
    await karla.send({ to: BOT, body: "take your time" });
    await expect.poll(() => stage.model.requests.length, { timeout: 90_000 }).toBe(2);
    await karla.send({ to: BOT, body: "be quick" });
    // It is held back for as long as most turns take.
    await new Promise((resolve) => setTimeout(resolve, 7_000));
    working.resolve();
    await karla.waitForBody(BOT, { since, timeoutMs: 90_000 });
    stage.model.setReply();
    const marker = await askMarker(karla, BOT);
    expect(bodiesFrom(karla, BOT, since)).toEqual(["done quickly", `echo: ${marker}`]);
  });
});

describe("/stop", () => {
  it("of the owner reaches an agent at work, whose answer then does not come", async () => {
    const alice = await stage.person("alice");
    const since = alice.stanzas.length;
    const thinking = think(stage.model);
    await alice.send({ to: BOT, body: "count to a million" });
    await thinking.asked();
    await alice.send({ to: BOT, body: "/stop" });
    const told = await alice.waitForBody(BOT, { since });
    expect(told.body).toMatch(/stopped|aborted/i);
    thinking.answer(() => "one million");
    stage.model.setReply();
    await askMarker(alice, BOT);
    expect(bodiesFrom(alice, BOT, since)).not.toContain("one million");
    await alice.stop();
  });
});
