/**
 * What contacts and rooms see of the agent (RFC 6121 §4.7.2): available, at work, or away as the Gateway drains. Each
 * change goes to every contact and room, so a turn is told only once it has lasted, and one change follows another only
 * after a while. What the agent chose itself (`set-presence`) goes before it.
 */
import type { Availability, Show } from "../protocol/rfc-6121-presence.ts";

export type Shown = Pick<Availability, "show" | "status">;

export type AgentPresenceSettings = {
  /** Default true. */
  follow?: boolean | undefined;
  /** Status texts; an empty one shows none. */
  available?: string | undefined;
  busy?: string | undefined;
  away?: string | undefined;
  /** While at work; default `dnd`. */
  busyShow?: "dnd" | "away" | "xa" | "chat" | "online" | undefined;
  /** How long a turn lasts before it is told; default 10. */
  busyAfterSeconds?: number | undefined;
  /** Between two changes; default 30. */
  minSeconds?: number | undefined;
};

export const DEFAULT_PRESENCE = {
  follow: true,
  available: "",
  busy: "at work",
  away: "back soon",
  busyShow: "dnd",
  busyAfterSeconds: 10,
  minSeconds: 30,
} as const satisfies AgentPresenceSettings;

export type AgentPresence = {
  /** What is to be announced with every presence from now on. */
  current(): Shown;
  /** A turn begins; the returned function ends it. */
  begin(): () => void;
  /** What the agent chose; nothing of it: as it follows from its work. */
  choose(chosen: Shown): void;
  /** The Gateway takes nothing new; told at once. */
  drain(): void;
  /** The settings may have changed. */
  apply(): void;
  stop(): void;
};

export function createAgentPresence(params: {
  readSettings: () => AgentPresenceSettings | undefined;
  /** Says our presence anew, as `current` has it. */
  announce: () => void;
}): AgentPresence {
  const { announce } = params;
  const read = () => ({ ...DEFAULT_PRESENCE, ...withoutAbsent(params.readSettings() ?? {}) });
  let turns = 0;
  let isBusy = false;
  let isDraining = false;
  let chosen: Shown | undefined;
  let busyTimer: NodeJS.Timeout | undefined;
  let nextTimer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let shown = wanted();

  function wanted(): Shown {
    const { available, away, busy, busyShow, follow } = read();
    if (follow && isDraining) return shownAs("away", away);
    if (chosen) return chosen;
    if (follow && isBusy) return shownAs(busyShow === "online" ? undefined : busyShow, busy);
    return shownAs(undefined, available);
  }

  function tell(): void {
    clearTimeout(nextTimer);
    nextTimer = undefined;
    const next = wanted();
    if (isStopped || (next.show === shown.show && next.status === shown.status)) return;
    shown = next;
    announce();
    nextTimer = after(read().minSeconds, tell);
  }

  /** At once, unless one was told a moment ago: then the last one of then counts. */
  function tellSoon(): void {
    if (!nextTimer) tell();
  }

  return {
    current: () => shown,
    begin() {
      turns += 1;
      if (turns === 1 && !isBusy) {
        busyTimer = after(read().busyAfterSeconds, () => {
          isBusy = true;
          tellSoon();
        });
      }
      let hasEnded = false;
      return () => {
        if (hasEnded) return;
        hasEnded = true;
        turns -= 1;
        if (turns > 0) return;
        clearTimeout(busyTimer);
        isBusy = false;
        tellSoon();
      };
    },
    choose(next) {
      chosen = next.show === undefined && !next.status ? undefined : next;
      tell();
    },
    drain() {
      isDraining = true;
      tell();
    },
    apply: tellSoon,
    stop() {
      isStopped = true;
      clearTimeout(busyTimer);
      clearTimeout(nextTimer);
    },
  };
}

const shownAs = (show: Show | undefined, status: string): Shown => ({
  ...(show ? { show } : {}),
  ...(status ? { status } : {}),
});

function withoutAbsent(settings: AgentPresenceSettings) {
  return Object.fromEntries(
    Object.entries(settings).filter(([, value]) => value !== undefined),
  ) as { [K in keyof AgentPresenceSettings]: NonNullable<AgentPresenceSettings[K]> };
}

function after(seconds: number, run: () => void): NodeJS.Timeout {
  return setTimeout(run, seconds * 1000).unref();
}
