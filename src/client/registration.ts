/**
 * Makes an account on a server that offers it (XEP-0077 §3.1), over a stream behind TLS on which nobody is
 * logged in; and takes it back (§3.2).
 */
import { randomUUID } from "node:crypto";
import type { Element } from "ltx";
import { XmppStanzaError } from "../errors.ts";
import { attribute } from "../protocol/element.ts";
import type { FullJid, Jid } from "../protocol/jid.ts";
import { encodeRequest } from "../protocol/rfc-6120-iq.ts";
import { decodeStanzaError } from "../protocol/rfc-6120-stanza-error.ts";
import {
  decodeRegistration,
  encodeRegistration,
  encodeRegistrationQuery,
  encodeRegistrationRemoval,
  type RegistrationOffer,
} from "../protocol/xep-0077-registration.ts";
import { connectionError } from "./conditions.ts";
import type { Asker } from "./server-services.ts";
import type { XmppStream } from "./xmppjs.ts";

const ANSWER_MS = 20_000;
/** Elements that may come before the answer. */
const MAX_OTHERS = 20;

/**
 * What the server wants to know.
 * @throws XmppStanzaError where it refuses; XmppConnectionError
 */
export async function askRegistration(
  stream: XmppStream,
  { domain }: Jid,
): Promise<RegistrationOffer> {
  const answer = await ask(stream, "get", encodeRegistrationQuery(), domain);
  const offer = decodeRegistration(answer);
  if (!offer) throw connectionError("protocol", `${domain} does not say what it wants to know`);
  return offer;
}

/**
 * Hands the answers in.
 * @param answers by the names of the fields, the password among them
 * @throws XmppStanzaError: `conflict` where the name is taken, `not-acceptable` where an answer is; XmppConnectionError
 */
export async function register(
  stream: XmppStream,
  { domain }: Jid,
  offer: RegistrationOffer,
  answers: ReadonlyMap<string, readonly string[]>,
): Promise<void> {
  // The rule of negotiation.ts, for whoever gets here otherwise.
  if (!stream.secure) throw connectionError("tls-required", `${stream.address} is not encrypted`);
  await ask(stream, "set", encodeRegistration(offer, answers), domain);
}

/** Ends the account that is logged in. @throws what `request` throws; the server may cut us off instead of answering */
export async function unregister(asker: Asker): Promise<void> {
  await asker.request(encodeRequest("set", encodeRegistrationRemoval()));
}

async function ask(
  stream: XmppStream,
  type: "get" | "set",
  payload: Element,
  domain: string,
): Promise<Element> {
  // A bare domain is a JID (RFC 7622 §3.1).
  const iq = encodeRequest(type, payload, domain as FullJid);
  const id = (iq.attrs["id"] = randomUUID());
  const timer = setTimeout(() => {
    const seconds = ANSWER_MS / 1000;
    stream.fail(connectionError("timeout", `${stream.address} did not answer within ${seconds} s`));
  }, ANSWER_MS);
  try {
    stream.send(iq);
    for (let others = 0; others <= MAX_OTHERS; others += 1) {
      const answer = await stream.next();
      if (answer.getName() !== "iq" || attribute(answer, "id") !== id) continue;
      if (attribute(answer, "type") !== "error") return answer;
      const { type: kind, condition, text } = decodeStanzaError(answer);
      throw new XmppStanzaError(kind, condition, text);
    }
    throw connectionError("protocol", "the server talks out of turn");
  } finally {
    clearTimeout(timer);
  }
}
