/**
 * XEP-0300 Use of Cryptographic Hash Functions 1.0.0, https://xmpp.org/extensions/xep-0300.html
 * with the judgement of XEP-0414 0.4.0 on what is still strong, https://xmpp.org/extensions/xep-0414.html
 */
import { Element } from "ltx";
import { attribute } from "./element.ts";

export const HASHES = "urn:xmpp:hashes:2";

/** `algorithm` as IANA and §3 name it ("sha-256", "sha3-256"); `digest` in Base64. */
export type Hash = { algorithm: string; digest: string };

const MAX_HASHES = 10;
/** 64 octets, which no known function exceeds, are 88 characters. */
const BASE64 = /^[A-Za-z0-9+/]{4,128}={0,2}$/;

/** What node:crypto can compute of the strong ones, best first, and what it calls them. */
const STRONG: readonly (readonly [algorithm: string, cryptoName: string])[] = [
  ["sha3-512", "sha3-512"],
  ["sha-512", "sha512"],
  ["blake2b-512", "blake2b512"],
  // The name until version 0.6 of the XEP.
  ["id-blake2b512", "blake2b512"],
  ["sha3-256", "sha3-256"],
  ["sha-384", "sha384"],
  ["sha-256", "sha256"],
];

/** The hashes that stand in `parent`, 10 at most; of what, the parent says. */
export function decodeHashes(parent: Element): Hash[] {
  return parent
    .getChildren("hash", HASHES)
    .slice(0, MAX_HASHES)
    .flatMap((hash) => {
      const algorithm = attribute(hash, "algo")?.toLowerCase();
      const digest = hash.getText().replaceAll(/\s+/g, "");
      const isName = algorithm !== undefined && /^[a-z0-9-]{2,30}$/.test(algorithm);
      return isName && BASE64.test(digest) ? { algorithm, digest } : [];
    });
}

export function encodeHash({ algorithm, digest }: Hash): Element {
  return new Element("hash", { xmlns: HASHES, algo: algorithm }).t(digest);
}

/**
 * The best hash that can be verified, with the name that `crypto.createHash` takes; undefined when none is
 * strong enough to prove anything. Compare the octets of the digest, not its text.
 */
export function strongestHash(
  hashes: readonly Hash[],
): { cryptoName: string; digest: string } | undefined {
  for (const [algorithm, cryptoName] of STRONG) {
    const hash = hashes.find((each) => each.algorithm === algorithm);
    if (hash) return { cryptoName, digest: hash.digest };
  }
  return undefined;
}
