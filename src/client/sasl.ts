/**
 * Logging in: SASL over the stream (RFC 6120 §6) with the strongest SCRAM that the server offers, bound
 * to the TLS connection where that works.
 *
 * The rule of this file: nothing that depends on the password is written before the offer was
 * compared with what the server offered before (policy/sasl.ts). The hash of XEP-0474 makes no exception:
 * whoever is in between can reckon it as well, and it says what was offered, not what was taken of it.
 */
import { Element } from "ltx";
import { XmppConnectionError } from "../errors.ts";
import {
  type BindingType,
  type MechanismName,
  type SaslChoice,
  type SaslPolicy,
  type ServerRecord,
  chooseSasl,
  findDowngrade,
} from "../policy/sasl.ts";
import { decodeChannelBindings } from "../protocol/xep-0440-channel-binding.ts";
import { type SaslOffer, isOfferChanged } from "../protocol/xep-0474-downgrade.ts";
import { connectionError, NS_SASL, saslError } from "./conditions.ts";
import {
  type Gs2,
  type ScramExchange,
  createScram,
  readAttributes,
  SCRAM_HASHES,
} from "./scram.ts";
import type { XmppStream } from "./xmppjs.ts";

/** What a login needs of a stream. */
export type SaslStream = Pick<XmppStream, "bindings" | "next" | "secure" | "send">;

export type Credentials = { username: string; password: string };

/** What authentication goes by, and what it leaves behind. */
export type SaslContext = {
  readonly policy: SaslPolicy;
  /** How the last login on this server went; undefined: there was none. */
  readonly before: ServerRecord | undefined;
  /** Types that the server has refused, though it offers them. */
  readonly refused: ReadonlySet<BindingType>;
};

export type Authenticated = {
  /** As the server calls it. */
  readonly mechanism: MechanismName | `${MechanismName}-PLUS`;
  /** To be remembered. */
  readonly record: ServerRecord;
};

/**
 * The server refused a login bound to this connection by `binding`. Either it cannot do what it offers,
 * or its TLS ends elsewhere than ours.
 */
export class BindingRefusedError extends XmppConnectionError {
  readonly binding: BindingType;
  constructor(binding: BindingType, cause: XmppConnectionError) {
    const { fatal, advice } = cause;
    super(cause.condition, cause.message, { fatal, cause, ...(advice ? { advice } : {}) });
    this.binding = binding;
  }
}

/** Bounds what is kept of a hostile list. */
const MAX_MECHANISMS = 50;

/** What the features of a stream offer. */
export function readOffer(features: Element): SaslOffer {
  const mechanisms = features.getChild("mechanisms", NS_SASL)?.getChildren("mechanism") ?? [];
  return {
    mechanisms: mechanisms.slice(0, MAX_MECHANISMS).map((element) => element.getText().trim()),
    bindings: decodeChannelBindings(features),
  };
}

/**
 * Authenticates on a stream that just sent `features`. The caller vouches for its encryption.
 * @throws XmppConnectionError with the SASL condition, `no-mechanism`, `channel-binding`, `downgrade`,
 *   `server-signature` or `protocol`; BindingRefusedError after a refused login with channel binding
 */
export async function authenticate(
  stream: SaslStream,
  features: Element,
  credentials: Credentials,
  context: SaslContext,
): Promise<Authenticated> {
  const { policy } = context;
  const offer = readOffer(features);
  const channel = {
    isBindable: stream.bindings.size > 0,
    isEncrypted: stream.secure,
    bindings: [...stream.bindings.keys()].filter((type) => !context.refused.has(type)),
  };
  const choice = chooseSasl(offer, channel, policy);
  if ("refused" in choice) throw refusal(choice.refused, offer, context);
  const record: ServerRecord = {
    mechanism: choice.mechanism,
    ...(choice.binding ? { binding: choice.binding } : {}),
    encrypted: stream.secure,
  };
  const isProtected = policy.downgradeProtection !== "off" && context.before !== undefined;
  const isBindable = channel.isBindable && policy.channelBinding !== "off";
  const lacking =
    isProtected && context.before ? findDowngrade(context.before, record, isBindable) : undefined;
  if (lacking) throw downgraded(lacking);
  if (choice.mechanism === "PLAIN") {
    await authenticatePlain(stream, credentials);
    return { mechanism: "PLAIN", record };
  }
  const mechanism = choice.flag === "p" ? (`${choice.mechanism}-PLUS` as const) : choice.mechanism;
  const { username, password } = credentials;
  const scram = createScram(choice.mechanism, username, password, gs2Of(stream, choice));
  stream.send(saslElement("auth", scram.first, { mechanism }));
  try {
    const serverFirst = await challenge(stream);
    if (policy.downgradeProtection !== "off") {
      const hash = SCRAM_HASHES[choice.mechanism];
      if (isOfferChanged(readAttributes(serverFirst), offer, hash)) throw changedOffer();
    }
    await finishScram(stream, scram, serverFirst);
  } catch (error) {
    throw explained(error, choice);
  }
  return { mechanism, record };
}

