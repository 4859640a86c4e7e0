/**
 * JIDs (RFC 7622): one parser, branded types, one preparation.
 *
 * Two JIDs name the same entity exactly when their prepared texts are equal, so everything
 * that comes from a peer, the configuration or a command line passes through `parseJid` once
 * and is compared with `===` afterwards.
 *
 * `@xmpp/jid` is not used for it: it only lower-cases, accepts what RFC 7622 §3 forbids, and
 * rewrites a local part by XEP-0106, which would make `a\b@host` another address than the
 * server's.
 */
import { domainToASCII, domainToUnicode } from "node:url";

export type BareJid = string & { readonly __jid: "bare" };
export type FullJid = string & { readonly __jid: "bare" | "full" };

export type Jid = {
  /** Absent for a bare domain. */
  local: string | undefined;
  domain: string;
  resource: string | undefined;
  bare: BareJid;
  /** bare, plus "/resource" where there is one */
  full: FullJid;
};

/** RFC 7622 §3.2–3.4: each part is 1 to 1023 octets of UTF-8. */
const MAX_PART_OCTETS = 1023;

/** Parses and prepares a JID; undefined when it is not one. Never throws, never trims. */
export function parseJid(text: string): Jid | undefined {
  // Three parts of at most 1023 octets and two separators: longer text cannot be a JID.
  if (typeof text !== "string" || text.length > 3 * MAX_PART_OCTETS + 2) return undefined;
  // RFC 7622 §3.1: the resource starts after the first slash, then the local part ends at the first at-sign.
  const slash = text.indexOf("/");
  const address = slash < 0 ? text : text.slice(0, slash);
  const at = address.indexOf("@");

  const domain = prepareDomain(address.slice(at + 1));
  if (domain === undefined) return undefined;
  const local = at < 0 ? undefined : prepareLocal(address.slice(0, at));
  if (at >= 0 && local === undefined) return undefined;
  const resource = slash < 0 ? undefined : prepareResource(text.slice(slash + 1));
  if (slash >= 0 && resource === undefined) return undefined;

  const bare = (local === undefined ? domain : `${local}@${domain}`) as BareJid;
  const full = (resource === undefined ? bare : `${bare}/${resource}`) as FullJid;
  return { local, domain, resource, bare, full };
}

/** The prepared bare JID of `text` (any resource is cut off); undefined when it is not a JID. */
export function bareJid(text: string): BareJid | undefined {
  return parseJid(text)?.bare;
}

/** The domain of a JID; undefined when it is none after all. */
export function domainOf(jid: FullJid): string | undefined {
  return parseJid(jid)?.domain;
}

/** The full JID of an occupant or a resource; undefined when `resource` cannot be one (RFC 7622 §3.4). */
export function withResource(bare: BareJid, resource: string): FullJid | undefined {
  const prepared = prepareResource(resource);
  return prepared === undefined ? undefined : (`${bare}/${prepared}` as FullJid);
}

/** IdentifierClass of RFC 8264 §4.2 as code points that may stand anywhere in a local part. */
const IDENTIFIER = String.raw`\p{Ll}\p{Lo}\p{Lm}\p{Mn}\p{Mc}\p{Nd}\u3007\u06FD\u06FE\u0F0B`;
/** RFC 5892 appendix A.3 to A.7: allowed between or beside certain scripts only. */
const IN_CONTEXT = String.raw`(?<=l)\u00B7(?=l)|\u0375(?=\p{Script=Greek})|(?<=\p{Script=Hebrew})[\u05F3\u05F4]|\u30FB`;
/** Printable ASCII without what RFC 7622 §3.3 excludes: " & ' / : < > @ */
const LOCAL_ASCII = String.raw`!#$%()*+,.0-9;=?A-Z[\\\]^_\x60a-z{|}~\x2D`;
// One class: alternatives that share a letter would make a refusal exponential.
const LOCAL = new RegExp(`^(?:[${LOCAL_ASCII}${IDENTIFIER}]|${IN_CONTEXT})+$`, "u");
/** In IdentifierClass by category, but excluded: what disappears on screen, and Hangul that does not compose. */
const IGNORABLE = /\p{Default_Ignorable_Code_Point}/u;
const OLD_HANGUL_JAMO = /[\u1100-\u11FF\uA960-\uA97C\uD7B0-\uD7FB]/;
const ASCII_LOCAL = /^[a-z0-9._\-+~]+$/;

/**
 * The local part by the UsernameCaseMapped profile (RFC 8265 §3.3, RFC 7622 §3.3): width mapping,
 * lower case, NFC, then the IdentifierClass and the Bidi Rule. Zero-width joiners stay out
 * altogether, although RFC 5892 allows them in a few scripts: they serve look-alikes.
 */
