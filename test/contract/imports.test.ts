/** The floors of docs/architecture.md: an import goes down or sideways, never up, never in a circle. */
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");

/** From the top floor to the bottom one; rooms on one line may import each other. */
const FLOORS = [
  ["entries"],
  ["channel.ts"],
  ["host"],
  ["inbound", "outbound"],
  ["client"],
  ["policy", "state"],
  ["protocol"],
];
const SDK_ROOMS = new Set(["entries", "channel.ts", "host", "inbound", "outbound"]);

type Import = { from: string; to: string; isTypeOnly: boolean };

function sources(): string[] {
  const inSrc = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
    .map((path) => join("src", path));
  const entries = readdirSync(ROOT).filter(
    (path) => path.endsWith(".ts") && !path.endsWith(".config.ts"),
  );
  return [...inSrc, ...entries];
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s+(type\s)?[^;"']*?from\s+["']([^"']+)["']|import\(\s*["']([^"']+)["']\s*\)|(?:^|\n)import\s+["']([^"']+)["']/g;

function importsOf(path: string): Import[] {
  const text = readFileSync(join(ROOT, path), "utf8").replaceAll(/\/\*[\s\S]*?\*\//g, "");
  return [...text.matchAll(IMPORT)].map((match) => ({
    from: path,
    to: match[2] ?? match[3] ?? match[4] ?? "",
    isTypeOnly: match[1] !== undefined,
  }));
}

function roomOf(path: string): string {
  const [top = "", room = ""] = path.split("/");
  return top === "src" ? room : "entries";
}

function floorOf(room: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(room));
}

const all = sources().flatMap(importsOf);
const local = all
  .filter(({ to }) => to.startsWith("."))
  .map((entry) => ({ ...entry, to: relative(ROOT, resolve(ROOT, dirname(entry.from), entry.to)) }));

describe("the import graph", () => {
  it("is read at all", () => {
    expect(local.length).toBeGreaterThan(100);
    expect(all.some(({ to }) => to.startsWith("openclaw/plugin-sdk/"))).toBe(true);
  });

  it("goes down or sideways", () => {
    const upward = local.filter(({ from, to }) => {
      if (to === "src/errors.ts" || to === "package.json") return false;
      return floorOf(roomOf(to)) < floorOf(roomOf(from)) || floorOf(roomOf(to)) === -1;
    });
    expect(upward).toEqual([]);
  });

  it("has no circle", () => {
    const edges = Map.groupBy(
      local.filter(({ isTypeOnly }) => !isTypeOnly),
      ({ from }) => from,
    );
    const done = new Set<string>();
    const visit = (path: string, trail: string[]): string[] | undefined => {
      if (trail.includes(path)) return [...trail, path];
      if (done.has(path)) return undefined;
      for (const { to } of edges.get(path) ?? []) {
        const circle = visit(to, [...trail, path]);
        if (circle) return circle;
      }
      done.add(path);
      return undefined;
    };
    expect([...edges.keys()].map((path) => visit(path, [])).find(Boolean)).toBeUndefined();
  });

  it("leaves the host's SDK to the floors that speak with the host", () => {
    const strays = all.filter(
      ({ from, to }) => to.startsWith("openclaw") && !SDK_ROOMS.has(roomOf(from)),
    );
    expect(strays).toEqual([]);
    expect(all.filter(({ to }) => to === "openclaw" || to === "openclaw/plugin-sdk")).toEqual([]);
  });

  it("keeps the protocol pure", () => {
    const impure = all.filter(
      ({ from, to }) =>
        roomOf(from) === "protocol" &&
        !to.startsWith(".") &&
        !["ltx", "node:crypto", "node:url"].includes(to),
    );
    expect(impure).toEqual([]);
  });
});
