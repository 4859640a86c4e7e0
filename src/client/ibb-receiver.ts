/**
 * The receiving end of one in-band bytestream (XEP-0047) that carries one file: blocks in their order, no more
 * than was announced, and at the end the right octets. Nothing here sends, waits or writes.
 *
 * | state   | open           | data                          | close                    |
 * | ------- | -------------- | ----------------------------- | ------------------------ |
 * | waiting | open           | item-not-found                | over: cancelled          |
 * | open    | not-acceptable | open, or over: what was wrong | over: received, or not   |
 * | over    | item-not-found | item-not-found                | item-not-found           |
 */
import { createHash } from "node:crypto";
import type { Element } from "ltx";
import { encodeRefusal, encodeResult } from "../protocol/rfc-6120-iq.ts";
import type { StanzaErrorType } from "../protocol/rfc-6120-stanza-error.ts";
import { SEQUENCE_NUMBERS, type IbbRequest } from "../protocol/xep-0047-ibb.ts";
import { strongestHash, type Hash } from "../protocol/xep-0300-hashes.ts";

export type StreamEnd =
  | "received"
  /** The sender ended it before it began. */
  | "cancelled"
  /** The sender ended it before all was there. */
  | "incomplete"
  /** More octets than announced, or than we take. */
  | "too-large"
  /** A block is missing. */
  | "out-of-order"
  /** A block that is none, or larger than agreed. */
  | "malformed"
  /** All was there, but not what was announced. */
  | "wrong-hash";

export type StreamStep = {
  /** The iq to answer with: a result or an error, without addresses. */
  answer: Element;
  /** The next octets of the file; to be written before the answer goes out, which lets the sender go on. */
  bytes?: Buffer | undefined;
  /** The stream is over, and why. */
  end?: StreamEnd | undefined;
};

export type StreamBounds = {
  /** Octets of a block at most; a sender who wants more is asked for less. */
  blockSize: number;
  /** Octets of the file, as announced; undefined when they were not. */
  size: number | undefined;
  /** Octets of the file at most. */
  maxBytes: number;
  /** As announced; the strongest is checked. */
  hashes: readonly Hash[];
};

export type IbbReceiver = {
  readonly state: "waiting" | "open" | "over";
  /** `id` is that of the iq: after a resumed stream (XEP-0198) the same one may come twice. */
  receive(request: IbbRequest, id: string | undefined): StreamStep;
  /** For a sender who ends the transfer without ending the stream: what the end is if this is it. */
  verdict(): StreamEnd;
  /** Whether all is there that was announced; false where size and hash are unknown. */
  isComplete(): boolean;
};

export function createIbbReceiver(bounds: StreamBounds): IbbReceiver {
  const limit = Math.min(bounds.maxBytes, bounds.size ?? bounds.maxBytes);
  const announced = strongestHash(bounds.hashes);
  const hash = announced && createHash(announced.cryptoName);
  let state: IbbReceiver["state"] = "waiting";
  let blockSize = bounds.blockSize;
  let received = 0;
  let sequence = 0;
  let last: { id: string | undefined; kind: string; seq?: number } | undefined;

  function receive(request: IbbRequest, id: string | undefined): StreamStep {
    if (state === "over") return refuse("cancel", "item-not-found");
    if (isRepeated(request, id)) return { answer: encodeResult() };
    if (request.kind === "open") return open(request, id);
    if (request.kind === "data") return take(request, id);
    if (request.kind === "close") return end(verdict(), encodeResult());
    const answer = encodeRefusal({ type: "modify", condition: "bad-request" });
    return state === "open" ? end("malformed", answer) : { answer };
  }

  function isRepeated(request: IbbRequest, id: string | undefined): boolean {
    if (id === undefined || id !== last?.id || request.kind !== last.kind) return false;
    return request.kind !== "data" || request.seq === last.seq;
  }

  function open(request: IbbRequest & { kind: "open" }, id: string | undefined): StreamStep {
    if (state !== "waiting") return refuse("cancel", "not-acceptable");
    if (request.stanza !== "iq") return refuse("cancel", "feature-not-implemented");
    // XEP-0047 §2.1, XEP-0261 §2.2: the sender may try again with smaller ones.
    if (request.blockSize > blockSize) return refuse("modify", "resource-constraint");
    blockSize = request.blockSize;
    state = "open";
    last = { id, kind: "open" };
    return { answer: encodeResult() };
  }

  function take(request: IbbRequest & { kind: "data" }, id: string | undefined): StreamStep {
    const { seq, data } = request;
    if (state !== "open") return refuse("cancel", "item-not-found");
    const problem = problemOf(seq, data);
    if (problem) return end(problem.end, refuse("cancel", problem.condition).answer);
    sequence = (sequence + 1) % SEQUENCE_NUMBERS;
    received += data.length;
    last = { id, kind: "data", seq };
    hash?.update(data);
    return { answer: encodeResult(), bytes: data };
  }

  function problemOf(seq: number, data: Buffer): { end: StreamEnd; condition: string } | undefined {
    if (seq !== sequence) return { end: "out-of-order", condition: "unexpected-request" };
    if (data.length > blockSize) return { end: "malformed", condition: "bad-request" };
    if (received + data.length > limit) return { end: "too-large", condition: "not-acceptable" };
    return undefined;
  }

  function verdict(): StreamEnd {
    if (state === "waiting") return "cancelled";
    if (bounds.size !== undefined && received !== bounds.size) return "incomplete";
    if (!announced || !hash) return "received";
    const isRight = hash.copy().digest().equals(Buffer.from(announced.digest, "base64"));
    return isRight ? "received" : "wrong-hash";
  }

  function isComplete(): boolean {
    const isKnown = bounds.size !== undefined || announced !== undefined;
    return state === "open" && isKnown && verdict() === "received";
  }

  function end(how: StreamEnd, answer: Element): StreamStep {
    state = "over";
    return { answer, end: how };
  }

  return {
    get state() {
      return state;
    },
    receive,
    verdict,
    isComplete,
  };
}

function refuse(type: StanzaErrorType, condition: string): StreamStep {
  return { answer: encodeRefusal({ type, condition }) };
}
