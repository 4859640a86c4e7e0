/**
 * A file offered by Jingle (XEP-0234) and sent in-band (XEP-0261). An offer to send it another way (SOCKS5) is
 * answered with the wish for in-band (XEP-0166 §7.2.15), before it is accepted.
 *
 * | state     | comes                         | goes                              | then      |
 * | --------- | ----------------------------- | --------------------------------- | --------- |
 * | offered   | (our decision)                | session-accept                    | accepted  |
 * |           |                               | transport-replace                 | replacing |
 * |           |                               | session-terminate                 | over      |
 * | replacing | transport-accept              | session-accept                    | accepted  |
 * |           | transport-replace to in-band  | transport-accept, session-accept  | accepted  |
 * |           | transport-reject, an error    | session-terminate                 | over      |
 * | accepted  | open, data, close             | what ibb-receiver says            | accepted  |
 * |           | … and the stream is over      | session-terminate                 | over      |
 * |           | transport-replace to in-band  | transport-accept                  | accepted  |
 * | any       | session-terminate             |                                   | over      |
 */
import { Element } from "ltx";
import { attribute, detached } from "../protocol/element.ts";
import type { FullJid } from "../protocol/jid.ts";
import { encodeRefusal, encodeResult } from "../protocol/rfc-6120-iq.ts";
import { MAX_BLOCK_SIZE, decodeIbbRequest, encodeIbbClose } from "../protocol/xep-0047-ibb.ts";
import {
  JINGLE_ERRORS,
  decodeJingle,
  decodeSessionInfo,
  encodeJingle,
  encodeTerminate,
  type JingleReason,
  type JingleRequest,
} from "../protocol/xep-0166-jingle.ts";
import {
  JINGLE_FILE,
  decodeJingleFile,
  encodeFileTooLarge,
  encodeJingleFile,
} from "../protocol/xep-0234-jingle-file-transfer.ts";
import {
  JINGLE_IBB,
  decodeIbbTransport,
  encodeIbbTransport,
  type IbbTransport,
} from "../protocol/xep-0261-jingle-ibb.ts";
import { createIbbReceiver, type IbbReceiver } from "./ibb-receiver.ts";
import type {
  DecodedOffer,
  FileBounds,
  FileOutcome,
  FileStep,
  IncomingFile,
} from "./incoming-file.ts";

/** With which reason a session ends (XEP-0166 §7.4, XEP-0234 §9.2). */
const REASONS: Readonly<Record<FileOutcome, JingleReason>> = {
  received: "success",
  cancelled: "cancel",
  incomplete: "failed-transport",
  "too-large": "media-error",
  "out-of-order": "failed-transport",
  malformed: "failed-transport",
  "wrong-hash": "media-error",
  declined: "decline",
  aborted: "cancel",
  "no-stream": "unsupported-transports",
};

/** What clients ask for, and what Gajim sends even where more was agreed on. */
const BLOCK_SIZE = 4096;

