import { createHash, getHashes } from "node:crypto";
import { expect, it } from "vitest";
import { type Hash, strongestHash } from "./xep-0300-hashes.ts";

const hash = (algorithm: string): Hash => ({ algorithm, digest: `${algorithm}==` });

it.each([
  [["sha-1", "sha-256"], "sha256"],
  [["sha-256", "sha3-256", "sha-512"], "sha512"],
  [["blake2b-512"], "blake2b512"],
  [["id-blake2b512"], "blake2b512"],
])("verifies the best of %j", (algorithms, expected) => {
  const strongest = strongestHash(algorithms.map(hash));
  expect(strongest?.cryptoName).toBe(expected);
  expect(getHashes()).toContain(strongest?.cryptoName);
  expect(() => createHash(strongest?.cryptoName ?? "")).not.toThrow();
});

it.each([[[]], [["md5", "sha-1"]], [["sha-999", "constructor"]]])(
  "takes nothing for proof of %j",
  (algorithms) => {
    expect(strongestHash(algorithms.map(hash))).toBeUndefined();
  },
);
