/** The plugin gets into the real host by each road that a person may take, and the host is content with it. */
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { createTempDir } from "../support/at-exit.ts";
import { copyTracked } from "../support/checkout.ts";
import {
  createOpenClawHome,
  REPOSITORY,
  startGateway,
  type Gateway,
  type OpenClawHome,
  type PluginSource,
} from "../support/gateway.ts";
import { startProsody } from "../support/prosody.ts";
import { startRegistry } from "../support/registry.ts";
import { passwordFor } from "../support/secrets.ts";
import { startSlixmppUser } from "../support/slixmpp.ts";
import { startStubModel } from "../support/stub-model.ts";
import { setupFields } from "../../src/host/setup-fields.ts";
import packageJson from "../../package.json" with { type: "json" };

const TARBALL = join(REPOSITORY, "build", `openclaw-xmpp-${packageJson.version}.tgz`);
// npm installs for as long as the registry and the machine take.
vi.setConfig({ testTimeout: 300_000 });
const cleanups: Array<() => unknown> = [];
const cleanUp = async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
};

/** What `plugins list`, `inspect` and `doctor` say, which must be nothing to worry about. */
async function expectContent({ openclaw }: OpenClawHome): Promise<{ source: string }> {
  const [list, inspect, doctor] = await Promise.all([
    openclaw(["plugins", "list", "--json"]),
    openclaw(["plugins", "inspect", "xmpp", "--runtime", "--json"]),
    openclaw(["plugins", "doctor"]),
  ]);
  expect(list.stderr + inspect.stderr + doctor.stderr).toBe("");
  const listed = JSON.parse(list.stdout) as { plugins: object[]; diagnostics?: object[] };
  expect(listed.plugins.filter((plugin) => "id" in plugin && plugin.id === "xmpp")).toMatchObject([
    { name: "XMPP", version: packageJson.version, enabled: true },
  ]);
  expect(listed.diagnostics ?? []).toEqual([]);
  const inspected = JSON.parse(inspect.stdout);
  expect(inspected).toMatchObject({
    plugin: { id: "xmpp", status: "loaded", imported: true, channelIds: ["xmpp"] },
    diagnostics: [],
  });
  expect(inspected.plugin.dependencyStatus ?? { missing: [] }).toMatchObject({ missing: [] });
  expect(doctor.code).toBe(0);
  expect(doctor.stdout).toMatch(/checks passed/);
  return inspected.plugin;
}

/** Copies a package and what it depends on; the host refuses a link that leads out of the checkout. */
function copyPackages(names: readonly string[], to: string): void {
  for (const name of names) {
    const from = join(REPOSITORY, "node_modules", name);
    if (existsSync(join(to, name))) continue;
    cpSync(from, join(to, name), { recursive: true });
    const { dependencies = {} } = JSON.parse(readFileSync(join(from, "package.json"), "utf8"));
    const hoisted = Object.keys(dependencies).filter(
      (dependency) => !existsSync(join(from, "node_modules", dependency)),
    );
    copyPackages(hoisted, to);
  }
}

/** The tracked files of this checkout, without anything built, and the packages that it runs with. */
function freshCheckout(): string {
  const temp = createTempDir("checkout");
  cleanups.push(() => temp.remove());
  copyTracked(temp.path);
  copyPackages(Object.keys(packageJson.dependencies), join(temp.path, "node_modules"));
  return temp.path;
}

describe("openclaw plugins install", () => {
  afterEach(cleanUp);

  async function installed(plugin: PluginSource): Promise<OpenClawHome> {
    const home = await createOpenClawHome({ plugins: [plugin] });
    cleanups.push(() => home.remove());
    return home;
  }

  it("npm-pack:<tarball>", async () => {
    const plugin = await expectContent(await installed({ kind: "tarball", path: TARBALL }));
    expect(plugin.source).toMatch(/@openclaw\/xmpp\/dist\/index\.js$/);
  });

  it("-l <checkout>, which is TypeScript source", async () => {
    const path = freshCheckout();
    const plugin = await expectContent(await installed({ kind: "link", path }));
    expect(plugin.source).toBe(join(path, "index.ts"));
  });
});

