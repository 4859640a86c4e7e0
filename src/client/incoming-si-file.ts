/**
 * A file offered by SI (XEP-0096) and sent in-band.
 *
 * | state    | comes            | goes                     | then             |
 * | -------- | ---------------- | ------------------------ | ---------------- |
 * | offered  | (our decision)   | `<si/>`, or an error     | accepted, over   |
 * | accepted | open, data, close| what ibb-receiver says   | accepted, over   |
 */
import { Element } from "ltx";
import { attribute } from "../protocol/element.ts";
import type { FullJid } from "../protocol/jid.ts";
import { encodeRefusal } from "../protocol/rfc-6120-iq.ts";
import type { StanzaError } from "../protocol/rfc-6120-stanza-error.ts";
import { IBB, MAX_BLOCK_SIZE, decodeIbbRequest, encodeIbbClose } from "../protocol/xep-0047-ibb.ts";
import {
  SI,
  decodeSiOffer,
  encodeSiAccept,
  type SiOffer,
} from "../protocol/xep-0096-si-file-transfer.ts";
import { createIbbReceiver, type IbbReceiver } from "./ibb-receiver.ts";
import type { DecodedOffer, FileOutcome, FileStep } from "./incoming-file.ts";

/** XEP-0095 §3.2 knows but one way to say no. */
const REFUSALS = {
  unwanted: { type: "cancel", condition: "forbidden", text: "Offer declined" },
  "too-large": { type: "cancel", condition: "forbidden", text: "The file is too large" },
  busy: { type: "wait", condition: "resource-constraint" },
} as const satisfies Record<string, StanzaError>;

/** `id` is that of the iq with the offer; `receive` is to be given what comes from `from` only. */
export function createSiFile(
  { id: sid, file, methods }: SiOffer,
  from: FullJid,
  id: string | undefined,
): DecodedOffer {
  if (!file) return refuse("modify", "bad-profile");
  if (!methods.includes(IBB)) return refuse("cancel", "no-valid-streams");
  const { size, hashes } = file;
  let stream: IbbReceiver | undefined;
  let isOver = false;

  function over(outcome: FileOutcome, answer?: Element, requests: Element[] = []): FileStep {
    isOver = true;
    return { answer, requests, outcome };
  }

  function decline(why: keyof typeof REFUSALS): FileStep {
    return over("declined", encodeRefusal(REFUSALS[why]));
  }

  return {
    file: {
      offer: { ...file, from, sid },
      accept({ maxBytes, maxBlockSize = MAX_BLOCK_SIZE }) {
        if (size !== undefined && size > maxBytes) return decline("too-large");
        stream = createIbbReceiver({ blockSize: maxBlockSize, size, maxBytes, hashes });
        return { answer: encodeSiAccept(IBB), requests: [] };
      },
      decline,
      receive(iq) {
        if (isOver) return undefined;
        if (stream && id !== undefined && attribute(iq, "id") === id && decodeSiOffer(iq)) {
          return { answer: encodeSiAccept(IBB), requests: [] };
        }
        const request = decodeIbbRequest(iq);
        if (!stream || request?.sid !== sid) return undefined;
        const { answer, bytes, end } = stream.receive(request, attribute(iq, "id"));
        if (end === undefined) return { bytes, answer, requests: [] };
        const requests = request.kind === "close" ? [] : [encodeIbbClose(from, sid)];
        return over(end, answer, requests);
      },
      // Nothing is asked but the end.
      refused: () => ({ requests: [] }),
      abort() {
        if (!stream) return decline("busy");
        const requests = stream.state === "open" ? [encodeIbbClose(from, sid)] : [];
        return over(stream.isComplete() ? "received" : "aborted", undefined, requests);
      },
    },
  };
}

function refuse(type: "cancel" | "modify", name: string): DecodedOffer {
  const error: StanzaError = { type, condition: "bad-request" };
  const detail = new Element(name, { xmlns: SI });
  return { refusal: { answer: encodeRefusal(error, detail), requests: [] } };
}
