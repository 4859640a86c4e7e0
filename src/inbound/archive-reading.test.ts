import { parse } from "ltx";
import { expect, it } from "vitest";
import type { ArchivedMessage, ArchivePage } from "../client/archive.ts";
import { DEFAULT_CATCH_UP } from "../policy/limits.ts";
import { readArchive, type ReadingBounds } from "./archive-reading.ts";

const NOON = Date.UTC(2026, 0, 1, 12);
const CURSOR = { id: "old", stamp: NOON - 90_000_000 };
const LONG = "x".repeat(250_000);

const said = (id: string, secondsAgo: number, text: string): ArchivedMessage => ({
  id,
  stamp: new Date(NOON - secondsAgo * 1000),
  message: parse(`<message from='r@muc.example/x' type='groupchat'><body>${text}</body></message>`),
});
const many = (count: number, each: (index: number) => ArchivedMessage) =>
  Array.from({ length: count }, (_, index) => each(index));
const ids = (messages: readonly ArchivedMessage[]) => messages.map(({ id }) => id);

/** @param all the oldest first */
async function read(
  all: ArchivedMessage[],
  options: Partial<ReadingBounds> & { page?: number } = {},
) {
  const { page = 100, ...others } = options;
  let asked = 0;
  async function* pages(): AsyncGenerator<ArchivePage, void> {
    for (let end = all.length; end > 0; end -= page) {
      asked += 1;
      const messages = all.slice(Math.max(0, end - page), end);
      yield { messages, last: messages.at(-1)?.id, isComplete: end <= page };
    }
  }
  const { maxMessages } = DEFAULT_CATCH_UP;
  const bounds = { notBefore: NOON - 86_400_000, maxMessages, isTimeUp: () => false, ...others };
  const reading = await readArchive(pages(), CURSOR, bounds, ({ message }) => {
    const text = message.getChildText("body") ?? "";
    if (text === "nothing") return "nothing";
    return text.startsWith("bot:") ? "order" : "talk";
  });
  return { reading, asked: () => asked };
}

const ORDER = said("order", 80_000, "bot: pay the invoice");

it("long pieces of talk push out no order, and are taken up to a bound of their own", async () => {
  const { reading } = await read([ORDER, ...many(34, (n) => said(`t${n}`, 1800 - n, LONG))]);
  expect(ids(reading.messages)).toEqual([
    "order",
    ...many(9, (n) => said(`t${n + 25}`, 0, "")).map(({ id }) => id),
  ]);
  expect(reading).toMatchObject({ unheard: 25, skippedUntil: undefined });
});

it("nor does any number of short ones", async () => {
  const { reading } = await read([ORDER, ...many(10_600, (n) => said(`t${n}`, 70_000 - n, "hm"))]);
  expect(ids(reading.messages)).toHaveLength(501);
  expect(reading.messages[0]?.id).toBe("order");
  expect(reading).toMatchObject({ unheard: 10_100, skippedUntil: undefined });
});

it("orders are bounded by their length, too", async () => {
  const { reading } = await read([
    said("too much", 2000, "bot: x"),
    ...many(34, (n) => said(`o${n}`, 1800 - n, `bot: ${LONG}`)),
    said("talk", 10, "hm"),
  ]);
  expect(ids(reading.messages)).not.toContain("too much");
  expect(ids(reading.messages)).toContain("talk");
  expect(reading.skippedUntil).toBe(NOON - 2_000_000);
});

it("an archive that never ends is read no further than 2,000 pages, and what is left is told", async () => {
  const endless = many(3_000, (n) => said(`n${n}`, 70_000 - n, "nothing"));
  const { reading, asked } = await read([ORDER, ...endless], { page: 1 });
  expect(asked()).toBe(2_000);
  expect(reading.messages).toEqual([]);
  expect(reading.skippedUntil).toBe(endless[1_000]?.stamp.getTime());
  expect(await reading.countSkipped()).toEqual({ count: 0, isAll: false });
});

it("nor longer than there is time; nothing more is asked of it then", async () => {
  let pages = 0;
  const all = [ORDER, ...many(10, (n) => said(`t${n}`, 100 - n, "hm"))];
  const isTimeUp = () => ++pages >= 3;
  const { reading, asked } = await read(all, { page: 1, isTimeUp });
  expect(ids(reading.messages)).toEqual(["t7", "t8", "t9"]);
  expect(await reading.countSkipped()).toEqual({ count: 0, isAll: false });
  expect(asked()).toBe(3);
});
