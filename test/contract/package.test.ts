/** What the packed tarball holds, and what importing it loads. Needs `npm run pack` before. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");

const BUILD = join(ROOT, "build");
const PACKAGE = join(BUILD, "package");
const packageJson = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8"));

function packedFiles(): string[] {
  const tarball = join(BUILD, `openclaw-xmpp-${packageJson.version}.tgz`);
  return execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((path) => path.replace(/^package\//, ""));
}

/** Names of the packages that importing `entry` loads, and how many handles it leaves open. */
function importEntry(entry: string): { packages: string[]; handles: number } {
  const script = `
    const { registerHooks } = await import("node:module");
    const loaded = new Set();
    registerHooks({ load(url, context, next) { loaded.add(url); return next(url, context); } });
    await import(${JSON.stringify(join(PACKAGE, "dist", entry))});
    const packages = [...loaded].map((url) => /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1]).filter(Boolean);
    const handles = process.getActiveResourcesInfo().filter((name) => !/Pipe|TTY|FS/.test(name));
    console.log(JSON.stringify({ packages: [...new Set(packages)], handles: handles.length }));`;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
    cwd: ROOT,
    encoding: "utf8",
  });
  return JSON.parse(output.trim().split("\n").at(-1) ?? "{}");
}

describe("the packed tarball", () => {
  const files = packedFiles();

  it("holds what an installed plugin needs", () => {
    for (const path of [
      "package.json",
      "openclaw.plugin.json",
      "README.md",
      "CHANGELOG.md",
      "SECURITY.md",
      "LICENSE",
      "assets/icon.png",
      "assets/activity.svg",
      "dist/index.js",
      "dist/setup-entry.js",
      "dist/channel-plugin-api.js",
      "dist/runtime-api.js",
      "dist/secret-contract-api.js",
      "dist/doctor-contract-api.js",
    ]) {
      expect(files).toContain(path);
    }
  });

  it("holds nothing else", () => {
    const strays = files.filter(
      (path) => !/^(dist|assets)\//.test(path) && !/^(package|openclaw\.plugin)\.json$/.test(path),
    );
    expect(strays.toSorted()).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "SECURITY.md"]);
    expect(files.filter((path) => /test|fixture|\.ts$|\.map$/.test(path))).toEqual([]);
  });
});

describe("the packed metadata", () => {
  it("names a built file for each entry, and each is there", () => {
    const { extensions, runtimeExtensions, setupEntry, runtimeSetupEntry } = packageJson.openclaw;
    expect([extensions, runtimeExtensions]).toEqual([["./index.ts"], ["./dist/index.js"]]);
    expect([setupEntry, runtimeSetupEntry]).toEqual(["./setup-entry.ts", "./dist/setup-entry.js"]);
    expect(packedFiles()).toEqual(expect.arrayContaining(["dist/index.js", "dist/setup-entry.js"]));
  });

  it("is built outside the checkout's root, where the host would prefer it to the source", () => {
    expect(existsSync(join(ROOT, "dist"))).toBe(false);
  });

  it("holds nothing that is for developers", () => {
    for (const key of ["devDependencies", "scripts", "workspaces", "overrides"]) {
      expect(packageJson).not.toHaveProperty(key);
    }
  });
});

describe.each(["index.js", "setup-entry.js", "channel-plugin-api.js", "doctor-contract-api.js"])(
  "importing %s",
  (entry) => {
    it("loads no transport and starts nothing", () => {
      const { packages, handles } = importEntry(entry);
      expect(packages).toContain("openclaw");
      expect(packages.filter((name) => /^@xmpp\/(?!jid$)/.test(name))).toEqual([]);
      expect(handles).toBe(0);
    });
  },
);