function gs2Of(stream: SaslStream, choice: Extract<SaslChoice, { flag: string }>): Gs2 {
  if (choice.flag !== "p") return { flag: choice.flag };
  const data = stream.bindings.get(choice.binding);
  if (!data) throw connectionError("protocol", `no data for ${choice.binding}`);
  return { flag: "p", type: choice.binding, data };
}

/** RFC 4616. */
async function authenticatePlain(stream: SaslStream, credentials: Credentials): Promise<void> {
  const message = `\0${credentials.username}\0${credentials.password}`;
  stream.send(saslElement("auth", message, { mechanism: "PLAIN" }));
  const answer = await nextStep(stream);
  if (answer.getName() !== "success") {
    throw connectionError("protocol", "SASL: the server asks on after PLAIN");
  }
}

async function finishScram(
  stream: SaslStream,
  scram: ScramExchange,
  serverFirst: string,
): Promise<void> {
  stream.send(saslElement("response", await scram.final(serverFirst)));
  // The server's final message comes within <success/>, or as a further challenge before it.
  const answer = await nextStep(stream);
  scram.verify(decode(answer));
  if (answer.getName() === "success") return;
  stream.send(saslElement("response", ""));
  const success = await nextStep(stream);
  if (success.getName() === "success") return;
  throw connectionError("protocol", "SASL: the server asks on after its final message");
}

/** What the server refused, seen in the light of what we said about channel binding. */
function explained(error: unknown, choice: Extract<SaslChoice, { flag: string }>): unknown {
  if (!(error instanceof XmppConnectionError) || !REFUSALS.has(error.condition)) return error;
  if (choice.flag === "p") return new BindingRefusedError(choice.binding, error);
  if (choice.flag === "n" || error.condition === "not-authorized") return error;
  // RFC 5802 §6: a server that knows channel binding must refuse who could, and was not offered it.
  return connectionError(
    "channel-binding",
    `${error.message}, after we said that it offers no channel binding`,
    { cause: error },
  );
}

/** What servers answer to channel binding that they do not take (Prosody: malformed-request). */
const REFUSALS = new Set([
  "channel-binding",
  "not-authorized",
  "malformed-request",
  "invalid-mechanism",
  "mechanism-too-weak",
  "bad-protocol",
  "undefined-condition",
]);

function refusal(
  reason: "no-mechanism" | "channel-binding",
  offer: SaslOffer,
  { before, policy }: SaslContext,
): XmppConnectionError {
  const list = offer.mechanisms
    .map((name) => name.slice(0, 30))
    .slice(0, 10)
    .join(", ");
  const isLess = before !== undefined && before.mechanism !== "PLAIN";
  if (reason === "no-mechanism" && isLess && policy.downgradeProtection !== "off") {
    return downgraded(before.mechanism, list);
  }
  const what = reason === "no-mechanism" ? "SCRAM login" : "channel binding that works";
  return connectionError(reason, `the server offers no ${what}, only: ${list || "none"}`);
}

function downgraded(lacking: string, offered?: string): XmppConnectionError {
  const instead = offered === undefined ? "" : `, only: ${offered || "none"}`;
  return connectionError("downgrade", `the server no longer offers ${lacking}${instead}`);
}

function changedOffer(): XmppConnectionError {
  return connectionError(
    "downgrade",
    "the login methods that we were offered are not those that the server says it sent (XEP-0474)",
    { advice: "Make sure that nobody stands between this machine and the server." },
  );
}

function saslElement(name: string, text: string, attrs: Record<string, string> = {}): Element {
  const element = new Element(name, { xmlns: NS_SASL, ...attrs });
  if (text !== "") element.t(Buffer.from(text, "utf8").toString("base64"));
  return element;
}

function decode(element: Element): string {
  return Buffer.from(element.getText(), "base64").toString("utf8");
}

/** The next `<challenge/>` or `<success/>`; a failure is thrown. */
async function nextStep(stream: SaslStream): Promise<Element> {
  const element = await stream.next();
  if (element.is("failure", NS_SASL)) throw saslError(element);
  if (element.is("challenge", NS_SASL) || element.is("success", NS_SASL)) return element;
  throw connectionError("protocol", `SASL: the server sent <${element.name.slice(0, 40)}/>`);
}

async function challenge(stream: SaslStream): Promise<string> {
  const element = await nextStep(stream);
  if (element.getName() === "challenge") return decode(element);
  throw connectionError(
    "server-signature",
    "the server let us in without proving that it knows the password",
  );
}
