/**
 * docs/migrating.md, as it stands there: each command of its recipe in its order, from seed 000 with the host's older key
 * of then and an older plugin's folder in place, to the agent that answers its operator.
 */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createOpenClawHome,
  mergeConfig,
  REPOSITORY,
  startGateway,
  type ConfigObject,
  type OpenClawHome,
} from "../support/gateway.ts";
import { commandsOf, wordsOf } from "../support/page-commands.ts";
import { runOrThrow } from "../support/process.ts";
import { startProsody, type Prosody } from "../support/prosody.ts";
import { secret } from "../support/secrets.ts";
import { seedConfig } from "../support/seed-config.ts";
import { startSlixmppUser, type SlixmppClient } from "../support/slixmpp.ts";
import { startStubModel, type StubModel } from "../support/stub-model.ts";
import packageJson from "../../package.json" with { type: "json" };

const TARBALL = join(REPOSITORY, "build", `openclaw-xmpp-${packageJson.version}.tgz`);
const PASSWORD = secret("the older bot's password", "your-password");
const lines = commandsOf("docs/migrating.md").map(({ line }) => line);
const [stop, ...between] = lines.slice(0, -2);
const [start, look = ""] = lines.slice(-2);

let prosody: Prosody;
let model: StubModel;
let admin: SlixmppClient;
let home: OpenClawHome;
/** `channels.xmpp` as that plugin's page has it. */
let asPrinted: ConfigObject;

const sectionOf = ({ channels }: ConfigObject): ConfigObject =>
  (channels as { xmpp?: ConfigObject } | undefined)?.xmpp ?? {};
const accountOf = (config: ConfigObject): ConfigObject =>
  (sectionOf(config)["accounts"] as { default?: ConfigObject } | undefined)?.default ?? {};

/** What the older plugin's folder held, as far as the host reads it: put there by hand, in no list of the host. */
function placeOlderPlugin(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const files = {
    "openclaw.plugin.json": {
      id: "xmpp",
      channels: ["xmpp"],
      cli: ["xmpp"],
      configSchema: { type: "object" },
    },
    "package.json": {
      name: "xmpp",
      version: "1.0.0",
      type: "module",
      openclaw: { extensions: ["./index.js"] },
    },
  };
  for (const [file, value] of Object.entries(files))
    writeFileSync(join(folder, file), JSON.stringify(value));
  writeFileSync(join(folder, "index.js"), `export default { id: "xmpp", register() {} };\n`);
}

beforeAll(async () => {
  [prosody, model] = await Promise.all([startProsody(), startStubModel()]);
  await prosody.register("bot", PASSWORD);
  await prosody.room("general", { publicJids: true });
  admin = await startSlixmppUser(prosody, "admin");
  home = await createOpenClawHome({
    modelUrl: model.baseUrl,
    plugins: [],
    env: { NODE_EXTRA_CA_CERTS: prosody.caFile },
  });
  const seed = seedConfig("seed-000.json", {
    "xmpp://your-server.com:5222": `xmpp://127.0.0.1:${prosody.ports.c2s}`,
    "your-server.com": "localhost",
    "/path/to/data": join(home.directory, "data"),
  });
  asPrinted = sectionOf(seed);
  const memory = seedConfig("seed-000-memory.json");
  home.writeConfig(mergeConfig(mergeConfig(home.readConfig(), seed), memory));
  placeOlderPlugin(join(home.stateDir, "extensions", "xmpp"));
  // `~/.openclaw` of the page.
  symlinkSync(home.stateDir, join(home.env["HOME"] ?? "", ".openclaw"));
  symlinkSync(home.configFile, join(home.stateDir, "openclaw.json"));
});
afterAll(async () => {
  await admin?.stop();
  await Promise.all([prosody?.stop(), model?.stop()]);
  home?.remove();
});

/** A line of the page; `openclaw` is the one of this installation, what it installs is the tarball of this checkout. */
async function run(line: string): Promise<string> {
  const [program = "", ...words] = wordsOf(line);
  if (program !== "openclaw") {
    const how = { name: line, command: "sh", args: ["-c", line], cwd: home.directory };
    return (await runOrThrow({ ...how, env: home.env })).stdout;
  }
  const isInstall = line.startsWith("openclaw plugins install @openclaw/xmpp");
  const args = isInstall
    ? ["plugins", "install", `npm-pack:${TARBALL}`, "--force", "--accept-capabilities"]
    : words;
  const { NODE_EXTRA_CA_CERTS } = process.env;
  const env = isInstall ? { OPENCLAW_OFFLINE: undefined, NODE_EXTRA_CA_CERTS } : {};
  const { code, stdout, stderr } = await home.openclaw(args, { env, timeoutMs: 300_000 });
  expect({ line, code, said: code === 0 ? "" : stdout + stderr }).toEqual({
    line,
    code: 0,
    said: "",
  });
  return stdout;
}

describe("docs/migrating.md, from seed 000 and an older plugin's folder", () => {
  it("begins with a Gateway that stops, and ends with one that starts, and a look", () => {
    expect([stop, start, look]).toEqual([
      "openclaw gateway stop",
      "openclaw gateway start",
      "openclaw channels status --probe",
    ]);
  });

  it("loses nothing of channels.xmpp on the way", async () => {
    const before = readFileSync(home.configFile, "utf8");
    // The host objects to the file, which is why the page begins with doctor.
    expect((await home.openclaw(["config", "validate"])).code).toBe(1);
    const { service, domain: _domain, ...kept } = accountOf({ channels: { xmpp: asPrinted } });
    for (const line of between) {
      await run(line);
      expect(accountOf(home.readConfig()), line).toMatchObject(kept);
    }
    expect(sectionOf(home.readConfig())).toEqual({
      ...asPrinted,
      accounts: { default: { ...kept, server: service } },
    });
    expect(home.readConfig()["memory"]).toEqual({
      search: { enabled: true, experimental: { sessionMemory: true } },
    });
    const at = (name: string) => join(home.env["HOME"] ?? "", name);
    expect(readFileSync(at("openclaw-before.json"), "utf8")).toBe(before);
    expect(existsSync(join(at("old-xmpp-plugin"), "index.js"))).toBe(true);
    expect(existsSync(at(".openclaw/extensions/xmpp"))).toBe(false);
    expect(await run("openclaw config validate")).not.toMatch(/warning|upgrade/);
  }, 600_000);

  it("the agent is online with its account, in its room, and answers its operator", async () => {
    const gateway = await startGateway({ home, timeoutMs: 240_000 });
    try {
      expect(await run(look)).toMatch(/XMPP default.*mode:tcp TLS.*rooms 1\/1.*works/);
      await admin.send({ to: "bot@localhost", body: "still you?" });
      const { body } = await admin.waitForBody("bot@localhost", { timeoutMs: 60_000 });
      expect(body).toBe("echo: still you?");
    } finally {
      await gateway.halt();
    }
  }, 480_000);
});
