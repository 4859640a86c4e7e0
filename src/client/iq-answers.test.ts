import { parse } from "ltx";
import { expect, it } from "vitest";
import { createFakeLog } from "../../test/support/fake-session.ts";
import { parseJid, type Jid } from "../protocol/jid.ts";
import { createIqBound } from "./iq-answers.ts";

const OWN = parseJid("bot@example/openclaw") as Jid;

function setUp() {
  const log = createFakeLog();
  const excess = { count: 0 };
  const mayAnswer = createIqBound(OWN, log, () => void (excess.count += 1));
  const asks = (from: string | undefined, count: number, now = 0) => {
    const iq = parse(`<iq type="get"${from === undefined ? "" : ` from="${from}"`}/>`);
    return Array.from({ length: count }, () => mayAnswer(iq, now)).filter(Boolean).length;
  };
  return { log, asks, excess };
}

it("answers one sender 100 questions in ten seconds, whatever the resource, and then again", () => {
  const { asks, log } = setUp();
  expect(asks("eve@evil/a", 80) + asks("eve@evil/b", 80)).toBe(100);
  expect(asks("alice@example/phone", 3)).toBe(3);
  expect(asks("eve@evil/a", 1, 9_999)).toBe(0);
  expect(asks("eve@evil/a", 1, 10_000)).toBe(1);
  expect(log.lines).toHaveLength(1);
});

it("answers all together 200 questions in ten seconds", () => {
  const { asks, log, excess } = setUp();
  const answered = Array.from({ length: 1000 }, (_, index) => asks(`eve${index}@evil/a`, 1));
  expect(answered.filter((count) => count === 1)).toHaveLength(200);
  expect(excess.count).toBe(800);
  expect(log.lines).toHaveLength(1);
});

it.each([undefined, "example", "bot@example", "bot@example/openclaw"])(
  "always answers our own server and account (%s)",
  (from) => {
    expect(setUp().asks(from, 1_000)).toBe(1_000);
  },
);

it("does not take a look-alike for our own server", () => {
  const { asks } = setUp();
  expect(asks("example.evil", 150)).toBe(100);
  expect(asks("bot@example.evil/openclaw", 150)).toBe(100);
});
