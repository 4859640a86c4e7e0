import { describe, expect, it } from "vitest";
import { XmppConnectionError } from "../errors.ts";
import type { FullJid } from "../protocol/jid.ts";
import { OUTCOMES, connectionError } from "./conditions.ts";
import { TRANSITIONS, nameOf } from "./connection-states.ts";
import type { ConnectionEvent, StateName } from "./connection-states.ts";
import { createSupervisor } from "./supervisor.ts";
import type { Clock, Connection } from "./supervisor.ts";
import type { ConnectionFacts, ConnectionState, LoginStep } from "./types.ts";

const facts: ConnectionFacts = {
  jid: "bot@localhost/x" as FullJid,
  since: 0,
  transport: "tcp",
  address: "127.0.0.1:5222",
  mechanism: "SCRAM-SHA-256",
  resumed: false,
};
const timings = {
  attemptMs: 60_000,
  backoffMs: 1000,
  maxBackoffMs: 8000,
  probeMs: 2000,
  probeSpreadMs: 1000,
  probesAfterLoss: 4,
  stableMs: 60_000,
  stopMs: 3000,
};

/** Time that passes when told. */
function fakeClock() {
  let now = 0;
  let ahead = 0;
  const timers = new Set<{ at: number; callback: () => void }>();
  const clock: Clock = {
    now: () => now + ahead,
    after(ms, callback) {
      const timer = { at: now + ms, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
  };
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    clock,
    timers,
    settle,
    /** Somebody sets the clock; timers go on as they were. */
    set: (ms: number) => void (ahead += ms),
    async pass(ms: number): Promise<void> {
      const end = now + ms;
      for (;;) {
        const due = [...timers]
          .filter((timer) => timer.at <= end)
          .toSorted((a, b) => a.at - b.at)[0];
        if (!due) break;
        timers.delete(due);
        now = due.at;
        due.callback();
        await settle();
      }
      now = end;
      await settle();
    },
  };
}

function connection(resumed = false) {
  const closed = Promise.withResolvers<XmppConnectionError>();
  let closes = 0;
  const value: Connection = {
    facts: { ...facts, resumed },
    closed: closed.promise,
    async close() {
      closes += 1;
      closed.resolve(connectionError("network", "closed by us"));
    },
  };
  return { value, lose: closed.resolve, closes: () => closes };
}

type Connect = (
  attempt: number,
  signal: AbortSignal,
  onStep: (step: LoginStep) => void,
) => Promise<Connection>;

function setUp(connect: Connect, probe: () => Promise<boolean> = async () => false) {
  const time = fakeClock();
  const states: ConnectionState[] = [];
  let attempts = 0;
  const supervisor = createSupervisor<Connection>({
    async connect(signal, onStep) {
      const live = await connect((attempts += 1), signal, onStep);
      onStep("securing");
      onStep("authenticating");
      return live;
    },
    probe,
    onState: (state) => states.push(state),
    timings,
    clock: time.clock,
    random: () => 1,
  });
  return { supervisor, states, ...time, attempts: () => attempts };
}

const network = () => connectionError("network", "no route");

describe("the supervisor", () => {
  it("waits longer after each failure, up to a bound, and tells until when", async () => {
    const { supervisor, states, pass, settle } = setUp(async () => {
      throw network();
    });
    supervisor.start();
    await settle();
    await pass(1000 + 2000 + 4000 + 8000 + 8000);
    const waits = states.flatMap((state) => (state.kind === "waiting" ? [state.retryAt] : []));
    expect(waits).toEqual([1000, 3000, 7000, 15_000, 23_000, 31_000]);
    await supervisor.stop();
  });

  it.each([
    ["ahead", 3_600_000],
    ["back", -3_600_000],
  ])("reckons as before when the clock is put %s: a server is found back", async (_, ms) => {
    let isUp = false;
    const { supervisor, pass, settle, set } = setUp(
      async () => {
        if (!isUp) throw connectionError("unreachable", "nobody there");
        return connection().value;
      },
      async () => isUp,
    );
    supervisor.start();
    await settle();
    await pass(1000 + 2000 + 4000); // eight seconds to the next attempt
    set(ms);
    isUp = true;
    await pass(4_000);
    expect(supervisor.state.kind).toBe("online");
    await supervisor.stop();
  });

  it.each([
    ["ahead", 3_600_000, 30_000, 4000],
    ["back", -3_600_000, 60_000, 1000],
  ])("reckons as before when the clock is put %s: a minute is one", async (_, ms, lasts, wait) => {
    let live = connection();
    const { supervisor, clock, pass, settle, set } = setUp(async (attempt) => {
      if (attempt <= 2) throw network();
      return (live = connection()).value;
    });
    supervisor.start();
    await settle();
    await pass(3000);
    set(ms);
    await pass(lasts);
    live.lose(network());
    await settle();
    expect(supervisor.state).toMatchObject({ kind: "waiting", retryAt: clock.now() + wait });
    await supervisor.stop();
  });

  it("draws each wait at random below its bound (full jitter)", async () => {
    const { clock, settle } = fakeClock();
    const supervisor = createSupervisor<Connection>({
      connect: async () => {
        throw network();
      },
      probe: async () => false,
      onState: () => {},
      timings,
      clock,
      random: () => 0.25,
    });
    supervisor.start();
    await settle();
    expect(supervisor.state).toMatchObject({ kind: "waiting", retryAt: 250 });
    await supervisor.stop();
  });

  it("starts over with short waits after a stable minute, not after a short success", async () => {
    let live = connection();
    const { supervisor, pass, settle, attempts } = setUp(async (attempt) => {
      if (attempt <= 2) throw network();
      live = connection();
      return live.value;
    });
    supervisor.start();
    await settle();
    await pass(3000);
    expect(supervisor.state.kind).toBe("online");
    await pass(59_999);
    live.lose(network());
    await settle();
    expect(supervisor.state).toMatchObject({ kind: "waiting", retryAt: 62_999 + 4000 });
    await pass(4000);
    expect(attempts()).toBe(4);
    await pass(60_000);
    live.lose(network());
    await settle();
    expect(supervisor.state).toMatchObject({ kind: "waiting", retryAt: 126_999 + 1000 });
    await supervisor.stop();
  });

  const outcomes = Object.entries(OUTCOMES);
  it.each(outcomes.filter(([, { leadsTo }]) => leadsTo === "refuse"))(
    "gives up on %s, and says what to do",
    async (condition) => {
      const { supervisor, timers, pass, settle, attempts } = setUp(async () => {
        throw connectionError(condition, "refused");
      });
      supervisor.start();
      await settle();
      await pass(3_600_000);
      expect(attempts()).toBe(1);
      const { state } = supervisor;
      expect(state.kind === "refused" && state.error.advice).toMatch(/^[A-Z].*\.$/);
      expect(timers.size).toBe(0);
    },
  );

  it.each([
    "reset-by-nobody",
    ...outcomes.flatMap(([name, { leadsTo }]) => (leadsTo === "refuse" ? [] : name)),
  ])("tries again after %s", async (condition) => {
    const live = connection();
    const { supervisor, settle } = setUp(async () => live.value);
    supervisor.start();
    await settle();
    live.lose(connectionError(condition, "lost"));
    await settle();
    expect(supervisor.state.kind).toBe("waiting");
    await supervisor.stop();
  });

  it("gives an attempt that hangs up at its deadline, and closes what it yields later", async () => {
    const late = Promise.withResolvers<Connection>();
    const { supervisor, pass, settle, attempts } = setUp((attempt) =>
      attempt === 1 ? late.promise : new Promise(() => {}),
    );
    supervisor.start();
    await pass(60_000);
    expect(supervisor.state).toMatchObject({ kind: "waiting", error: { condition: "timeout" } });
    await pass(1000);
    expect(attempts()).toBe(2);
    const live = connection();
    late.resolve(live.value);
    await settle();
    expect(live.closes()).toBe(1);
    expect(supervisor.state.kind).toBe("connecting");
    const stopped = supervisor.stop();
    await pass(3000);
    await stopped;
  });

  it("stops from every state for good, and leaves no timer", async () => {
    const live = connection();
    const online = setUp(async () => live.value);
    const waiting = setUp(async () => {
      throw network();
    });
    const idle = setUp(async () => live.value);
    online.supervisor.start();
    waiting.supervisor.start();
    await online.settle();
    for (const { supervisor, timers, pass, attempts } of [online, waiting, idle]) {
      const before = attempts();
      await Promise.all([supervisor.stop(), supervisor.stop()]);
      supervisor.start();
      await pass(600_000);
      expect(supervisor.state.kind).toBe("stopped");
      expect(attempts()).toBe(before);
      expect(timers.size).toBe(0);
    }
    expect(live.closes()).toBe(1);
  });

  it("looks every two seconds or so whether the server is back, and logs in once it is", async () => {
    let isUp = false;
    let looks = 0;
    const { supervisor, pass, settle, attempts, states } = setUp(
      async () => {
        if (!isUp) throw connectionError("unreachable", "nobody there");
        return connection().value;
      },
      async () => {
        looks += 1;
        return isUp;
      },
    );
    supervisor.start();
    await settle();
    await pass(600_000);
    const before = attempts();
    expect(before).toBeLessThan(90); // at most one each 8 s, the longest wait here
    expect(looks).toBeGreaterThan(140);
    isUp = true;
    await pass(4_000); // a look each 3 s (2 and half of it), and then at most 1 s
    expect(supervisor.state.kind).toBe("online");
    expect(attempts()).toBe(before + 1);
    const after = looks;
    await pass(60_000);
    expect(looks).toBe(after);
    expect(states.at(-1)?.kind).toBe("online");
    await supervisor.stop();
  });

  it("does not look, nor hurry, where somebody is there and the login fails", async () => {
    let looks = 0;
    const { supervisor, pass, settle, attempts } = setUp(
      async (attempt) => {
        throw connectionError(attempt === 1 ? "unreachable" : "network", "lost");
      },
      async () => {
        looks += 1;
        return true;
      },
    );
    supervisor.start();
    await settle();
    await pass(100_000);
    // A proxy before a server that is down takes each connection: that is no sign of life.
    expect(looks).toBeLessThanOrEqual(1);
    expect(attempts()).toBeLessThanOrEqual(2 + 4 + 100 / 8);
    await supervisor.stop();
  });

  it.each([
    ["was seen closed: it is back, and so are we", [true, true, false, true]],
    ["is open all the time: the backoff alone", [true, true, true, true, false, true]],
  ])("after a loss, a port that %s", async (what, answers) => {
    let looks = 0;
    let live = connection();
    const { supervisor, pass, settle, attempts } = setUp(
      async () => (live = connection()).value,
      async () => answers[looks++] ?? true,
    );
    supervisor.start();
    // Nine losses, so that the backoff alone would take 8 s.
    for (let loss = 0; loss < 9; loss += 1) {
      await settle();
      live.lose(network());
      await settle();
      if (loss < 8) await pass(8000);
      if (loss === 7) looks = 0;
    }
    const before = attempts();
    await pass(7_900);
    expect(attempts() - before).toBe(what.startsWith("was seen") ? 1 : 0);
    await supervisor.stop();
  });

  it("an outage does not make later waits longer", async () => {
    let live = connection();
    const { supervisor, pass, settle } = setUp(async (attempt) => {
      if (attempt <= 20) throw connectionError("unreachable", "nobody there");
      live = connection();
      return live.value;
    });
    supervisor.start();
    await settle();
    await pass(200_000);
    expect(supervisor.state.kind).toBe("online");
    live.lose(network());
    await settle();
    const { state } = supervisor;
    expect(state.kind === "waiting" && state.retryAt).toBeLessThanOrEqual(200_000 + 1000);
    await supervisor.stop();
  });
});

describe("the table of transitions", () => {
  const events: ConnectionEvent[] = [
    "start",
    "reached",
    "secured",
    "next",
    "bound",
    "resumed",
    "failed",
    "refused",
    "retry",
    "stop",
  ];

  type Hands = ReturnType<typeof begin>;
  /** A supervisor whose attempt goes on by hand. */
  function begin() {
    const tries: {
      step: (step: LoginStep) => void;
      yields: (c: Connection) => void;
      fails: (e: Error) => void;
    }[] = [];
    let live = connection();
    const time = fakeClock();
    const supervisor = createSupervisor<Connection>({
      connect: (_signal, step) =>
        new Promise((yields, fails) => void tries.push({ step, yields, fails })),
      probe: async () => false,
      onState: () => {},
      timings,
      clock: time.clock,
      random: () => 1,
    });
    const online = (resumed: boolean) => {
      live = connection(resumed);
      tries.at(-1)?.yields(live.value);
    };
    const end = (condition: string) => {
      const error = connectionError(condition, "x");
      tries.at(-1)?.fails(error);
      live.lose(error);
    };
    const act: Record<ConnectionEvent, () => unknown> = {
      start: () => supervisor.start(),
      reached: () => tries.at(-1)?.step("securing"),
      secured: () => tries.at(-1)?.step("authenticating"),
      next: () => tries.at(-1)?.step("connecting"),
      bound: () => online(false),
      resumed: () => online(true),
      failed: () => end("network"),
      refused: () => end("conflict"),
      retry: () => time.pass(1000),
      stop: () => supervisor.stop(),
    };
    const run = async (event: ConnectionEvent): Promise<StateName> => {
      void act[event]();
      for (let turn = 0; turn < 5; turn += 1) await time.settle();
      return nameOf(supervisor.state);
    };
    return { run };
  }

  const WAYS: Record<StateName, ConnectionEvent[]> = {
    idle: [],
    connecting: ["start"],
    securing: ["start", "reached"],
    authenticating: ["start", "reached", "secured"],
    fresh: ["start", "reached", "secured", "bound"],
    resumed: ["start", "reached", "secured", "resumed"],
    waiting: ["start", "failed"],
    refused: ["start", "refused"],
    stopped: ["stop"],
  };
  async function bring(to: StateName): Promise<Hands> {
    const hands = begin();
    let name: StateName = "idle";
    for (const event of WAYS[to]) name = await hands.run(event);
    expect(name).toBe(to);
    return hands;
  }

  const cells = (Object.keys(WAYS) as StateName[]).flatMap((from) =>
    events.map((event) => [from, event, TRANSITIONS[from][event] ?? from] as const),
  );
  it.each(cells)("%s, %s: %s", async (from, event, to) => {
    const hands = await bring(from);
    expect(await hands.run(event)).toBe(to);
  });
});
