import { existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { Element, parse } from "ltx";

const ROOT = join(import.meta.dirname, "..", "fixtures");

export type Fixture = { name: string; stanza: Element; expected: unknown };

/**
 * The cases of a folder below test/fixtures: `case.xml` is a stanza, `case.json` what it decodes to.
 * In the JSON, null stands for undefined, a Set is an array, and an element is its XML.
 */
export function fixtures(folder: string): Fixture[] {
  const directory = join(ROOT, folder);
  return readdirSync(directory)
    .filter((file) => file.endsWith(".xml"))
    .map((file) => {
      const json = join(directory, file.replace(/\.xml$/, ".json"));
      if (!existsSync(json)) throw new Error(`${json} is missing`);
      return {
        name: basename(file, ".xml"),
        stanza: parse(readFileSync(join(directory, file), "utf8")),
        expected: JSON.parse(readFileSync(json, "utf8")),
      };
    });
}

/** The shape in which fixtures write a decoded value. */
export function asJson(value: unknown): unknown {
  const text = JSON.stringify(value ?? null, (_key, part: unknown) => {
    if (part instanceof Element) return part.toString();
    return part instanceof Set ? [...part] : part;
  });
  return JSON.parse(text);
}