describe("openclaw plugins install @openclaw/xmpp, from a registry", () => {
  let gateway: Gateway;
  afterAll(cleanUp);

  it("finds what npm publish put there, and answers a message", async () => {
    const [registry, prosody, model] = await Promise.all([
      startRegistry(),
      startProsody(),
      startStubModel(),
    ]);
    cleanups.push(registry.stop, prosody.stop, model.stop);
    await registry.publish(TARBALL);
    const jid = await prosody.register("bot", passwordFor("bot"));
    const secrets = createTempDir("install");
    cleanups.push(() => secrets.remove());
    // A password in the configuration would be a reason to complain, and the operator's own.
    const passwordFile = join(secrets.path, "password");
    writeFileSync(passwordFile, `${passwordFor("bot")}\n`, { mode: 0o600 });
    gateway = await startGateway({
      modelUrl: model.baseUrl,
      plugins: [{ kind: "registry", url: registry.url, spec: "@openclaw/xmpp" }],
      config: {
        channels: {
          xmpp: {
            jid,
            passwordFile,
            server: `127.0.0.1:${prosody.ports.c2s}`,
            tls: { caFile: prosody.caFile },
            allowFrom: ["alice@localhost"],
          },
        },
      },
    });
    cleanups.push(gateway.stop);
    const alice = await startSlixmppUser(prosody, "alice");
    cleanups.push(alice.stop);
    await alice.send({ to: jid, body: "hello" });
    expect((await alice.waitForBody(jid, { timeoutMs: 90_000 })).body).toBe("echo: hello");
    const plugin = await expectContent(gateway);
    expect(plugin.source).toMatch(/@openclaw\/xmpp\/dist\/index\.js$/);
  });

  it("leaves nothing for security audit and doctor to complain of", async () => {
    const [audit, doctor] = await Promise.all([
      gateway.openclaw(["security", "audit", "--json"]),
      gateway.openclaw(["doctor", "--non-interactive"]),
    ]);
    expect(audit.code).toBe(0);
    const { findings } = JSON.parse(audit.stdout) as { findings: Array<{ checkId: string }> };
    expect(findings.length).toBeGreaterThan(0);
    // That no version was asked for is the installing person's choice, and this test's.
    const ours = findings.filter(
      ({ checkId }) => /channel|plugin/.test(checkId) && !checkId.includes("unpinned_npm_specs"),
    );
    expect(ours).toEqual([]);
    expect(doctor.code).toBe(0);
    expect(doctor.stdout.match(/.*(?:channels\.xmpp|plugins?\b.*xmpp).*/gi) ?? []).toEqual([]);
  });

  it("lists the setup fields, and knows the channel as jabber too", async () => {
    const [help, capabilities] = await Promise.all([
      gateway.openclaw(["channels", "add", "xmpp", "--help"]),
      gateway.openclaw(["channels", "capabilities", "--channel", "jabber"]),
    ]);
    for (const { cli } of Object.values(setupFields)) expect(help.stdout).toContain(cli.flags);
    expect(capabilities.stdout).toContain("XMPP default");
  });

  it("warns of what is open", async () => {
    const config = gateway.readConfig();
    const channels = config["channels"] as { xmpp: object };
    gateway.writeConfig({
      ...config,
      channels: {
        xmpp: {
          ...channels.xmpp,
          dmPolicy: "open",
          rooms: ["gated@conference.localhost"],
          mucRooms: {
            "loud@conference.localhost": { requireMention: false },
            "few@conference.localhost": { requireMention: false, users: ["alice@localhost"] },
          },
        },
      },
    });
    const audit = await gateway.openclaw(["security", "audit", "--json"]);
    const { findings } = JSON.parse(audit.stdout) as {
      findings: Array<{ checkId: string; detail: string }>;
    };
    const ours = findings.filter(({ checkId }) => checkId.startsWith("channels.xmpp"));
    expect(ours.map(({ checkId }) => checkId).toSorted()).toEqual([
      "channels.xmpp.dm.open",
      "channels.xmpp.groups.open",
      "channels.xmpp.groups.open_without_mention",
    ]);
    const detailOf = (id: string) => ours.find(({ checkId }) => checkId.endsWith(id))?.detail;
    expect(detailOf("without_mention")).toContain("loud@conference.localhost");
    expect(detailOf("without_mention")).not.toMatch(/gated|few/);
    expect(detailOf("groups.open")).toContain("gated@conference.localhost");
    expect(detailOf("groups.open")).not.toMatch(/loud|few/);
  });
});
