/** Which faults come when: drawn from a seed, so that a run can be had again. */

export const FAULT_KINDS = [
  "cut",
  "black-hole",
  "dead-line",
  "delay",
  "server-kill",
  "server-restart",
  "gateway-kill",
  "gateway-restart",
  "disk-full",
  "clock-jump",
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

export interface PlannedFault {
  readonly number: number;
  readonly kind: FaultKind;
  /** ms of undisturbed traffic before it. */
  readonly pauseMs: number;
  /** ms until what it broke is mended: the line, the server, the disk. */
  readonly lastsMs: number;
  /** Before it comes, the agent is online again; else it hits whatever state there is. */
  readonly waitsForOnline: boolean;
  /** `delay`: ms each way. `clock-jump`: ms that the clock is put forward (or back, negative). */
  readonly amount: number;
}

/** Uniform in [0, 1). */
export type Random = () => number;

/** The small generator mulberry32: the same seed gives the same numbers on every machine. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A number in [from, to). */
export function between(random: Random, from: number, to: number): number {
  return from + random() * (to - from);
}

/** How long a fault of each kind lasts, in ms. */
const LASTS: Readonly<Record<FaultKind, readonly [number, number]>> = {
  cut: [0, 0],
  "black-hole": [1_000, 12_000],
  "dead-line": [0, 0],
  delay: [2_000, 8_000],
  "server-kill": [0, 8_000],
  "server-restart": [0, 0],
  "gateway-kill": [0, 5_000],
  "gateway-restart": [0, 2_000],
  "disk-full": [1_000, 10_000],
  "clock-jump": [2_000, 8_000],
};

/** What makes a run as the options want it. */
export interface ScheduleOptions {
  readonly seed: number;
  readonly faults: number;
  /** Default: every kind. */
  readonly kinds?: readonly FaultKind[];
}

/** A dead line takes up to a minute to be found, in which nothing else is tried. */
const RARE: FaultKind = "dead-line";
const RARE_EVERY = 4;

/**
 * Every kind comes equally often: the kinds are shuffled as a pack of cards, and shuffled again when it
 * is used up. The rare one is in the first pack, and in each fourth after it.
 */
export function planFaults({ seed, faults, kinds = FAULT_KINDS }: ScheduleOptions): PlannedFault[] {
  const random = createRandom(seed);
  const plan: PlannedFault[] = [];
  const frequent = kinds.filter((kind) => kind !== RARE);
  let pack: FaultKind[] = [];
  let packs = 0;
  while (plan.length < faults) {
    if (pack.length === 0) {
      const isWhole = packs++ % RARE_EVERY === 0 || frequent.length === 0;
      pack = shuffle(isWhole ? kinds : frequent, random);
    }
    const kind = pack.pop();
    if (kind === undefined) throw new Error("no kind of fault to choose from");
    const [shortest, longest] = LASTS[kind];
    const forward = random() < 0.5 ? -1 : 1;
    plan.push({
      number: plan.length + 1,
      kind,
      pauseMs: between(random, 300, 4_000),
      lastsMs: between(random, shortest, longest),
      waitsForOnline: random() < 0.75,
      amount:
        kind === "clock-jump"
          ? Math.round(forward * between(random, 5_000, 60_000))
          : Math.round(between(random, 200, 1_500)),
    });
  }
  return plan;
}

function shuffle<T>(values: readonly T[], random: Random): T[] {
  return values
    .map((value) => ({ value, rank: random() }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ value }) => value);
}