/** `iq` holds the session-initiate; `receive` is to be given what comes from `from` only. */
export function createJingleFile(jingle: JingleRequest, from: FullJid, iq: Element): DecodedOffer {
  const session = { sid: jingle.sid, peer: from };
  const content = onlyFile(jingle);
  if (typeof content === "string") {
    const requests = [encodeTerminate(session, content)];
    return { refusal: { answer: encodeResult(), requests } };
  }
  const { file, ...about } = content;
  const offered = about.transport && decodeIbbTransport(about.transport);
  if (about.transport?.getNS() === JINGLE_IBB && !offered) {
    return { refusal: refuse("modify", "bad-request") };
  }
  const responder = attribute(iq, "to");
  let state: "offered" | "replacing" | "accepted" | "over" = "offered";
  let bounds: FileBounds = { maxBytes: 0 };
  let transport: IbbTransport | undefined;
  let stream: IbbReceiver | undefined;

  function over(outcome: FileOutcome, answer?: Element, requests: Element[] = []): FileStep {
    state = "over";
    return { answer, requests, outcome };
  }

  /** Ends the session from our side. */
  function terminate(
    outcome: FileOutcome,
    answer?: Element,
    reason: JingleReason = REASONS[outcome],
  ): FileStep {
    const isOpen = transport && stream?.state === "open";
    const close = isOpen ? [encodeIbbClose(from, (transport as IbbTransport).sid)] : [];
    const detail =
      reason === "media-error" && outcome !== "wrong-hash" ? encodeFileTooLarge() : undefined;
    return over(outcome, answer, [...close, encodeTerminate(session, reason, detail)]);
  }

  function action(
    name: "session-accept" | "transport-accept" | "transport-replace",
    children: Element[],
  ): Element {
    const isAccept = name === "session-accept" && responder !== undefined;
    return encodeJingle(session, name, about, children, isAccept ? { responder } : {});
  }

  function useTransport(proposed: IbbTransport): Element {
    const { maxBytes, maxBlockSize = MAX_BLOCK_SIZE } = bounds;
    transport = { ...proposed, blockSize: Math.min(proposed.blockSize, maxBlockSize) };
    const { size, hashes } = file;
    stream = createIbbReceiver({ blockSize: transport.blockSize, size, maxBytes, hashes });
    return encodeIbbTransport(transport);
  }

  /** What we agree to is `useTransport`'s to say. */
  function sessionAccept(agreed: Element): Element {
    state = "accepted";
    return action("session-accept", [encodeJingleFile(file), agreed]);
  }

  function accept(given: FileBounds): FileStep {
    if (state === "over") return { answer: encodeResult(), requests: [] };
    if (file.size !== undefined && file.size > given.maxBytes) return decline("too-large");
    bounds = given;
    const answer = encodeResult();
    if (offered?.stanza === "iq")
      return { answer, requests: [sessionAccept(useTransport(offered))] };
    state = "replacing";
    const blockSize = Math.min(BLOCK_SIZE, bounds.maxBlockSize ?? BLOCK_SIZE);
    const wanted = encodeIbbTransport({ sid: `${session.sid}-ibb`, blockSize });
    return { answer, requests: [action("transport-replace", [wanted])] };
  }

  function decline(why: "unwanted" | "too-large" | "busy"): FileStep {
    const answer = encodeResult();
    if (state === "over") return { answer, requests: [] };
    const reasons = { unwanted: "decline", "too-large": "media-error", busy: "busy" } as const;
    return terminate("declined", answer, reasons[why]);
  }

  function receive(next: Element): FileStep | undefined {
    if (state === "over") return undefined;
    const request = decodeIbbRequest(next);
    if (request) {
      if (!stream || request.sid !== transport?.sid) return undefined;
      const { answer, bytes, end } = stream.receive(request, attribute(next, "id"));
      return end === undefined ? { bytes, answer, requests: [] } : terminate(end, answer);
    }
    const jingleRequest = decodeJingle(next);
    if (!jingleRequest || jingleRequest === "malformed" || jingleRequest.sid !== session.sid) {
      return undefined;
    }
    return react(jingleRequest, next);
  }

  function react(request: JingleRequest, next: Element): FileStep {
    const answer = encodeResult();
    const done = { answer, requests: [] };
    switch (request.action) {
      case "session-terminate": {
        const isAll = stream?.state === "open" && request.reason === "success";
        return over(isAll ? (stream as IbbReceiver).verdict() : "cancelled", answer);
      }
      case "content-remove":
        return terminate("cancelled", answer);
      case "session-info":
        return isKnownInfo(next)
          ? done
          : refuse("cancel", "feature-not-implemented", "unsupported-info");
      case "transport-info": // Candidates of what we do not use.
      case "description-info":
        return done;
      case "transport-accept":
        return state === "replacing" ? replaced(request, answer) : outOfOrder();
      case "transport-reject":
        return state === "replacing" ? terminate("no-stream", answer) : outOfOrder();
      case "transport-replace":
        return replace(request, answer);
      case "session-initiate":
        return attribute(next, "id") === attribute(iq, "id") ? done : outOfOrder();
      case "session-accept":
        return outOfOrder();
      default:
        return refuse("cancel", "feature-not-implemented");
    }
  }

  /** Our wish was granted. */
  function replaced({ contents }: JingleRequest, answer: Element): FileStep {
    const granted = contents[0]?.transport && decodeIbbTransport(contents[0].transport);
    if (granted?.stanza !== "iq") return terminate("no-stream", answer);
    return { answer, requests: [sessionAccept(useTransport(granted))] };
  }

  /** The initiator falls back to in-band, as XEP-0260 §3 says; where both wish, theirs counts (XEP-0166 §7.2.16). */
  function replace({ contents }: JingleRequest, answer: Element): FileStep {
    const proposed = contents[0]?.transport;
    const ibb = proposed && decodeIbbTransport(proposed);
    const canReplace =
      state === "replacing" || (state === "accepted" && stream?.state === "waiting");
    if (!proposed || ibb?.stanza !== "iq" || !canReplace) {
      const children = proposed ? [detached(proposed)] : [];
      const reject = encodeJingle(session, "transport-reject", about, children);
      return { answer, requests: [reject] };
    }
    const agreed = useTransport(ibb);
    const requests = [action("transport-accept", [agreed])];
    if (state === "replacing")
      requests.push(sessionAccept(encodeIbbTransport(transport as IbbTransport)));
    return { answer, requests };
  }

  const incoming: IncomingFile = {
    offer: { ...file, from, sid: session.sid },
    accept,
    decline,
    receive,
    refused(request) {
      const refusedRequest = decodeJingle(request);
      const name = typeof refusedRequest === "object" ? refusedRequest.action : undefined;
      if (name === "transport-replace" && state === "replacing") return terminate("no-stream");
      // A session that the sender does not know any more needs no end.
      const isUnknown = state === "accepted" && stream?.state === "waiting";
      return name === "session-accept" && isUnknown ? over("cancelled") : { requests: [] };
    },
    abort(why) {
      if (state === "offered") return decline("busy");
      if (state === "over") return { requests: [] };
      if (stream?.isComplete()) return terminate("received");
      return terminate("aborted", undefined, why === "timeout" ? "timeout" : "cancel");
    },
  };
  return { file: incoming };
}

/** The one file that a session is about, or why it cannot be taken. */
function onlyFile({ contents }: JingleRequest) {
  const [content, ...more] = contents;
  const file = content?.description && decodeJingleFile(content.description);
  const isFile = content?.description?.getNS() === JINGLE_FILE;
  if (!content || more.length > 0) return "failed-application";
  if (!isFile) return "unsupported-applications";
  if (content.hasSecurity) return "security-error";
  // They ask for a file of ours, or offer a part of one.
  const isOffer = content.senders === "initiator" || content.senders === "both";
  return file && isOffer ? { ...content, file } : "failed-application";
}

function isKnownInfo(iq: Element): boolean {
  const info = decodeSessionInfo(iq);
  return info === undefined || info.getNS() === JINGLE_FILE;
}

function outOfOrder(): FileStep {
  return refuse("modify", "unexpected-request", "out-of-order");
}

function refuse(type: "cancel" | "modify", condition: string, detail?: string): FileStep {
  const element = detail === undefined ? undefined : new Element(detail, { xmlns: JINGLE_ERRORS });
  return { answer: encodeRefusal({ type, condition }, element), requests: [] };
}
