import { basename, join, normalize } from "node:path";
import { assert, property, string } from "fast-check";
import { expect, it } from "vitest";
import { nameInUrl, safeFileName, withExtension } from "./file-name.ts";

it.each([
  ["cat.png", "cat.png"],
  ["Größe & Maß (2).pdf", "Größe & Maß (2).pdf"],
  ["../../etc/passwd", "____etc_passwd"],
  ["/etc/passwd", "_etc_passwd"],
  ["C:\\Windows\\win.ini", "C__Windows_win.ini"],
  ["a..b", "a_b"],
  [".bashrc", "bashrc"],
  ["evil\u202Egnp.exe", "evil_gnp.exe"],
  ["line\nbreak\0.txt", "line_break_.txt"],
  ["...", undefined],
  ["", undefined],
  [`${"x".repeat(300)}.png`, `${"x".repeat(116)}.png`],
])("%j is kept as %j", (name, expected) => {
  expect(safeFileName(name)).toBe(expected);
});

it("no name leaves its folder, hides in it, or is longer than file systems take", () => {
  assert(
    property(string({ unit: "binary", maxLength: 400 }), (name) => {
      const safe = safeFileName(name);
      if (safe === undefined) return;
      expect(basename(safe)).toBe(safe);
      expect(normalize(join("/folder", safe))).toBe(`/folder/${safe}`);
      expect(safe.startsWith(".")).toBe(false);
      expect(Array.from(safe).length).toBeLessThanOrEqual(120);
    }),
  );
});

it("a URL names its file", () => {
  expect(nameInUrl("https://example.org/a/b/K%C3%A4se.png?x=1#y")).toBe("Käse.png");
  expect(nameInUrl("https://example.org/..%2F..%2Fx")).toBe("____x");
  expect(nameInUrl("https://example.org/%FF.png")).toBe("%FF.png");
  expect(nameInUrl("https://example.org/")).toBeUndefined();
});

it("an extension says what the file is", () => {
  expect(withExtension("a.png", ".png")).toBe("a.png");
  expect(withExtension("a.exe", ".png")).toBe("a.png");
  expect(withExtension("a", ".png")).toBe("a.png");
  expect(withExtension("a.b", undefined)).toBe("a.b");
});
