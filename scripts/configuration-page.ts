/** The tables of docs/configuration.md: keys and types from the schema, the rest from its words. */
import { xmppChannelConfigSchema } from "../src/host/config-schema.ts";
import { CONFIG_WORDS } from "../src/host/config-words.ts";

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
function placeOf(header: string, keys: readonly string[]): { schema: JsonSchema; path: string } {
  const parent = /^\| Key of `([^`]+)`/.exec(header)?.[1];
  if (parent) return { schema: find(parent, root) ?? {}, path: `${parent}.` };
  const isRoom = keys.every((key) => find(key, room));
  return isRoom ? { schema: room, path: "mucRooms.*." } : { schema: root, path: "" };
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

/** The key in a row's first cell. A dot leads into an object: `tls.caFile`. */
const keyOf = (row: string) => /^\| `([^`]+)`/.exec(row)?.[1] ?? "";

function find(key: string, place: JsonSchema): JsonSchema | undefined {
  const step = (at: JsonSchema | undefined, name: string) => at?.properties?.[name];
  return key.split(".").reduce(step, place);
}

const isTable = (block: string) => /^\| Key(?: of `[^`]+`)? \| Type \|/.test(block);

/**
 * The page with each table of keys filled in: the page says which keys stand in which table.
 * @throws when a row names a key that the schema or the words do not have, or an object's table lacks one
 */
export function withTables(page: string): string {
  return page
    .split("\n\n")
    .map((block) => (isTable(block) ? filled(block) : block))
    .join("\n\n");
}

function filled(table: string): string {
  const [header = "", line = "", ...rows] = table.split("\n");
  const keys = rows.map(keyOf);
  const { schema, path } = placeOf(header, keys);
  if (header.startsWith("| Key of ")) {
    const missing = Object.keys(schema.properties ?? {}).filter((key) => !keys.includes(key));
    if (missing.length > 0) throw new Error(`docs/configuration.md: no row for ${missing.join()}`);
  }
  const rowOf = (key: string) => {
    const found = find(key, schema);
    if (!found) throw new Error(`docs/configuration.md: the schema has no ${key}`);
    const words = CONFIG_WORDS[path + key];
    if (!words) throw new Error(`src/host/config-words.ts: no words for ${path}${key}`);
    const cells = [`\`${key}\``, typeOf(found), words.default ?? "", words.meaning];
    return `| ${cells.join(" | ")} |`.replace("|  |", "| |");
  };
  return [header, line, ...keys.map(rowOf)].join("\n");
}
