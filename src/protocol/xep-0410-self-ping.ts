/**
 * XEP-0410 MUC Self-Ping 1.1.0, https://xmpp.org/extensions/xep-0410.html
 */
import type { StanzaError } from "./rfc-6120-stanza-error.ts";

export type SelfPingVerdict = "joined" | "not-joined" | "unknown";

/**
 * §3.2, by the condition of the error; every other one, most often `not-acceptable`, says that we are
 * out. `item-not-found` means that another client has just changed our nick; but Prosody also gives
 * it for a room that is gone, so who gets it again and again should ask the room (disco#info).
 */
const VERDICTS: ReadonlyMap<string, SelfPingVerdict> = new Map<string, SelfPingVerdict>([
  ["service-unavailable", "joined"],
  ["feature-not-implemented", "joined"],
  ["item-not-found", "joined"],
  ["remote-server-not-found", "unknown"],
  ["remote-server-timeout", "unknown"],
]);

/** Whether we are in a room, by what became of a ping (XEP-0199) to our own occupant JID. */
export function decideSelfPing(answer: "result" | StanzaError | "timeout"): SelfPingVerdict {
  if (answer === "result") return "joined";
  if (answer === "timeout") return "unknown";
  return VERDICTS.get(answer.condition) ?? "not-joined";
}
