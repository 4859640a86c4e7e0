/** docs/doap.xml (XEP-0453) and README.md say the same of what is implemented. */
import { readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "ltx";
import { describe, expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

/** By number, what the table in README.md says of it. */
function readTable(): { xeps: Map<string, string>; rfcs: Set<string> } {
  const table = read("README.md")
    .split(/\n\n+/)
    .find((block) => block.startsWith("| XEP or RFC |"));
  const xeps = new Map<string, string>();
  const rfcs = new Set<string>();
  for (const row of table?.split("\n").slice(2) ?? []) {
    const [, what = "", state = ""] = row.split(/(?:^| )\|(?: |$)/);
    const said = state.replaceAll("`", "").trim();
    for (const [number] of what.matchAll(/\b\d{4}\b/g)) {
      if (!number.startsWith("0")) rfcs.add(number);
      else xeps.set(number, xeps.has(number) ? `${xeps.get(number)} / ${said}` : said);
    }
  }
  return { xeps, rfcs };
}

const doap = parse(read("docs/doap.xml")).getChild("Project");
const implemented = doap?.getChildren("implements") ?? [];
const supported = implemented
  .flatMap((each) => each.getChildElements())
  .map((xep) => ({
    number:
      /xep-(\d{4})\.html$/.exec(String(xep.getChild("xep")?.attrs["rdf:resource"]))?.[1] ?? "",
    status: xep.getChildText("status"),
    version: xep.getChildText("version"),
    note: xep.getChildText("note"),
  }));

/** As the heads of src/protocol name them. */
function readVersions(): Map<string, string> {
  const files = readdirSync(join(ROOT, "src/protocol")).filter((file) => file.endsWith(".ts"));
  const heads = files.map((file) => read(`src/protocol/${file}`).slice(0, 1500));
  const found = heads.flatMap((head) => [
    ...head.matchAll(/^ \* XEP-(\d{4}) [^,\n(]*?(\d+\.\d+(?:\.\d+)?)(?=[,;.\s])/gm),
  ]);
  return new Map(found.map(([, number = "", version = ""]) => [number, version]));
}

describe("docs/doap.xml", () => {
  const { xeps, rfcs } = readTable();

  it("names the extensions of the README's table, and says of each what stands there", () => {
    expect(xeps.size).toBeGreaterThan(40);
    expect(Object.fromEntries(supported.map(({ number, note }) => [number, note]))).toEqual(
      Object.fromEntries(xeps),
    );
    expect(supported.map(({ number }) => number)).toEqual([...xeps.keys()].toSorted());
  });

  it("names the RFCs of the README's table", () => {
    const named = implemented.flatMap(
      ({ attrs }) => /rfc(\d+)$/.exec(String(attrs["rdf:resource"]))?.[1] ?? [],
    );
    expect(named).toEqual([...rfcs].toSorted());
  });

  it("calls complete only what the README does not restrict", () => {
    for (const { number, note, status } of supported) {
      const restricted = /not yet|recognised|\bonly\b|\bnot taken\b|^in rooms|^read/.test(
        note ?? "",
      );
      const expected = note?.includes("never") ? "wontfix" : restricted ? "partial" : "complete";
      expect(`${number} ${status}`).toBe(`${number} ${expected}`);
    }
  });

  it("names the versions that the sources name", () => {
    const versions = readVersions();
    const wrong = supported.filter(
      ({ number, version }) => versions.has(number) && version !== versions.get(number),
    );
    expect(wrong).toEqual([]);
  });
});
