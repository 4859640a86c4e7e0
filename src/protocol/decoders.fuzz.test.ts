/**
 * Whatever a peer writes, a decoder reads it or sees nothing in it: it never throws, never changes what
 * it was given, and is done in a moment.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { almostRight, anyElement, anyStanza, anyText, runs } from "../../test/support/fuzz.ts";
import { parseJid } from "./jid.ts";

/** Decoders of text, and of values that another decoder made; all others take an element. */
const OF_TEXT = new Set(["decodePath", "decodePassword"]);
const OF_VALUES = new Set(["decodeInvitationMark"]);

/** Longer than the slowest machine needs for one element of this size, ms. */
const A_MOMENT = 2_000;

type Decoder = (input: unknown, ...rest: unknown[]) => unknown;

const decoders: [string, Decoder][] = [];
for (const file of readdirSync(import.meta.dirname)) {
  if (!file.endsWith(".ts") || file.endsWith(".test.ts")) continue;
  const module = (await import(join(import.meta.dirname, file))) as Record<string, unknown>;
  for (const [name, value] of Object.entries(module)) {
    if (
      /^(?:decode|has[A-Z]|is[A-Z]\w*(?:Push|Request))/.test(name) &&
      typeof value === "function"
    ) {
      decoders.push([name, value as Decoder]);
    }
  }
}

it("finds the decoders", () => {
  expect(decoders.length).toBeGreaterThan(30);
});

describe.each(decoders.filter(([name]) => !OF_TEXT.has(name) && !OF_VALUES.has(name)))(
  "%s",
  (_name, decode) => {
    it("reads anything", () => {
      fc.assert(
        fc.property(
          fc.oneof(anyElement, anyStanza, { weight: 4, arbitrary: almostRight }),
          (element) => {
            const before = element.toString();
            const since = performance.now();
            const first = decode(element, "get", "query", "urn:x");
            expect(performance.now() - since).toBeLessThan(A_MOMENT);
            expect(element.toString()).toBe(before);
            expect(decode(element, "get", "query", "urn:x")).toEqual(first);
          },
        ),
        runs(150),
      );
    });
  },
);

it.each(decoders.filter(([name]) => OF_TEXT.has(name)))("%s reads any text", (_name, decode) => {
  fc.assert(
    fc.property(fc.oneof(anyText, fc.string({ unit: "binary" })), (text) => {
      expect(decode(text)).toEqual(decode(text));
    }),
    runs(500),
  );
});

describe("parseJid", () => {
  it("reads any text, and its own result as the same JID", () => {
    const parts = fc.string({ unit: "binary", maxLength: 30 });
    const jidLike = fc.tuple(parts, parts, parts).map(([a, b, c]) => `${a}@${b}/${c}`);
    fc.assert(
      fc.property(fc.oneof(jidLike, parts, anyText), (text) => {
        const jid = parseJid(text);
        if (!jid) return;
        expect(parseJid(jid.full)).toEqual(jid);
        expect(parseJid(jid.bare)?.full).toBe(jid.bare);
      }),
      runs(3_000),
    );
  });
});
