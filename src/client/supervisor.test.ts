import { describe, expect, it } from "vitest";
import { XmppConnectionError } from "../errors.ts";
import type { FullJid } from "../protocol/jid.ts";
import { connectionError } from "./conditions.ts";
import { createSupervisor } from "./supervisor.ts";
import type { Clock, Connection } from "./supervisor.ts";
import type { ConnectionFacts, ConnectionState } from "./types.ts";

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
  stableMs: 60_000,
  stopMs: 3000,
};

/** Time that passes when told. */
function fakeClock() {
  let now = 0;
  const timers = new Set<{ at: number; callback: () => void }>();
  const clock: Clock = {
    now: () => now,
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

function connection() {
  const closed = Promise.withResolvers<XmppConnectionError>();
  let closes = 0;
  const value: Connection = {
    facts,
    closed: closed.promise,
    async close() {
      closes += 1;
      closed.resolve(connectionError("network", "closed by us"));
    },
  };
  return { value, lose: closed.resolve, closes: () => closes };
}

function setUp(connect: (attempt: number, signal: AbortSignal) => Promise<Connection>) {
  const time = fakeClock();
  const states: ConnectionState[] = [];
  let attempts = 0;
  const supervisor = createSupervisor<Connection>({
    connect: (signal) => connect((attempts += 1), signal),
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

  it("draws each wait at random below its bound (full jitter)", async () => {
    const { clock, settle } = fakeClock();
    const supervisor = createSupervisor<Connection>({
      connect: async () => {
        throw network();
      },
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

  it.each([
    "not-authorized",
    "account-disabled",
    "credentials-expired",
    "conflict",
    "tls-required",
    "certificate",
    "host-unknown",
    "no-mechanism",
    "plaintext-refused",
    "server-signature",
  ])("gives up on %s, and says what to do", async (condition) => {
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
  });

  it.each([
    "see-other-host",
    "system-shutdown",
    "network",
    "timeout",
    "dns",
    "reset",
    "temporary-auth-failure",
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
});