function prepareLocal(text: string): string | undefined {
  if (ASCII_LOCAL.test(text)) return text.length <= MAX_PART_OCTETS ? text : undefined;
  const mapped = mapWidth(text).toLowerCase().normalize("NFC");
  // Legal, but "*@domain" is everybody of the domain in each list, the host's own among them: of these nobody may be one.
  if (mapped === "*") return undefined;
  if (!LOCAL.test(mapped) || IGNORABLE.test(mapped) || OLD_HANGUL_JAMO.test(mapped))
    return undefined;
  // HasCompat (RFC 8264 §9.17): ligatures, circled letters and the like are not identifiers.
  if (mapped.normalize("NFKC") !== mapped) return undefined;
  // Characters without a stable lower case would make preparing twice another address.
  if (mapped.toLowerCase().normalize("NFC") !== mapped) return undefined;
  return keepsBidiRule(mapped) && fits(mapped) ? mapped : undefined;
}

/** RFC 8265 §3.3.1 (1): only the wide and narrow forms are mapped, no other compatibility form. */
function mapWidth(text: string): string {
  return text.replace(/[\u3000\uFF01-\uFFEE]/g, (wide) => wide.normalize("NFKC"));
}

const RIGHT_TO_LEFT_RANGES = String.raw`\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFF\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}`;
const RIGHT_TO_LEFT = new RegExp(`[${RIGHT_TO_LEFT_RANGES}]`, "u");
const RIGHT_TO_LEFT_WORD = new RegExp(
  String.raw`^(?!\p{M})[${RIGHT_TO_LEFT_RANGES}][${RIGHT_TO_LEFT_RANGES}\p{M}\d!-\/:-@\[-\x60{-~]*$`,
  "u",
);

/** RFC 5893 §2 on the level of scripts: a part with right-to-left letters starts with one and holds no left-to-right letter. */
function keepsBidiRule(text: string): boolean {
  if (!RIGHT_TO_LEFT.test(text)) return true;
  return RIGHT_TO_LEFT_WORD.test(text) && !(/\d/.test(text) && /[\u0660-\u0669]/.test(text));
}

const MAX_DNS_NAME = 253;
const DOMAIN_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const DOMAIN = new RegExp(String.raw`^${DOMAIN_LABEL}(?:\.${DOMAIN_LABEL})*$`);
const IPV6_LITERAL = /^\[[0-9a-fA-F:.]+\]$/;
const IPV4 = /^\d+\.\d+\.\d+\.\d+$/;
/** What the steps below leave as it is: lower-case ASCII labels, no A-label among them, the last no number. */
const PLAIN_DOMAIN = new RegExp(
  String.raw`^(?!.*--)(?:${DOMAIN_LABEL}\.)*(?=[a-z])${DOMAIN_LABEL}$`,
);
/** ASCII that `domainToASCII` would decode, cut off or drop instead of refusing. */
const NOT_IN_DOMAIN = /[\0-,/:-@[-^`{-\x7F]/;

/**
 * A prepared domain part (RFC 7622 §3.2): lower case, without the trailing dot, U-labels as the
 * RFC asks (use `domainToASCII` of node:url for DNS and SNI); undefined when it is not a domain.
 * Underscores are let through, because private networks use them.
 */
export function prepareDomain(text: string): string | undefined {
  if (text.length <= MAX_DNS_NAME && PLAIN_DOMAIN.test(text)) return text;
  if (IPV6_LITERAL.test(text)) return domainToASCII(text) || undefined;
  if (NOT_IN_DOMAIN.test(text) || IGNORABLE.test(text)) return undefined;
  const ascii = domainToASCII(text).replace(/\.$/, "");
  if (!DOMAIN.test(ascii)) return undefined;
  // The URL rules read "0x7f.1" and "127.1" as addresses; here only a plain dotted quad is one.
  if (IPV4.test(ascii) && ascii !== text.replace(/\.$/, "")) return undefined;
  const domain = domainToUnicode(ascii);
  return domainToASCII(domain) === ascii && fits(domain) ? domain : undefined;
}

/** Controls, line separators, noncharacters, lone surrogates, and the controls that reorder text on screen. */
const NOT_IN_RESOURCE =
  /[\p{Cc}\p{Cs}\u2028\u2029\u202A-\u202E\u2066-\u2069]|\p{Noncharacter_Code_Point}/u;

const ASCII_RESOURCE = /^[ -~]+$/;

/**
 * The resource by the OpaqueString profile (RFC 8265 §4.2, RFC 7622 §3.4): NFC, other spaces become
 * U+0020, case is kept. Joiners, variation selectors and unassigned code points are let through:
 * nicks are full of emoji, and refusing them would make people in a room unheard. Undefined when it is none.
 */
export function prepareResource(text: string): string | undefined {
  if (ASCII_RESOURCE.test(text)) return text.length <= MAX_PART_OCTETS ? text : undefined;
  const mapped = text.replace(/\p{Zs}/gu, " ").normalize("NFC");
  return mapped === "" || NOT_IN_RESOURCE.test(mapped) || !fits(mapped) ? undefined : mapped;
}

function fits(part: string): boolean {
  return Buffer.byteLength(part, "utf8") <= MAX_PART_OCTETS;
}
