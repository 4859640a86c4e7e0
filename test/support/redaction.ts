/**
 * The whole log of a whole end-to-end run, looked through for every secret that was used in it: vitest
 * runs `setup` before the first test and `teardown` after the last, of however many files.
 *
 * What is looked through: all that each Gateway and each `openclaw` command wrote, and the Gateways' log
 * files; the host's own lines among them. What counts as a secret: passwords of accounts and rooms,
 * Gateway tokens, the model's key, each as it is and in the encodings in which a log may hold it; and
 * anything that looks like a message of SASL.
 */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RUN_LOGS, SECRETS_FILE } from "./secrets.ts";

export type Secret = { what: string; value: string };

const SASL = [
  /<(?:auth|response|challenge|success)\b[^>]*>\s*[A-Za-z0-9+/=]{16,}/,
  /\bn,[^,\s]*,n=[^,\s]+,r=\S{8,}/,
  /,p=[A-Za-z0-9+/]{20,}={0,2}/,
];

/** Too short to be told from a word. */
const SHORTEST = 6;

/** A secret as it may stand in a log: plain, escaped, or within something in base64. */
export function spellingsOf(value: string): string[] {
  const xml = value.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  // By where it stands among the bytes before it; the characters at either end are not its own.
  const base64 = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)]).toString("base64");
    const bits = (offset + Buffer.byteLength(value)) * 8;
    return text.slice(Math.ceil((offset * 8) / 6), Math.floor(bits / 6));
  });
  const all = [
    value,
    JSON.stringify(value).slice(1, -1),
    xml,
    encodeURIComponent(value),
    Buffer.from(value).toString("hex"),
    ...base64.filter((text) => text.length >= 8),
  ];
  return [...new Set(all)];
}

/** Where a secret stands in `text`, each with a bit of what is around it and without the secret. */
export function findSecrets(text: string, secrets: readonly Secret[]): string[] {
  const found: string[] = [];
  const around = (at: number, length: number) => {
    const before = text.slice(Math.max(0, at - 60), at);
    return `${before}[…]${text.slice(at + length, at + length + 30)}`.replaceAll("\n", "\\n");
  };
  for (const { what, value } of secrets) {
    const spelling = spellingsOf(value).find((one) => text.includes(one));
    if (spelling === undefined) continue;
    found.push(`${what}: ${around(text.indexOf(spelling), spelling.length)}`);
  }
  for (const pattern of SASL) {
    const match = pattern.exec(text);
    if (match) found.push(`a message of SASL: ${around(match.index, match[0].length)}`);
  }
  return found;
}

function secretsOf(directory: string): Secret[] {
  const file = join(directory, SECRETS_FILE);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").trim().split("\n");
  return lines
    .map((line) => JSON.parse(line) as Secret)
    .filter(({ value }) => value.length >= SHORTEST);
}

let directory: string | undefined;

export function setup(): void {
  directory = mkdtempSync(join(tmpdir(), "openclaw-xmpp-logs-"));
  process.env[RUN_LOGS] = directory;
}

/** @throws when a log holds a secret */
export function teardown(): void {
  if (directory === undefined) return;
  const secrets = secretsOf(directory);
  const logs = readdirSync(directory).filter((file) => file.endsWith(".log"));
  const found = logs.flatMap((file) =>
    findSecrets(readFileSync(join(directory ?? "", file), "utf8"), secrets).map(
      (where) => `${file}: ${where}`,
    ),
  );
  if (process.env["OPENCLAW_XMPP_KEEP"] !== "1") rmSync(directory, { recursive: true });
  process.stdout.write(`\n${logs.length} logs looked through for ${secrets.length} secrets\n`);
  if (found.length === 0) return;
  // vitest reports an error of a teardown, and may still end with 0.
  process.exitCode = 1;
  throw new Error(`secrets in the logs of this run:\n${found.join("\n")}`);
}
