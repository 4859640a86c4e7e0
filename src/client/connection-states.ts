/** The states of an account's connection, and what leads from one to another. */
import type { ConnectionState, LoginStep } from "./types.ts";

/** A state by its kind; there are two ways to be online. */
export type StateName = Exclude<ConnectionState["kind"], "online"> | "fresh" | "resumed";
export type ConnectionEvent =
  | "start"
  | "reached"
  | "secured"
  | "next"
  | "bound"
  | "resumed"
  | "failed"
  | "refused"
  | "retry"
  | "stop";
type Exits = Partial<Record<ConnectionEvent, StateName>>;

const ENDS = { failed: "waiting", refused: "refused", stop: "stopped" } as const satisfies Exits;

/**
 * All transitions there are; an event that a state does not list changes nothing.
 * `next`: on to the next endpoint of the same attempt.
 */
export const TRANSITIONS: Readonly<Record<StateName, Exits>> = {
  idle: { start: "connecting", stop: "stopped" },
  connecting: { reached: "securing", next: "connecting", ...ENDS },
  securing: { secured: "authenticating", next: "connecting", ...ENDS },
  authenticating: { bound: "fresh", resumed: "resumed", next: "connecting", ...ENDS },
  fresh: ENDS,
  resumed: ENDS,
  waiting: { retry: "connecting", stop: "stopped" },
  refused: { start: "connecting", stop: "stopped" },
  stopped: {},
};

export function nameOf(state: ConnectionState): StateName {
  if (state.kind !== "online") return state.kind;
  return state.facts.resumed ? "resumed" : "fresh";
}

/** A login is under way. */
export function isAttempt(state: ConnectionState): state is { kind: LoginStep } {
  return (LOGIN_STEPS as readonly string[]).includes(state.kind);
}

const LOGIN_STEPS = ["connecting", "securing", "authenticating"] satisfies LoginStep[];

/** What each step of an attempt tells. */
export const STEP_EVENTS = {
  connecting: "next",
  securing: "reached",
  authenticating: "secured",
} as const;
