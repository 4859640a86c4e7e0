/**
 * Which SASL mechanism to use of those that a server offers (RFC 6120 §6, RFC 5802, XEP-0440), and
 * whether that is less than what this server has offered before.
 *
 * Channel binding counts for more than the hash: a middleman with a valid certificate is stopped by
 * it and by nothing else.
 */
import type { SaslOffer } from "../protocol/xep-0474-downgrade.ts";

/** Strongest first: the order of preference. */
export const SCRAM_NAMES = ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1"] as const;
export type ScramName = (typeof SCRAM_NAMES)[number];
export type MechanismName = ScramName | "PLAIN";

/** Strongest first. The last one is the same for all connections to one certificate (RFC 5929 §4). */
export const BINDING_TYPES = ["tls-exporter", "tls-unique", "tls-server-end-point"] as const;
export type BindingType = (typeof BINDING_TYPES)[number];

export type SaslPolicy = {
  /** PLAIN where the server offers no SCRAM; never without TLS. Default false. */
  readonly allowPlain?: boolean | undefined;
  /** `auto` (default): where it works; `require`: no login without; `off`: never. */
  readonly channelBinding?: "auto" | "require" | "off" | undefined;
  /** Refuse a server that offers less than it did before. Default `on`. */
  readonly downgradeProtection?: "on" | "off" | undefined;
};

/** What a connection can do. */
export type Channel = {
  /** TLS is up, and ends here: over a WebSocket it may end at a proxy. */
  readonly isBindable: boolean;
  readonly isEncrypted: boolean;
  /** Types for which there is data, and that the server has not refused. */
  readonly bindings: readonly BindingType[];
};

/**
 * `flag` is the first letter of the GS2 header (RFC 5802 §7): `p` binds to `binding`; `y`: we could, but
 * the server did not offer it (a server that did knows by this that somebody stands between); `n`: we do not.
 */
export type SaslChoice =
  | { mechanism: ScramName; flag: "p"; binding: BindingType }
  | { mechanism: ScramName; flag: "y" | "n"; binding?: undefined }
  | { mechanism: "PLAIN"; binding?: undefined };

/** The mechanism to use, or why there is none. */
export function chooseSasl(
  offer: SaslOffer,
  channel: Channel,
  policy: SaslPolicy,
): SaslChoice | { refused: "no-mechanism" | "channel-binding" } {
  const has = (name: string) => offer.mechanisms.includes(name);
  const binding = policy.channelBinding === "off" ? undefined : usableBinding(offer, channel);
  const bound = SCRAM_NAMES.find((name) => has(`${name}-PLUS`));
  if (bound && binding) return { mechanism: bound, flag: "p", binding };
  if (policy.channelBinding === "require") return { refused: "channel-binding" };
  const mechanism = SCRAM_NAMES.find(has);
  if (mechanism) {
    const misses = bound === undefined && channel.isBindable && policy.channelBinding !== "off";
    return { mechanism, flag: misses ? "y" : "n" };
  }
  if (policy.allowPlain && channel.isEncrypted && has("PLAIN")) return { mechanism: "PLAIN" };
  return { refused: "no-mechanism" };
}

/**
 * Where the server announces no types, tls-unique is what everybody means, and nothing is for TLS 1.3
 * (ejabberd 23.01 offers -PLUS there and takes no type at all).
 */
function usableBinding(offer: SaslOffer, channel: Channel): BindingType | undefined {
  const announced = offer.bindings ?? ["tls-unique"];
  return BINDING_TYPES.find((type) => channel.bindings.includes(type) && announced.includes(type));
}

/** How the last login on a server went. */
export type ServerRecord = {
  readonly mechanism: MechanismName;
  readonly binding?: BindingType | undefined;
  readonly encrypted: boolean;
};

const STRENGTHS: readonly MechanismName[] = ["PLAIN", ...SCRAM_NAMES.toReversed()];

function bindingStrength(type: BindingType | undefined): number {
  return type === undefined ? 0 : type === "tls-server-end-point" ? 1 : 2;
}

/**
 * What a login would lack that the one before had, in words; undefined when it is as good or better.
 * @param isBindable binding was possible this time, as far as it is for us to say
 */
export function findDowngrade(
  before: ServerRecord,
  now: ServerRecord,
  isBindable: boolean,
): string | undefined {
  if (before.encrypted && !now.encrypted) return "TLS";
  if (isBindable && bindingStrength(now.binding) < bindingStrength(before.binding)) {
    return `channel binding (${before.binding})`;
  }
  // A hash is against whoever guesses passwords; a binding keeps a middleman out, who passes on any hash without.
  if (now.binding !== undefined && before.binding === undefined) return undefined;
  const isWeaker = STRENGTHS.indexOf(now.mechanism) < STRENGTHS.indexOf(before.mechanism);
  return isWeaker ? before.mechanism : undefined;
}
