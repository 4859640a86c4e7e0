/** docs/configuration.md names every key of the schema and no other; links between our pages lead somewhere. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { withTables } from "../../scripts/configuration-page.ts";
import { xmppChannelConfigSchema } from "../../src/host/config-schema.ts";
import { CONFIG_WORDS } from "../../src/host/config-words.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

type JsonSchema = { properties: Record<string, JsonSchema>; additionalProperties?: unknown };
const { properties } = xmppChannelConfigSchema.schema as unknown as JsonSchema;
const room = properties["mucRooms"]?.additionalProperties as JsonSchema;

/** The keys in the first column of the tables whose header begins with "Key". */
function documentedKeys(page: string): string[] {
  const tables = page.split(/\n\n+/).filter((block) => block.startsWith("| Key |"));
  return tables
    .flatMap((table) => table.split("\n").slice(2))
    .flatMap((row) => [...(row.split(" | ")[0] ?? "").matchAll(/`([^`]+)`/g)])
    .map((match) => match[1]?.split(".")[0] ?? "");
}

describe("docs/configuration.md", () => {
  it("has a row for each key, and for no other", () => {
    const keys = new Set([...Object.keys(properties), ...Object.keys(room.properties)]);
    expect([...new Set(documentedKeys(read("docs/configuration.md")))].toSorted()).toEqual(
      [...keys].toSorted(),
    );
  });

  it("has its tables from the schema and its words (npm run manifest writes them)", () => {
    const page = read("docs/configuration.md");
    expect(withTables(page)).toBe(page);
  });

  it.each(Object.keys(CONFIG_WORDS))("the words for %s are about a key of the schema", (path) => {
    const key = path.split(".").reduce<JsonSchema | undefined>(
      (at, name) => {
        return (name === "*" ? at?.additionalProperties : at?.properties?.[name]) as JsonSchema;
      },
      xmppChannelConfigSchema.schema as unknown as JsonSchema,
    );
    expect(key).toBeDefined();
  });
});

describe("our pages", () => {
  const pages = ["README.md", "SECURITY.md", "CHANGELOG.md", "ROADMAP.md"].concat(
    readdirSync(join(ROOT, "docs"))
      .filter((file) => /\.(md|xml)$/.test(file))
      .map((file) => `docs/${file}`),
  );
  it.each(pages)("%s links to files that are there", (page) => {
    const links = [
      ...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g),
      ...read(page).matchAll(/<img src="([^"]+)/g),
    ].map((match) => match[1]);
    const missing = links.filter((link) => !existsSync(join(ROOT, dirname(page), link ?? "")));
    expect(missing).toEqual([]);
  });
});
