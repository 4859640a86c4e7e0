/**
 * What being turned away from a room, or put out of it, means for us: one table for each.
 *
 * `lost`: we try again by ourselves, "soon" when the service is at fault, "throttled" when it says that
 * we ask too much of it, "slow" when a person decided it or must decide otherwise. `refused`: trying again is of no use as things are; with "login" the
 * next login tries once, with "never" only the operator does, by `join`.
 */
import type { StanzaError } from "../protocol/rfc-6120-stanza-error.ts";
import { type OccupantPresence, STATUS } from "../protocol/xep-0045-muc.ts";

export type Outcome =
  | { state: "lost"; retry: "soon" | "throttled" | "slow"; reason: string }
  | { state: "refused"; retry: "login" | "never"; reason: string };

type Row = readonly [Outcome["retry"], string];

/** XEP-0045 §9 and §10, by status code; the first row that applies decides. */
const REMOVALS: readonly (readonly [number, ...Row])[] = [
  [STATUS.banned, "login", "banned from the room"],
  [STATUS.technical, "soon", "the room dropped us because of a connection problem"],
  [STATUS.kicked, "slow", "kicked out of the room"],
  [STATUS.affiliationLost, "login", "no longer a member of this members-only room"],
  [STATUS.membersOnly, "login", "the room now admits members only; an owner can add this account"],
  [STATUS.shutdown, "soon", "the room service shuts down"],
];

/** XEP-0045 §7.2, by error condition; the codes of older services are read as conditions (XEP-0086). `conflict` is not here: it asks for another nick, not for an outcome. */
const ERRORS: ReadonlyMap<string, Row> = new Map<string, Row>([
  ["not-authorized", ["login", "the room asks for a password, or for another one"]],
  ["forbidden", ["login", "banned from the room"]],
  ["item-not-found", ["slow", "there is no such room, or nobody has configured it yet"]],
  ["gone", ["login", "the room does not exist any more"]],
  ["not-allowed", ["login", "the service lets this account neither enter nor create the room"]],
  ["not-acceptable", ["login", "the room asks for the nick that is registered with it"]],
  ["registration-required", ["login", "members only; a room owner can add this account"]],
  ["jid-malformed", ["login", "the room does not accept the nick"]],
  ["service-unavailable", ["slow", "the room is full or its service is unavailable"]],
  ["feature-not-implemented", ["login", "this address is not a room"]],
  ["remote-server-not-found", ["slow", "the server of the room was not found"]],
  ["remote-server-timeout", ["soon", "the server of the room does not answer"]],
  [
    "resource-constraint",
    ["throttled", "the room is full, its service is busy, or we are in too many rooms"],
  ],
  ["policy-violation", ["throttled", "the service limits what this account may do"]],
  ["internal-server-error", ["soon", "the room service failed"]],
]);

/** For conditions that are not in the table, by the error's type (RFC 6120 §8.3.2). */
const ERROR_TYPES: Readonly<Record<StanzaError["type"], Outcome["retry"]>> = {
  auth: "login",
  cancel: "login",
  modify: "login",
  continue: "soon",
  wait: "soon",
};

/** What follows from our own unavailable presence that we did not ask for. */
export function outcomeOfRemoval(presence: OccupantPresence): Outcome {
  const { codes, destroy, actor, reason } = presence;
  if (destroy) {
    const place = destroy.alternate ? `, in favour of ${destroy.alternate}` : "";
    return outcome("never", `the room was destroyed${place}`, destroy.reason);
  }
  const row = REMOVALS.find(([code]) => codes.has(code));
  if (!row) return outcome("soon", "removed from the room", reason);
  const [, retry, what] = row;
  return outcome(retry, actor ? `${what} by ${quoted(actor)}` : what, reason);
}

/** Whether an own unavailable presence says more than that we left. */
export function isDecisive({ codes, destroy }: OccupantPresence): boolean {
  return destroy !== undefined || REMOVALS.some(([code]) => codes.has(code));
}

/** What follows from an error that answers our join. */
export function outcomeOfError(error: StanzaError): Outcome {
  const row = ERRORS.get(error.condition);
  if (row) return outcome(row[0], row[1], error.text);
  return outcome(ERROR_TYPES[error.type], `the room answered ${error.condition}`, error.text);
}

/** An outcome of our own finding, such as a time-out. */
export function outcome(retry: Outcome["retry"], what: string, theirWords?: string): Outcome {
  const reason = theirWords ? `${what}: ${quoted(theirWords)}` : what;
  return retry === "login" || retry === "never"
    ? { state: "refused", retry, reason }
    : { state: "lost", retry, reason };
}

/** A stranger's words for a status line: short, in quotes, on one line. */
function quoted(text: string): string {
  const line = text.replace(/[\s\p{C}]+/gu, " ").trim();
  return `"${line.length > 120 ? `${line.slice(0, 119)}…` : line}"`;
}

const PACES = {
  soon: { first: 2_000, longest: 5 * 60_000 },
  /** Soon at first, as a busy service recovers; in the end rarely, as a limit may be there to stay. */
  throttled: { first: 2_000, longest: 30 * 60_000 },
  slow: { first: 60_000, longest: 60 * 60_000 },
} as const;

/** Milliseconds before the attempt after `failures` in a row (1 or more): doubling, ±25 %. */
export function retryDelay(
  retry: keyof typeof PACES,
  failures: number,
  random: () => number,
): number {
  const { first, longest } = PACES[retry];
  const delay = Math.min(longest, first * 2 ** Math.min(failures - 1, 30));
  return Math.round(delay * (0.75 + random() / 2));
}
