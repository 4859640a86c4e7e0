/**
 * Whether somebody may see the agent's presence (RFC 6121 §3.1), by the policy for direct messages.
 *
 * | dmPolicy            | decision                      |
 * | ------------------- | ----------------------------- |
 * | `open`, `pairing`   | accept                        |
 * | `allowlist`         | accept the listed, refuse the rest |
 * | `disabled`          | refuse                        |
 */
import type { BareJid } from "../protocol/jid.ts";
import { matchesAllowlist } from "./allowlist.ts";

export type DmPolicy = "open" | "pairing" | "allowlist" | "disabled";

export function decideSubscription(
  from: BareJid,
  settings: { dmPolicy: DmPolicy; allowFrom: readonly string[] },
): "accept" | "refuse" {
  switch (settings.dmPolicy) {
    case "open":
    case "pairing":
      return "accept";
    case "allowlist":
      return matchesAllowlist(settings.allowFrom, from) ? "accept" : "refuse";
    default:
      return "refuse";
  }
}
