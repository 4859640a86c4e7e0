/**
 * What the fuzz tests share. A failure prints its seed and path; `FUZZ_SEED` and `FUZZ_PATH` run it again,
 * `FUZZ_RUNS` (default 1) multiplies how much is tried.
 */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { Element, clone, parse } from "ltx";

const FIXTURES = join(import.meta.dirname, "../fixtures");
const PROTOCOL = join(import.meta.dirname, "../../src/protocol");

/** For fc.assert: so many runs, unless the environment says otherwise. */
export function runs(numRuns: number): fc.Parameters<unknown> {
  const { FUZZ_RUNS = "1", FUZZ_SEED, FUZZ_PATH } = process.env;
  return {
    numRuns: numRuns * Number(FUZZ_RUNS),
    ...(FUZZ_SEED === undefined ? {} : { seed: Number(FUZZ_SEED) }),
    ...(FUZZ_PATH === undefined ? {} : { path: FUZZ_PATH }),
  };
}

/** Words of the protocol, as its own source spells them: what a decoder may be looking for. */
function vocabulary(): { namespaces: string[]; words: string[] } {
  const sources = readdirSync(PROTOCOL)
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .map((file) => readFileSync(join(PROTOCOL, file), "utf8"));
  const literals = sources.flatMap((source) =>
    [...source.matchAll(/"([^"\\\n]{1,80})"/g)].map(([, text = ""]) => text),
  );
  const unique = [...new Set(literals)].filter((text) => !text.startsWith("./"));
  return {
    namespaces: unique.filter((text) => /^(?:urn:|http:\/\/|jabber:|eu\.)/.test(text)),
    words: unique.filter((text) => /^[a-z][a-z-]*$/.test(text)),
  };
}

const { namespaces, words } = vocabulary();

const jid = fc.constantFrom(
  "alice@example",
  "alice@example/phone",
  "bot@example",
  "bot@example/openclaw",
  "coven@chat.example",
  "coven@chat.example/alice",
  "example",
  "@",
  "a@b@c/d/e",
  "",
);
/** Prototype names, control characters, lone surrogates, huge numbers and times. */
const nasty = fc.constantFrom(
  "__proto__",
  "constructor",
  "toString",
  "-1",
  "99999999999999999999",
  "NaN",
  "2026-02-31T25:61:61Z",
  "+292278994-08-17T07:12:55Z",
  "true",
  "\u0000\u001b\ufffe",
  "\ud800",
  "\u202e\u200b",
  "a".repeat(5_000),
);
const text = fc.oneof(
  fc.constantFrom(...words),
  fc.constantFrom(...namespaces),
  jid,
  nasty,
  fc.integer().map(String),
  fc.string({ unit: "binary", maxLength: 40 }),
);
const name = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...words) }, text);
const attributes = fc.dictionary(
  fc.oneof(fc.constantFrom(...words), fc.constantFrom("xml:lang", "xmlns:a", "__proto__")),
  text,
  { maxKeys: 5 },
);

type Tree = {
  name: string;
  xmlns: string | undefined;
  attrs: Record<string, string>;
  children: (Tree | string)[];
};

const { tree } = fc.letrec<{ tree: Tree; children: (Tree | string)[] }>((tie) => ({
  tree: fc.record({
    name,
    xmlns: fc.option(fc.oneof(fc.constantFrom(...namespaces), nasty), { nil: undefined, freq: 4 }),
    attrs: attributes,
    children: tie("children"),
  }),
  children: fc.array(
    fc.oneof(
      { maxDepth: 6, depthSize: "small" },
      { weight: 1, arbitrary: text },
      { weight: 4, arbitrary: tie("tree") },
    ),
    { maxLength: 5 },
  ),
}));

function toElement({ name: named, xmlns, attrs, children }: Tree): Element {
  const element = new Element(named, { ...attrs, ...(xmlns === undefined ? {} : { xmlns }) });
  for (const child of children) {
    if (typeof child === "string") element.t(child);
    else element.append(toElement(child));
  }
  return element;
}

/** Elements made of the protocol's own words, put together as nobody means them. */
export const anyElement: fc.Arbitrary<Element> = tree.map(toElement);

/** The same at the top of a stream. */
export const anyStanza: fc.Arbitrary<Element> = fc
  .record({
    stanza: fc.constantFrom("message", "presence", "iq"),
    tree,
    from: fc.option(jid, { nil: undefined }),
    to: fc.option(jid, { nil: undefined }),
  })
  .map(({ stanza, tree: inside, from, to }) =>
    toElement({
      ...inside,
      name: stanza,
      attrs: {
        ...inside.attrs,
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
      },
    }),
  );

/** What the protocol's own tests read, on each level of it. */
const examples: Element[] = readdirSync(FIXTURES, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".xml"))
  .map((file) => parse(readFileSync(join(FIXTURES, file), "utf8")));

type Damage = { at: number; how: "drop" | "double" | "empty" | "attribute" | "graft"; with: Tree };

const damage: fc.Arbitrary<Damage> = fc.record({
  at: fc.nat(),
  how: fc.constantFrom("drop", "double", "empty", "attribute", "graft"),
  with: tree,
});

function elementsOf(element: Element): Element[] {
  return [element, ...element.getChildElements().flatMap(elementsOf)];
}

function spoil(root: Element, { at, how, with: other }: Damage): void {
  const all = elementsOf(root);
  const one = all[at % all.length] as Element;
  const parent = one.parent as Element | null;
  if (how === "drop") parent?.remove(one);
  else if (how === "double") parent?.append(clone(one));
  else if (how === "empty") one.children = [];
  else if (how === "graft") one.append(toElement(other));
  else {
    const [key] = Object.keys(one.attrs).toSpliced(0, at % 2);
    const value = Object.values(other.attrs)[0];
    if (key !== undefined && value === undefined) delete one.attrs[key];
    else if (key !== undefined) one.attrs[key] = value;
  }
}

/** Stanzas as they should be, but for a few places. */
export const almostRight: fc.Arbitrary<Element> = fc
  .tuple(fc.constantFrom(...examples), fc.array(damage, { maxLength: 4 }))
  .map(([example, damages]) => {
    const root = clone(example);
    for (const one of damages) spoil(root, one);
    return root;
  });

export const anyText: fc.Arbitrary<string> = text;
