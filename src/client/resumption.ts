/**
 * Streams that outlive their connection (XEP-0198 §5): what was sent and received on them, what waits
 * for an answer, and for how long a lost one is kept.
 */
import type { Element } from "ltx";
import { XmppConnectionError } from "../errors.ts";
import type { Jid } from "../protocol/jid.ts";
import {
  type ResumableStream,
  decodeManagement,
  encodeEnable,
  encodeResume,
} from "../protocol/xep-0198-stream-management.ts";
import { connectionError } from "./conditions.ts";
import { createIqRequests } from "./iq-requests.ts";
import type { IqRequests } from "./iq-requests.ts";
import { createLedger } from "./stream-management.ts";
import type { Ledger } from "./stream-management.ts";
import type { Clock } from "./supervisor.ts";
import type { ConnectionState } from "./types.ts";
import type { XmppStream } from "./xmppjs.ts";

/** How long a lost stream is kept where the server does not say how long it does, in ms. */
const USUAL_MS = 5 * 60_000;
/** However long the server keeps it: what waits for a confirmation should not wait for hours. */
const LONGEST_MS = 10 * 60_000;
/** Tries in a row without a sign that the stream works: one of its stanzas may be what ends it. */
const MAX_ATTEMPTS = 3;

/** Ends after which the same stream would only end again. */
const BREAKING = new Set(["protocol", "policy-violation"]);

/** Whether what the server knows of us may outlast the loss of the connection. */
export function mayBeResumed(state: ConnectionState): boolean {
  return "resumable" in state && state.resumable === true;
}

/** What the server has enabled; undefined: no stream management. */
export type Management = { resumption?: ResumableStream | undefined } | undefined;

/** From resource binding to its end, over one connection or several. */
export type BoundStream = {
  /** What the server bound us to. */
  readonly jid: Jid;
  /** The server acknowledges stanzas. */
  readonly isManaged: boolean;
  readonly resumption: ResumableStream | undefined;
  readonly ledger: Ledger;
  readonly requests: IqRequests;
  /** Times that it was to be resumed since it last worked. */
  attempts: number;
};

export function openBoundStream(jid: Jid, management: Management): BoundStream {
  const resumption = management?.resumption;
  return {
    jid,
    isManaged: management !== undefined,
    resumption,
    ledger: createLedger(resumption !== undefined),
    requests: createIqRequests(jid),
    attempts: 0,
  };
}

/**
 * The stream is over: what waits for its server waits in vain.
 * @param isFinal the server has said how many of our stanzas it has, and will not get more
 */
export function endBoundStream(
  stream: BoundStream,
  error: XmppConnectionError,
  isFinal = false,
): void {
  stream.ledger.end({ cause: error, isFinal });
  stream.requests.end(error);
}

/** The stream that was lost last, while it may be resumed. */
export type Resumption = {
  readonly isPossible: boolean;
  /**
   * The connection of the stream is lost: keeps it, or ends it where it cannot be resumed. That is so
   * after a conflict, which has put another into its place, and where the server broke the protocol:
   * what it sent would come again. Nor after a `policy-violation`: what we sent would be the next one.
   */
  keep(stream: BoundStream, error: XmppConnectionError): void;
  /** What to ask the server for; to be called once for each time that it is asked. */
  attempt(): { id: string; h: number } | undefined;
  /**
   * The server has resumed it, and has `h` of our stanzas.
   * @returns undefined when that cannot be, or nothing is kept any more; nothing is, from now on
   */
  take(h: number): BoundStream | undefined;
  /** It cannot be resumed. `h`: what the server remembers to have of our stanzas. */
  giveUp(h?: number): void;
  /** Gives up, and keeps nothing any more. */
  stop(): void;
};

