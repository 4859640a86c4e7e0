import { describe, expect, it } from "vitest";
import { createRate } from "./rate.ts";

const WINDOW = 60_000;
const three = { each: 3 };

/** The verdicts of asking at each of these times. */
function askAt(times: readonly number[], rate = createRate(WINDOW), bounds: object = three) {
  return times.map((at) => rate.take("alice", bounds, at));
}

describe("each", () => {
  it("grants so many within any window, and says once that it refuses", () => {
    expect(askAt([0, 1, 2, 3, 4, 59_999])).toEqual([
      "granted",
      "granted",
      "granted",
      "refused",
      "refused-again",
      "refused-again",
    ]);
  });

  it("has no edge at which twice as much fits through", () => {
    expect(askAt([59_000, 59_000, 59_000, 60_001, 118_999, 119_000, 119_001])).toEqual([
      "granted",
      "granted",
      "granted",
      "refused",
      "refused-again",
      "granted",
      "granted",
    ]);
  });

  it("tells a refused one anew in the next window", () => {
    const rate = createRate(WINDOW);
    const at = (now: number) => rate.take("alice", { each: 1 }, now);
    expect([at(0), at(1), at(2), at(60_000), at(60_002), at(60_003)]).toEqual([
      "granted",
      "refused",
      "refused-again",
      "granted",
      "refused",
      "refused-again",
    ]);
  });

  it("keeps one from another", () => {
    const rate = createRate(WINDOW);
    expect(rate.take("alice", { each: 1 }, 0)).toBe("granted");
    expect(rate.take("alice", { each: 1 }, 0)).toBe("refused");
    expect(rate.take("bob", { each: 1 }, 0)).toBe("granted");
  });

  it("counts a second try of the same event once, also when all is used up", () => {
    const rate = createRate(WINDOW);
    const take = (event: string) => rate.take("alice", { each: 2 }, 0, event);
    expect([take("a"), take("a"), take("b"), take("a"), take("b"), take("c")]).toEqual([
      "granted",
      "granted",
      "granted",
      "granted",
      "granted",
      "refused",
    ]);
  });

  it("locks nobody out when the clock is set back", () => {
    const rate = createRate(WINDOW);
    expect(askAt([3_600_000, 3_600_000, 3_600_000, 3_600_000], rate).at(-1)).toBe("refused");
    expect(rate.take("alice", three, 0)).toBe("granted");
  });
});

describe("total", () => {
  it("bounds all together, whoever asks", () => {
    const rate = createRate(WINDOW);
    const verdicts = Array.from({ length: 1000 }, (_, index) =>
      rate.take(`stranger${index}`, { total: 10 }, index),
    );
    expect(verdicts.filter((verdict) => verdict === "granted")).toHaveLength(10);
    expect(rate.take("late", { total: 10 }, WINDOW + 10)).toBe("granted");
  });

  it("is not used up by who is refused for asking too often", () => {
    const rate = createRate(WINDOW);
    for (let count = 0; count < 100; count += 1) rate.take("eve", { each: 1, total: 2 }, 0);
    expect(rate.take("alice", { each: 1, total: 2 }, 0)).toBe("granted");
  });
});

it("does not grow with the number of who asks", () => {
  const rate = createRate(WINDOW, 100);
  for (let index = 0; index < 10_000; index += 1) {
    rate.take(`stranger${index}`, three, 0);
    rate.take("regular", three, 0);
  }
  expect(rate.size).toBe(100);
  // Who keeps asking is not forgotten.
  expect(rate.take("regular", three, 0)).toBe("refused-again");
});
