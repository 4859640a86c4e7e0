/** The parts of docs/configuration.md that the schema decides: which keys there are, and their types. */
import { xmppChannelConfigSchema } from "../src/host/config-schema.ts";

export type JsonSchema = {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
};

const root = xmppChannelConfigSchema.schema as JsonSchema;

const room = root.properties?.["mucRooms"]?.additionalProperties as JsonSchema;

/** Where the keys of a table are: an object such as `catchUp`, one room, or the channel itself. */
function schemaOf(header: string, keys: readonly string[]): JsonSchema {
  const parent = /^\| Key of `([^`]+)`/.exec(header)?.[1];
  if (parent) return find(parent, root) ?? {};
  return keys.every((key) => find(key, room)) ? room : root;
}

const WORDS: Readonly<Record<string, string>> = { string: "text", integer: "number" };

/** A type in words, e.g. `off`, `read`, `sync` (as code), list of text, map. */
export function typeOf(schema: JsonSchema): string {
  if (schema.enum) return schema.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  const kinds = schema.anyOf ?? schema.oneOf;
  if (kinds) {
    if (kinds.some(({ oneOf }) => oneOf)) return "text or SecretRef";
    const names = [...new Set(kinds.map(typeOf))];
    return names.join(names.every((name) => name.startsWith("`")) ? ", " : " or ");
  }
  if (schema.items) return `list of ${typeOf(schema.items)}`;
  if (schema.properties) {
    return `{ ${Object.keys(schema.properties)
      .map((key) => `\`${key}\``)
      .join(", ")} }`;
  }
  if (typeof schema.additionalProperties === "object") return "map";
  // The host takes a number where a text of digits is meant.
  const type = [schema.type ?? "anything"].flat()[0] ?? "";
  return WORDS[type] ?? type;
}

const cellsOf = (row: string) => row.split(/(?<!\\)\|/).slice(1, -1);

/** The keys in a row's first cell. A dot leads into an object: `tls.caFile`. */
function keysOf(row: string): string[] {
  return [...(cellsOf(row)[0] ?? "").matchAll(/`([^`]+)`/g)].map(([, key = ""]) => key);
}

function find(key: string, place: JsonSchema): JsonSchema | undefined {
  const step = (at: JsonSchema | undefined, name: string) => at?.properties?.[name];
  return key.split(".").reduce(step, place);
}

const isTable = (block: string) => /^\| Key(?: of `[^`]+`)? \| Type \|/.test(block);

/**
 * The page with the schema's types in the second column of each table of keys.
 * @throws when a row names a key that the schema does not have, or an object's table lacks one
 */
export function withTypes(page: string): string {
  return page
    .split("\n\n")
    .map((block) => (isTable(block) ? typed(block) : block))
    .join("\n\n");
}

function typed(table: string): string {
  const [header = "", line = "", ...rows] = table.split("\n");
  const keys = rows.flatMap(keysOf);
  const schema = schemaOf(header, keys);
  if (header.startsWith("| Key of ")) {
    const missing = Object.keys(schema.properties ?? {}).filter((key) => !keys.includes(key));
    if (missing.length > 0) throw new Error(`docs/configuration.md: no row for ${missing.join()}`);
  }
  const typeOfKey = (key: string) => {
    const found = find(key, schema);
    if (!found) throw new Error(`docs/configuration.md: the schema has no ${key}`);
    return typeOf(found);
  };
  const filled = rows.map((row) => {
    const [key = "", , ...rest] = cellsOf(row);
    const types = [...new Set(keysOf(row).map(typeOfKey))].join("; ");
    return `|${[key, ` ${types} `, ...rest].join("|")}|`;
  });
  return [header, line, ...filled].join("\n");
}
