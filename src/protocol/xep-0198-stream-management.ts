/**
 * XEP-0198 Stream Management 1.6.3, https://xmpp.org/extensions/xep-0198.html: the elements beside the
 * stanzas of a stream. What they mean is in client/stream-management.ts and client/resumption.ts.
 */
import { Element } from "ltx";
import { attribute } from "./element.ts";

export const STREAM_MANAGEMENT = "urn:xmpp:sm:3";
/** `h` is one of so many values, and starts again from 0 (§4). */
export const COUNTER_RANGE = 2 ** 32;

/** How the server names a stream that can be resumed, and for how many seconds it keeps it (§5). */
export type ResumableStream = { id: string; maxSeconds?: number | undefined };

/** What a server may say. `h`: how many of our stanzas it has handled. */
export type ManagementElement =
  /** `resumption` is absent where the stream cannot be resumed. */
  | { kind: "enabled"; resumption?: ResumableStream | undefined }
  | { kind: "resumed"; id: string; h: number }
  /** The answer to `enable` or `resume`; `h` where it remembers the stream that it cannot resume. */
  | { kind: "failed"; h?: number | undefined }
  /** `<r/>`: it asks what we have handled. */
  | { kind: "request" }
  /** `<a/>`: `h` is absent where it is none, which is an error of the stream. */
  | { kind: "acknowledgement"; h?: number | undefined };

/** Whether stream features offer stream management (§2). */
export function offersStreamManagement(features: Element): boolean {
  return features.getChild("sm", STREAM_MANAGEMENT) !== undefined;
}

/** undefined for what is no element of stream management, or makes no sense. */
export function decodeManagement(element: Element): ManagementElement | undefined {
  if (element.getNS() !== STREAM_MANAGEMENT) return undefined;
  const h = unsignedInt(attribute(element, "h"));
  switch (element.getName()) {
    case "enabled":
      return { kind: "enabled", resumption: decodeResumption(element) };
    case "resumed": {
      const id = attribute(element, "previd");
      return id === undefined || h === undefined ? undefined : { kind: "resumed", id, h };
    }
    case "failed":
      return { kind: "failed", h };
    case "r":
      return { kind: "request" };
    case "a":
      return { kind: "acknowledgement", h };
    default:
      return undefined;
  }
}

/** §5: to be resumed, a stream needs the server's word for it and a name. `location` is not read. */
function decodeResumption(enabled: Element): ResumableStream | undefined {
  const resume = attribute(enabled, "resume");
  const id = attribute(enabled, "id");
  if ((resume !== "true" && resume !== "1") || !id) return undefined;
  return { id, maxSeconds: unsignedInt(attribute(enabled, "max")) || undefined };
}

function unsignedInt(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  const value = Number(text);
  return value < COUNTER_RANGE ? value : undefined;
}

/** §3: manage this stream, and let it be resumed. */
export function encodeEnable(): Element {
  return new Element("enable", { xmlns: STREAM_MANAGEMENT, resume: "true" });
}

/** §5: go on with the stream `id`, of which we have handled `h` stanzas. */
export function encodeResume({ id, h }: { id: string; h: number }): Element {
  return new Element("resume", { xmlns: STREAM_MANAGEMENT, h, previd: id });
}

/** §4: what have you handled? */
export function encodeAcknowledgementRequest(): Element {
  return new Element("r", { xmlns: STREAM_MANAGEMENT });
}

/** §4: we have handled `h` stanzas. */
export function encodeAcknowledgement(h: number): Element {
  return new Element("a", { xmlns: STREAM_MANAGEMENT, h });
}