/** @param onGivenUp what was possible is no longer so, and nothing was resumed */
export function createResumption(clock: Clock, onGivenUp: () => void): Resumption {
  let kept:
    { stream: BoundStream; id: string; error: XmppConnectionError; cancel: () => void } | undefined;
  let isStopped = false;

  function letGo(): typeof kept {
    const had = kept;
    kept = undefined;
    had?.cancel();
    return had;
  }

  function giveUp(h?: number): void {
    const had = letGo();
    if (!had) return;
    // What the server remembers is what it got before it gave the stream up (§5).
    const isFinal = h !== undefined && had.stream.ledger.canBe(h);
    if (isFinal) had.stream.ledger.acknowledged(h);
    endBoundStream(had.stream, had.error, isFinal);
    onGivenUp();
  }

  return {
    get isPossible() {
      return kept !== undefined;
    },
    keep(stream, error) {
      const isBroken = error.fatal || BREAKING.has(error.condition);
      if (isStopped || isBroken || !stream.resumption || !stream.ledger.isComplete) {
        return endBoundStream(stream, error);
      }
      stream.ledger.detach();
      const { id, maxSeconds } = stream.resumption;
      const ms = maxSeconds === undefined ? USUAL_MS : Math.min(maxSeconds * 1000, LONGEST_MS);
      kept = { stream, id, error, cancel: clock.after(ms, () => giveUp()) };
    },
    attempt() {
      if (!kept) return undefined;
      const { stream, id } = kept;
      stream.attempts += 1;
      if (stream.attempts > MAX_ATTEMPTS || !stream.ledger.isComplete) {
        giveUp();
        return undefined;
      }
      return { id, h: stream.ledger.rewind() };
    },
    take(h) {
      if (!kept?.stream.ledger.canBe(h)) {
        giveUp();
        return undefined;
      }
      const { stream } = kept;
      letGo();
      stream.ledger.acknowledged(h);
      return stream;
    },
    giveUp,
    stop() {
      isStopped = true;
      giveUp();
    },
  };
}

/** Stanzas that may come before `<enabled/>`. */
const MAX_EARLY = 1000;

/**
 * XEP-0198 §3. Nothing else is written until the answer is here.
 * @returns in `early` the stanzas that came before it, and do not count: a room that has not noticed that
 *   we were gone talks to us as soon as the resource is bound
 */
export async function enableManagement(
  stream: XmppStream,
): Promise<{ management: Management; early: Element[] }> {
  const early: Element[] = [];
  stream.send(encodeEnable());
  for (;;) {
    const element = await stream.next({ last: true });
    const answer = decodeManagement(element);
    if (answer?.kind === "enabled") {
      return { management: { resumption: answer.resumption }, early };
    }
    if (answer?.kind === "failed") return { management: undefined, early };
    if (!isStanza(element) || early.push(element) > MAX_EARLY) {
      throw connectionError("protocol", `expected <enabled/>, got <${element.name.slice(0, 40)}/>`);
    }
  }
}

/** RFC 6120 §8. */
export function isStanza(element: Element): boolean {
  return ["iq", "message", "presence"].includes(element.getName());
}

/**
 * XEP-0198 §5: asks for the stream of before.
 * @returns undefined when there is none, or the server does not have it any more: a resource can be bound
 */
export async function resumeStream(
  stream: XmppStream,
  resumption: Resumption,
): Promise<BoundStream | undefined> {
  const request = resumption.attempt();
  if (!request) return undefined;
  stream.send(encodeResume(request));
  let element: Element;
  try {
    element = await stream.next({ last: true });
  } catch (error) {
    // A line that broke says nothing; a server that keeps silent or ends the stream does.
    const isBrokenLine = error instanceof XmppConnectionError && error.condition === "network";
    if (!isBrokenLine) resumption.giveUp();
    throw error;
  }
  const answer = decodeManagement(element);
  if (answer?.kind === "failed") {
    resumption.giveUp(answer.h);
    return undefined;
  }
  const isOurs = answer?.kind === "resumed" && answer.id === request.id;
  const bound = isOurs ? resumption.take(answer.h) : undefined;
  if (bound) return bound;
  resumption.giveUp();
  throw connectionError(
    "protocol",
    isOurs
      ? "the server resumed the stream with stanzas that were never sent"
      : `expected <resumed/>, got <${element.name.slice(0, 40)}/>`,
  );
}
