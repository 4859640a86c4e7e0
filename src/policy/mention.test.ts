import { describe, expect, it } from "vitest";
import { findMention, stripMention } from "./mention.ts";

const found = (text: string, nick: string) => {
  const mention = findMention(text, nick);
  return mention && text.slice(mention.start, mention.end);
};

describe("findMention", () => {
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

describe("stripMention", () => {
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
