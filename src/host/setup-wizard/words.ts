/** What the set-up says of a failure: what is wrong, and what to do about it. */
import { XmppConnectionError, XmppStanzaError, messageOf } from "../../errors.ts";

/** By condition, for those that a running session just tries again, and that therefore bring no advice. */
const ADVICE: Readonly<Record<string, string>> = {
  unreachable:
    "Check that the server runs, that its address and port are right, and that no firewall stands between.",
  network: "The server took the connection and ended it: check the port, and look into its log.",
  timeout:
    "The server took the connection and said nothing: check the port, and whether it speaks XMPP.",
  dns: "Check the spelling of the domain, or name the server's address.",
  protocol:
    "What answers there does not talk as an XMPP server does: check the address and the port.",
  "see-other-host": "The server sends its clients elsewhere: name that address as the server.",
  "temporary-auth-failure": "The server cannot check passwords just now: try again in a while.",
  "policy-violation":
    "The server turns this machine away for now: wait some minutes, then try again.",
  "resource-constraint": "The server has no room for another login just now: try again in a while.",
  "system-shutdown": "The server is shutting down: try again when it is back.",
  reset: "The server is starting anew: try again in a while.",
  "internal-server-error":
    "Something is wrong within the server: look into its log, or tell its administrator.",
  "connection-timeout":
    "The server gave up waiting for us: try again; if it stays so, check the line.",
  "remote-connection-failed":
    "What answers there could not reach the server behind it: check `server`, or tell its administrator.",
  "not-well-formed":
    "Something on the way changes what is sent: check the address, and any proxy in between.",
  "invalid-xml":
    "Something on the way changes what is sent: check the address, and any proxy in between.",
  "undefined-condition": "The server does not say why: look into its log.",
  aborted: "The server broke the login off: try again; if it stays so, look into its log.",
  "malformed-request": "The server did not understand the login: look into its log.",
  credentials: "Give the password again, or check the secret or file that holds it.",
};
const USUAL = "Try again; if it stays so, look into the server's log.";

/** Of a failed connection, login or question: what is wrong, then what to do. A condition that nobody knows is told as the server named it. */
export function describeFailure(error: unknown): [wrong: string, advice: string] {
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return ["It took too long.", ADVICE["timeout"] ?? USUAL];
  }
  const wrong = oneLine(capital(messageOf(error)), 400).replace(/\.?$/, ".");
  if (error instanceof XmppConnectionError) {
    return [wrong, error.advice ?? ADVICE[error.condition] ?? USUAL];
  }
  return [wrong, USUAL];
}

/** Of a refused registration (XEP-0077 §3.1.1). */
export function describeRefusal(error: unknown, jid: string): [wrong: string, advice: string] {
  if (!(error instanceof XmppStanzaError)) return describeFailure(error);
  const said = error.text ? ` (${oneLine(error.text, 200)})` : "";
  switch (error.condition) {
    case "conflict":
      return [`${jid} is taken already${said}.`, "Choose another JID, or give its password."];
    case "not-acceptable":
    case "bad-request":
      return [`The server does not accept the answers${said}.`, "Try others."];
    case "not-allowed":
    case "forbidden":
    case "service-unavailable":
      return [
        `The server makes no accounts this way${said}.`,
        "Ask its administrator for one, or make it on its web page.",
      ];
    case "resource-constraint":
    case "policy-violation":
      return [
        `The server makes no more accounts for this machine now${said}.`,
        "Wait a while, or ask its administrator.",
      ];
    default:
      return [`The server refused with ${error.condition}${said}.`, USUAL];
  }
}

function capital(text: string): string {
  // A host name keeps its spelling.
  return /^[a-z]+ /.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

/** Text that others wrote, fit for a line on a terminal: no control characters, at most `max` long. */
export function oneLine(text: string, max: number): string {
  const line = text.replace(/[\p{C}\s]+/gu, " ").trim();
  return line.length > max ? `${line.slice(0, max - 1)}…` : line;
}
