import { describe, expect, it } from "vitest";
import { findMentions, stripMention as strip, type Addressee } from "./mention.ts";

const findMention = (text: string, nick: string) => findMentions(text, { nick })[0];
const stripMention = (text: string, nick: string) => strip(text, { nick });
const found = (text: string, nick: string) => {
  const mention = findMention(text, nick);
  return mention && text.slice(mention.start, mention.end);
};

describe("a mention", () => {
  it.each([
    ["bot: hi", "bot", "bot"],
    ["bot, hi", "bot", "bot"],
    ["bot:hi", "bot", "bot"],
    ["BOT: hi", "bot", "BOT"],
    ["bot: hi", "Bot", "bot"],
    ["@bot hi", "bot", "@bot"],
    ["hi bot?", "bot", "bot"],
    ["hey @bot!", "bot", "@bot"],
    ["hi bot.", "bot", "bot"],
    ["hi (bot)", "bot", "bot"],
    ["*bot*: hi", "bot", "bot"],
    ["hi bot... please", "bot", "bot"],
    ["hi\nbot: x", "bot", "bot"],
    ["bot", "bot", "bot"],
    ["«bot»", "bot", "bot"],
    ["привет, Бот!", "бот", "Бот"],
    ["ひと、bot、", "bot", "bot"],
    ["The Bot: hi", "the bot", "The Bot"],
    ["hi @the   bot", "The Bot", "@the   bot"],
    ["c++ (x): hi", "C++ (x)", "c++ (x)"],
    ["a.b: hi", "a.b", "a.b"],
    ["[bot]: hi", "[bot]", "[bot]"],
    ["cafe\u0301: hi", "caf\u00e9", "cafe\u0301"],
    ["robot? no, bot", "bot", "bot"],
    ["> bot: old\nbot: new", "bot", "bot"],
    ["🤖 hi", "🤖", "🤖"],
    ["STRASSE: hi", "straße", "STRASSE"],
  ])("%j speaks to %j", (text, nick, expected) => {
    expect(found(text, nick)).toBe(expected);
  });

  it.each([
    ["robot", "bot"],
    ["bots", "bot"],
    ["bot2", "bot"],
    ["bot_2", "bot"],
    ["_bot", "bot"],
    ["bot-2 hi", "bot"],
    ["my-bot hi", "bot"],
    ["bot's fault", "bot"],
    ["bot’s fault", "bot"],
    ["x@bot.example", "bot"],
    ["mail x@bot", "bot"],
    ["bot@example.com", "bot"],
    ["bot.example.com", "bot"],
    ["www.bot", "bot"],
    ["https://x.example/bot", "bot"],
    ["/bot", "bot"],
    ["bot://x", "bot"],
    ["ботинок", "бот"],
    ["éclair bote\u0301", "bot"],
    ["bot\u0301", "bot"],
    ["axb: hi", "a.b"],
    ["The\nBot: hi", "The Bot"],
    ["> bot: hi", "bot"],
    [">bot: hi", "bot"],
    ["hi all\n> bot: hi\nno", "bot"],
    ["nothing", "bot"],
    ["", "bot"],
    ["bot", ""],
    ["anything", "  "],
  ])("%j does not speak to %j", (text, nick) => {
    expect(findMention(text, nick)).toBeUndefined();
  });

  it("stays quick on hostile text", () => {
    const started = performance.now();
    findMention("@bot-x ".repeat(20_000), "bot");
    findMention("@bot ".repeat(20_000), "bot");
    stripMention("bot ".repeat(20_000), "bot");
    findMention(`${"bot ".repeat(3)}${" ".repeat(100_000)}`, "bot bot bot bot");
    findMention("a".repeat(200_000), "a a");
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe("what is left of a text", () => {
  it.each([
    ["bot: hi", "hi"],
    ["bot, hi", "hi"],
    ["BOT : hi", "hi"],
    ["@bot hi", "hi"],
    ["@bot: hi\nthere", "hi\nthere"],
    ["bot /status", "/status"],
    ["bot: /status", "/status"],
    ["bot - hi", "hi"],
    ["bot? are you there", "are you there"],
    ["bot:\n- one\n- two", "- one\n- two"],
    ["hi, bot?", "hi?"],
    ["hey @bot!", "hey!"],
    ["thanks @bot", "thanks"],
    ["> old\nbot: new", "> old\nnew"],
    ["hi bot?", "hi bot?"],
    ["who is bot?", "who is bot?"],
    ["bot is broken", "bot is broken"],
    ["what did bot say to alice", "what did bot say to alice"],
    ["bot", ""],
    ["@bot!", ""],
    ["bot?", ""],
    ["robot: hi", "robot: hi"],
    ["bot: ask the other bot", "ask the other bot"],
  ])("%j leaves %j", (text, expected) => {
    expect(stripMention(text, "bot")).toBe(expected);
  });
});

describe("a nick within another nick", () => {
  const others = ["bot two", "Super Bot", "alice"];
  const speaksTo = (text: string, addressee: Partial<Addressee> = {}) =>
    findMentions(text, { nick: "bot", others, ...addressee }).length > 0;

  it.each(["bot two: hi", "super bot, hi", "ask Super  Bot", "bot two and super bot"])(
    "%j is for somebody else",
    (text) => {
      expect(speaksTo(text)).toBe(false);
      expect(speaksTo(text, { others: ["alice"] })).toBe(true);
    },
  );

  it.each(["bot: ask bot two", "super bot and bot", "bot too"])("%j is for the agent", (text) => {
    expect(speaksTo(text)).toBe(true);
  });

  it("a crowd of such nicks costs little", () => {
    const crowd = Array.from({ length: 5000 }, (_, i) => `bot ${i}`);
    const started = performance.now();
    speaksTo("bot 1: ".repeat(2000), { others: crowd });
    speaksTo("bot ".repeat(50_000), { others: ["bot bot", "xbot", ...crowd] });
    speaksTo("xbot bot ".repeat(20_000), { others: Array.from({ length: 50 }, () => "xbot") });
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe("a reference", () => {
  const nick = "bot";
  it.each([
    ["Claw, hi", [{ start: 0, end: 4 }], "hi"],
    ["ask @Claw", [{ start: 4, end: 9 }], "ask"],
    ["Claw knows", [{ start: 0, end: 4 }], "Claw knows"],
    ["bot: hi", [{ start: 0, end: 3 }], "hi"],
  ])("in %j at %j is a mention", (text, references, left) => {
    expect(findMentions(text, { nick, references })).toEqual(references);
    expect(strip(text, { nick, references })).toBe(left);
  });

  it.each([
    [{ start: 0, end: 99 }],
    [{ start: -1, end: 2 }],
    [{ start: 2, end: 2 }],
    [{ start: 3, end: 1 }],
  ])("%j is outside of the text", (reference) => {
    expect(findMentions("hello", { nick, references: [reference] })).toEqual([]);
  });
});
