/**
 * Logging in: SASL over the stream (RFC 6120 §6) with the strongest SCRAM that the server offers.
 *
 * PLAIN is not among our mechanisms: it would hand the password to whoever holds a certificate for
 * the domain. A further mechanism is a further entry next to SCRAM_NAMES.
 */
import { Element } from "ltx";
import { connectionError, NS_SASL, saslError } from "./conditions.ts";
import { createScram, SCRAM_NAMES } from "./scram.ts";
import type { ScramName } from "./scram.ts";
import type { XmppStream } from "./xmppjs.ts";

export type Credentials = { username: string; password: string };

/** The mechanism to use. @throws XmppConnectionError `no-mechanism` when none of ours is offered */
export function chooseMechanism(features: Element): ScramName {
  const offered = (features.getChild("mechanisms", NS_SASL)?.getChildren("mechanism") ?? []).map(
    (mechanism) => mechanism.getText().trim(),
  );
  const chosen = SCRAM_NAMES.find((name) => offered.includes(name));
  if (chosen) return chosen;
  const list = offered
    .map((name) => name.slice(0, 30))
    .slice(0, 10)
    .join(", ");
  throw connectionError(
    "no-mechanism",
    `the server offers no SCRAM login, only: ${list || "none"}`,
  );
}

/**
 * Authenticates on a stream that just sent `features`. The caller vouches for its encryption.
 * @returns the mechanism that was used
 * @throws XmppConnectionError with the SASL condition, `no-mechanism`, `server-signature` or `protocol`
 */
export async function authenticate(
  stream: XmppStream,
  features: Element,
  credentials: Credentials,
): Promise<ScramName> {
  const name = chooseMechanism(features);
  const scram = createScram(name, credentials.username, credentials.password);
  stream.send(saslElement("auth", scram.first, { mechanism: name }));
  const serverFirst = await challenge(stream);
  stream.send(saslElement("response", await scram.final(serverFirst)));

  // The server's final message comes within <success/>, or as a further challenge before it.
  const answer = await nextStep(stream);
  if (answer.getName() === "success") {
    scram.verify(decode(answer));
    return name;
  }
  scram.verify(decode(answer));
  stream.send(saslElement("response", ""));
  const success = await nextStep(stream);
  if (success.getName() === "success") return name;
  throw connectionError("protocol", "SASL: the server asks on after its final message");
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
async function nextStep(stream: XmppStream): Promise<Element> {
  const element = await stream.next();
  if (element.is("failure", NS_SASL)) throw saslError(element);
  if (element.is("challenge", NS_SASL) || element.is("success", NS_SASL)) return element;
  throw connectionError("protocol", `SASL: the server sent <${element.name.slice(0, 40)}/>`);
}

async function challenge(stream: XmppStream): Promise<string> {
  const element = await nextStep(stream);
  if (element.getName() === "challenge") return decode(element);
  throw connectionError(
    "server-signature",
    "the server let us in without proving that it knows the password",
  );
}
