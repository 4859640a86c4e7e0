/**
 * SCRAM, the client's side, with and without channel binding: RFC 5802, RFC 7677 (SHA-256).
 * Values in, values out; the hashing is node:crypto's own, off the main thread.
 */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { ScramName } from "../policy/sasl.ts";
import { connectionError } from "./conditions.ts";

const deriveKey = promisify(pbkdf2);

/** As node:crypto calls them. */
export const SCRAM_HASHES = {
  "SCRAM-SHA-512": "sha512",
  "SCRAM-SHA-256": "sha256",
  "SCRAM-SHA-1": "sha1",
} as const satisfies Record<ScramName, string>;

/** RFC 5802 §5.1 asks for at least 4096; the upper bound, a second of CPU time, is for hostile servers. */
const MIN_ITERATIONS = 4096;
const MAX_ITERATIONS = 2_000_000;

/** What the GS2 header says about channel binding (RFC 5802 §7), with the data it binds to. */
export type Gs2 = { flag: "y" | "n" } | { flag: "p"; type: string; data: Buffer };

export type ScramExchange = {
  /** The initial response. */
  readonly first: string;
  /**
   * Answers the server's first message.
   * @throws XmppConnectionError `protocol` when the message is malformed, its nonce is not a
   *   continuation of ours, or the iteration count is out of bounds
   */
  final(serverFirst: string): Promise<string>;
  /**
   * Checks the server's final message: the proof that it knows our password.
   * @throws XmppConnectionError `server-signature`, or `not-authorized` when it reports an error
   */
  verify(serverFinal: string): void;
};

/** A SCRAM message by its attributes. */
export type ScramAttributes = ReadonlyMap<string, string>;

/** Starts an exchange. `username` is the local part of the JID, prepared. */
export function createScram(
  name: ScramName,
  username: string,
  password: string,
  gs2: Gs2 = { flag: "n" },
  nonce: string = randomBytes(18).toString("base64"),
): ScramExchange {
  const hash = SCRAM_HASHES[name];
  const header = `${gs2.flag === "p" ? `p=${gs2.type}` : gs2.flag},,`;
  const bound = Buffer.concat([Buffer.from(header), ...(gs2.flag === "p" ? [gs2.data] : [])]);
  const firstBare = `n=${username.replaceAll("=", "=3D").replaceAll(",", "=2C")},r=${nonce}`;
  let serverSignature: Buffer | undefined;
  return {
    first: header + firstBare,
    async final(serverFirst) {
      const { serverNonce, salt, iterations } = readServerFirst(serverFirst, nonce);
      const length = createHash(hash).digest().length;
      const salted = await deriveKey(preparePassword(password), salt, iterations, length, hash);
      const clientKey = hmac(hash, salted, "Client Key");
      const storedKey = createHash(hash).update(clientKey).digest();
      const withoutProof = `c=${bound.toString("base64")},r=${serverNonce}`;
      const authMessage = `${firstBare},${serverFirst},${withoutProof}`;
      const clientSignature = hmac(hash, storedKey, authMessage);
      const proof = clientKey.map((byte, index) => byte ^ (clientSignature[index] ?? 0));
      serverSignature = hmac(hash, hmac(hash, salted, "Server Key"), authMessage);
      return `${withoutProof},p=${Buffer.from(proof).toString("base64")}`;
    },
    verify(serverFinal) {
      const attributes: ScramAttributes = readAttributes(serverFinal);
      const error = attributes.get("e");
      if (error !== undefined) {
        const condition = error.includes("channel-binding") ? "channel-binding" : "not-authorized";
        throw connectionError(condition, `the server refused the login with ${error.slice(0, 80)}`);
      }
      const given = Buffer.from(attributes.get("v") ?? "", "base64");
      const valid =
        serverSignature !== undefined &&
        given.length === serverSignature.length &&
        timingSafeEqual(given, serverSignature);
      if (!valid) {
        throw connectionError(
          "server-signature",
          "the server's proof of the password is missing or wrong",
        );
      }
    },
  };
}

function hmac(hash: string, key: Buffer, data: string): Buffer {
  return createHmac(hash, key).update(data).digest();
}

export function readAttributes(message: string): Map<string, string> {
  return new Map(message.split(",").map((part) => [part.slice(0, 1), part.slice(2)]));
}

function readServerFirst(message: string, nonce: string) {
  const attributes = readAttributes(message);
  const refuse = (problem: string) => connectionError("protocol", `SCRAM: ${problem}`);
  if (attributes.has("m")) throw refuse("the server asks for an extension that we do not know");
  const serverNonce = attributes.get("r") ?? "";
  if (!serverNonce.startsWith(nonce) || serverNonce.length === nonce.length) {
    throw refuse("the server's nonce does not continue ours");
  }
  const salt = Buffer.from(attributes.get("s") ?? "", "base64");
  if (salt.length === 0) throw refuse("the server sent no salt");
  const count = attributes.get("i") ?? "";
  const iterations = /^[1-9]\d{0,8}$/.test(count) ? Number(count) : 0;
  if (iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS) {
    throw refuse(
      `iteration count "${count.slice(0, 20)}" is not within ${MIN_ITERATIONS} and ${MAX_ITERATIONS}`,
    );
  }
  return { serverNonce, salt, iterations };
}

/** SASLprep (RFC 4013) as far as it changes a password: spaces, invisible characters, NFKC. */
export function preparePassword(password: string): string {
  return password
    .replace(/[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g, " ")
    .replace(
      /\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/g,
      "",
    )
    .normalize("NFKC");
}
