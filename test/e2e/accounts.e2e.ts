/**
 * Accounts as an operator handles them: added on the command line, changed, rotated, disabled and removed
 * while the Gateway runs; the environment; doctor and the security audit. The tests follow one another.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTempDir } from "../support/at-exit.ts";
import { startWizard } from "../support/wizard.ts";
import {
  REPOSITORY,
  createOpenClawHome,
  mergeConfig,
  startGateway,
  type AccountStatus,
  type ConfigObject,
  type Gateway,
  type OpenClawHome,
} from "../support/gateway.ts";
import { startProsody, type Prosody } from "../support/prosody.ts";
import { passwordFor } from "../support/secrets.ts";
import { seedConfig } from "../support/seed-config.ts";
import { startSlixmppUser, type SlixmppClient } from "../support/slixmpp.ts";
import { PACKAGE } from "../support/stage.ts";
import { startStubModel, type StubModel } from "../support/stub-model.ts";
import packageJson from "../../package.json" with { type: "json" };

const TARBALL = join(REPOSITORY, "build", `openclaw-xmpp-${packageJson.version}.tgz`);
/** Its flags the host knows of an installed plugin only. */
const INSTALLED = [{ kind: "tarball", path: TARBALL }] as const;
const temp = createTempDir("accounts");
const passwordFile = join(temp.path, "password");
const secretsFile = join(temp.path, "secrets.json");
/** A program that prints a password. */
const printer = join(temp.path, "printer");
let prosody: Prosody;
let model: StubModel;
let alice: SlixmppClient;
let server: string;

const writePassword = (password: string) =>
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
const writeSecret = (password: string) =>
  writeFileSync(secretsFile, JSON.stringify({ vault: password }), { mode: 0o600 });

beforeAll(async () => {
  [prosody, model] = await Promise.all([startProsody(), startStubModel()]);
  server = `127.0.0.1:${prosody.ports.c2s}`;
  // A command line is logged by these tests: what stands on it is no secret.
  await prosody.register("ops", "ops");
  for (const user of ["bot", "vault", "env", "stored", "named", "run"]) {
    await prosody.register(user, passwordFor(user));
  }
  await prosody.room("team", { publicJids: true });
  alice = await startSlixmppUser(prosody, "alice");
  writePassword(passwordFor("bot"));
  writeSecret(passwordFor("vault"));
  writeFileSync(printer, `#!/bin/sh\nprintf %s '${passwordFor("run")}'\n`, { mode: 0o700 });
});
afterAll(async () => {
  await Promise.all([prosody?.stop(), model?.stop(), alice?.stop()]);
  temp.remove();
});

const sectionOf = ({ readConfig }: OpenClawHome): ConfigObject | undefined =>
  (readConfig()["channels"] as { xmpp?: ConfigObject } | undefined)?.xmpp;

/** The server's authority beside those of this machine, which npm needs behind a proxy. */
function authorities(): string {
  const known = [process.env["NODE_EXTRA_CA_CERTS"], prosody.caFile].filter(Boolean) as string[];
  const file = join(temp.path, "authorities.pem");
  writeFileSync(file, known.map((path) => readFileSync(path, "utf8")).join("\n"));
  return file;
}

async function succeed(home: OpenClawHome, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await home.openclaw(args);
  expect(code, `openclaw ${args[0]} ${args[1]}:\n${stdout}${stderr}`).toBe(0);
  return stdout;
}

async function until(
  gateway: Gateway,
  accountId: string,
  what: string,
  holds: (status: AccountStatus) => boolean,
): Promise<AccountStatus> {
  return await gateway.waitForAccount({ channel: "xmpp", accountId }, what, holds);
}

async function online(gateway: Gateway, accountId: string, jid: string): Promise<AccountStatus> {
  const isOnline = (status: AccountStatus) => status.connected === true && status["jid"] === jid;
  return await until(gateway, accountId, `${jid} online`, isOnline);
}

async function expectAnswered(jid: string, body: string): Promise<void> {
  const since = alice.stanzas.length;
  await alice.send({ to: jid, body });
  expect((await alice.waitForBody(jid, { since, timeoutMs: 90_000 })).body).toBe(`echo: ${body}`);
}

describe("openclaw channels add, while the Gateway runs", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway({
      modelUrl: model.baseUrl,
      plugins: INSTALLED,
      waitForChannels: [],
      env: { NAMED_PASSWORD: passwordFor("named") },
      config: {
        secrets: {
          providers: {
            files: { source: "file", path: secretsFile, mode: "json" },
            printer: { source: "exec", command: printer, jsonOnly: false },
          },
        },
      },
    });
  });
  afterAll(async () => await gateway?.stop());

  const add = (...flags: string[]) => ["channels", "add", "--channel", "xmpp", ...flags];
  /** When the stream began that the account has now. */
  const streamOf = async (accountId: string) => {
    const { lastConnectedAt } = await until(
      gateway,
      accountId,
      "online",
      ({ connected }) => connected === true,
    );
    expect(lastConnectedAt).toEqual(expect.any(Number));
    return lastConnectedAt;
  };

  it("writes nothing that would not work, and says what would", async () => {
    const before = readFileSync(gateway.configFile, "utf8");
    const jid = ["--jid", "bot@localhost"];
    const [noPassword, badRoom, badPolicy] = await Promise.all([
      gateway.openclaw(add(...jid)),
      gateway.openclaw(add(...jid, "--password-file", passwordFile, "--rooms", "team")),
      gateway.openclaw(add(...jid, "--password-file", passwordFile, "--dm-policy", "everyone")),
    ]);
    expect(noPassword).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/XMPP needs --password/),
    });
    expect(badRoom).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/--rooms: "team" .*team@conference\.example\.com/),
    });
    expect(badPolicy.code).toBe(1);
    expect(badPolicy.stderr).toMatch(/pairing.*allowlist.*open.*disabled/i);
    expect(readFileSync(gateway.configFile, "utf8")).toBe(before);
  });

  it("brings an account up, with each flag where the configuration has it", async () => {
    await succeed(
      gateway,
      ...add("--jid", "bot@localhost", "--password-file", passwordFile, "--server", server),
      ...["--ca-file", prosody.caFile, "--rooms", `team@${prosody.conference}`, "--nick", "Bot"],
      ...["--dm-policy", "allowlist", "--allow-from", "alice@localhost,*@admins.localhost"],
      ...["--group-policy", "allowlist", "--channel-binding", "auto", "--no-allow-plain"],
      ...["--no-require-mention", "--admin-jid", "carol@localhost", "--history-limit", "5"],
      ...["--publish-profile", "--profile-name", "Robo", "--xmpp-log-level", "debug"],
    );
    expect(sectionOf(gateway)).toEqual({
      enabled: true,
      jid: "bot@localhost",
      passwordFile,
      server,
      tls: { caFile: prosody.caFile },
      rooms: [`team@${prosody.conference}`],
      nick: "Bot",
      dmPolicy: "allowlist",
      allowFrom: ["alice@localhost", "*@admins.localhost"],
      groupPolicy: "allowlist",
      sasl: { channelBinding: "auto", allowPlain: false },
      mucRooms: { [`team@${prosody.conference}`]: { requireMention: false } },
      adminJid: ["carol@localhost"],
      historyLimit: 5,
      profile: { publish: true, name: "Robo" },
      logLevel: "debug",
    });
    await online(gateway, "default", "bot@localhost");
    await expectAnswered("bot@localhost", "added");
  });

  it("adds a second one beside it, which has nothing of the first", async () => {
    await succeed(
      gateway,
      ...add("--account", "ops", "--jid", "ops@localhost", "--password", "ops"),
      ...["--server", server, "--ca-file", prosody.caFile],
    );
    const section = sectionOf(gateway);
    expect(section).toMatchObject({
      accounts: { default: { jid: "bot@localhost", nick: "Bot" }, ops: { jid: "ops@localhost" } },
    });
    expect(section).not.toHaveProperty("jid");
    expect(section).not.toHaveProperty("allowFrom");
    await online(gateway, "ops", "ops@localhost");
    await online(gateway, "default", "bot@localhost");
    for (const id of ["default", "ops"]) {
      expect(existsSync(join(gateway.stateDir, "xmpp", id, "ingress.sqlite"))).toBe(true);
    }
    // The one list does not let anybody write to the other account.
    const since = alice.stanzas.length;
    await alice.send({ to: "ops@localhost", body: "hello" });
    expect((await alice.waitForBody("ops@localhost", { since })).body).toMatch(/pairing/i);
  });

  it("restarts one account alone when it is changed, added or disabled", async () => {
    const stream = await streamOf("default");
    const ops = await streamOf("ops");
    await succeed(gateway, ...add("--account", "ops", "--resource", "changed"));
    await until(
      gateway,
      "ops",
      "a new stream",
      (s) => s.connected === true && s["lastConnectedAt"] !== ops,
    );
    expect(await prosody.shell("c2s:show()")).toContain("ops@localhost/changed");
    const accounts = {
      vault: {
        jid: "vault@localhost",
        password: { source: "file", provider: "files", id: "/vault" },
        server,
        tls: { caFile: prosody.caFile },
      },
    };
    gateway.writeConfig(mergeConfig(gateway.readConfig(), { channels: { xmpp: { accounts } } }));
    await online(gateway, "vault", "vault@localhost");
    const isOff = ({ running, enabled }: AccountStatus) => running !== true && enabled === false;
    await succeed(gateway, "config", "set", "channels.xmpp.accounts.ops.enabled", "false");
    await until(gateway, "ops", "off", isOff);
    await succeed(gateway, "config", "set", "channels.xmpp.accounts.ops.enabled", "true");
    await online(gateway, "ops", "ops@localhost");
    expect(await streamOf("default")).toBe(stream);
  });

  // `file` is the account "vault" of the test before.
  it("logs in with a secret of each source that the host has", async () => {
    const value = join(temp.path, "stored");
    writeFileSync(value, passwordFor("stored"), { mode: 0o600 });
    await succeed(gateway, "secrets", "store", "set", "STORED_PASSWORD", "--value-file", value);
    const account = (user: string, password: object) => ({
      jid: `${user}@localhost`,
      password,
      server,
      tls: { caFile: prosody.caFile },
    });
    const accounts = {
      stored: account("stored", { source: "store", provider: "default", id: "STORED_PASSWORD" }),
      named: account("named", { source: "env", provider: "default", id: "NAMED_PASSWORD" }),
      run: account("run", { source: "exec", provider: "printer", id: "anything" }),
    };
    gateway.writeConfig(mergeConfig(gateway.readConfig(), { channels: { xmpp: { accounts } } }));
    for (const user of Object.keys(accounts)) await online(gateway, user, `${user}@localhost`);
    const shown = readFileSync(gateway.configFile, "utf8") + gateway.log();
    for (const user of Object.keys(accounts)) expect(shown).not.toContain(passwordFor(user));
  });

  it("takes up a rotated secret, and restarts whose it is alone", async () => {
    const [bot, ops, vault] = await Promise.all(["default", "ops", "vault"].map(streamOf));
    const rotated = `${passwordFor("vault")}-rotated`;
    await prosody.register("vault", rotated);
    writeSecret(rotated);
    await succeed(gateway, "secrets", "reload");
    await until(
      gateway,
      "vault",
      "a new stream",
      (s) => s.connected === true && s["lastConnectedAt"] !== vault,
    );
    expect(await Promise.all(["default", "ops"].map(streamOf))).toEqual([bot, ops]);
  });

  it("takes up another password file at the next login, and after a refused one by itself", async () => {
    const ops = await streamOf("ops");
    const bot = await streamOf("default");
    const rotated = `${passwordFor("bot")}-rotated`;
    await prosody.register("bot", rotated);
    writePassword(rotated);
    await prosody.closeSessions("bot@localhost");
    await until(
      gateway,
      "default",
      "a new stream",
      (s) => s.connected === true && s["lastConnectedAt"] !== bot,
    );
    await prosody.register("bot", `${rotated}-again`);
    await prosody.closeSessions("bot@localhost");
    const refused = await until(
      gateway,
      "default",
      "refused",
      ({ lifecycle }) => lifecycle === "blocked",
    );
    expect(refused.lastError).toContain("not-authorized");
    writePassword(`${rotated}-again`);
    await online(gateway, "default", "bot@localhost");
    expect(await streamOf("ops")).toBe(ops);
  });

  it("lets a second account with the same login wait for the first", async () => {
    const twin = {
      jid: "ops@localhost",
      resource: "changed",
      password: "ops",
      server,
      tls: { caFile: prosody.caFile },
    };
    const ops = await streamOf("ops");
    gateway.writeConfig(
      mergeConfig(gateway.readConfig(), { channels: { xmpp: { accounts: { twin } } } }),
    );
    const waiting = await until(
      gateway,
      "twin",
      "blocked",
      ({ lifecycle }) => lifecycle === "blocked",
    );
    expect(waiting.lastError).toMatch(/account "ops" has the same JID and resource/);
    expect(await streamOf("ops")).toBe(ops);
    await succeed(
      gateway,
      "channels",
      "remove",
      "--channel",
      "xmpp",
      "--account",
      "twin",
      "--delete",
    );
  });

  it("removes an account, and leaves the others", async () => {
    await succeed(
      gateway,
      "channels",
      "remove",
      "--channel",
      "xmpp",
      "--account",
      "vault",
      "--delete",
    );
    expect(Object.keys(sectionOf(gateway)?.["accounts"] as object)).toEqual([
      ...["default", "ops", "stored", "named", "run"],
    ]);
    await online(gateway, "ops", "ops@localhost");
    await online(gateway, "default", "bot@localhost");
    const shown = await prosody.shell("c2s:show()");
    expect(shown).not.toContain("vault@localhost");
    // The host goes on listing what ran before; it must not run any more.
    const removed = (await gateway.accounts("xmpp")).find(({ accountId }) => accountId === "vault");
    expect(removed?.running ?? false).toBe(false);
    expect(gateway.log()).not.toContain(passwordFor("bot"));
  });

  it("channels remove without --delete asks, disables, and keeps it off until it is started", async () => {
    await online(gateway, "ops", "ops@localhost");
    const question = await startWizard(gateway, [
      ...["channels", "remove", "--channel", "xmpp", "--account", "ops"],
    ]);
    try {
      await question.confirm('Disable XMPP account "ops"? (keeps config)', true);
      expect(await question.ended()).toBe(0);
    } finally {
      await question.stop();
    }
    expect(sectionOf(gateway)).toMatchObject({
      accounts: { ops: { jid: "ops@localhost", password: "ops", enabled: false } },
    });
    const isOff = ({ running, enabled }: AccountStatus) => running !== true && enabled === false;
    await until(gateway, "ops", "off", isOff);
    const accounts = { ops: { enabled: true } };
    gateway.writeConfig(mergeConfig(gateway.readConfig(), { channels: { xmpp: { accounts } } }));
    await until(gateway, "ops", "enabled", ({ enabled }) => enabled === true);
    const ops = JSON.stringify({ channel: "xmpp", accountId: "ops" });
    await succeed(gateway, "gateway", "call", "channels.start", "--params", ops);
    await online(gateway, "ops", "ops@localhost");
  });
});

describe("without questions, from nothing", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway({
      modelUrl: model.baseUrl,
      plugins: INSTALLED,
      waitForChannels: [],
      env: {
        XMPP_JID: "env@localhost",
        XMPP_PASSWORD: passwordFor("env"),
        XMPP_SERVER: server,
        NODE_EXTRA_CA_CERTS: authorities(),
      },
    });
    await gateway.halt();
  });
  afterAll(async () => await gateway?.stop());

  it("onboard --non-interactive and channels add --use-env are enough", async () => {
    await succeed(
      gateway,
      ...["onboard", "--non-interactive", "--accept-risk", "--mode", "local"],
      ...["--auth-choice", "skip", "--gateway-port", String(gateway.port)],
      ...["--gateway-auth", "token", "--gateway-token", gateway.token],
      ...["--skip-channels", "--skip-skills", "--skip-search", "--skip-ui", "--skip-health"],
      ...["--skip-bootstrap", "--no-install-daemon", "--json"],
    );
    const missing = await gateway.openclaw(["channels", "add", "--channel", "xmpp", "--use-env"], {
      env: { XMPP_PASSWORD: undefined },
    });
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining("XMPP_PASSWORD") });
    expect(sectionOf(gateway)).toBeUndefined();
    await succeed(
      gateway,
      "channels",
      "add",
      "--channel",
      "xmpp",
      "--use-env",
      "--allow-from",
      "alice@localhost",
    );
    expect(sectionOf(gateway)).toEqual({ enabled: true, allowFrom: ["alice@localhost"] });
    await gateway.resume();
    await online(gateway, "default", "env@localhost");
    await expectAnswered("env@localhost", "from the environment");
  });
});

describe("doctor and the security audit", () => {
  let home: OpenClawHome;
  beforeAll(
    async () =>
      void (home = await createOpenClawHome({ plugins: [{ kind: "path", path: PACKAGE }] })),
  );
  afterAll(() => home?.remove());

  it("doctor --fix moves seed 000's names and the host's own of then, and loses nothing", async () => {
    const seed = seedConfig("seed-000.json");
    const memory = seedConfig("seed-000-memory.json");
    home.writeConfig(mergeConfig(mergeConfig(home.readConfig(), seed), memory));
    const asPrinted = (seed["channels"] as { xmpp: ConfigObject }).xmpp;
    const fixed = await succeed(home, "doctor", "--fix", "--non-interactive");
    expect(fixed).toMatch(/accounts\.default\.service.*accounts\.default\.server/s);
    const accounts = asPrinted["accounts"] as { default: ConfigObject };
    const { service, domain: _domain, ...rest } = accounts.default;
    expect(sectionOf(home)).toEqual({
      enabled: true,
      accounts: { default: { ...rest, server: service } },
    });
    const { agents, memory: moved } = home.readConfig();
    expect(moved).toEqual({ search: { enabled: true, experimental: { sessionMemory: true } } });
    expect(JSON.stringify(agents)).not.toContain("memorySearch");
  });

  it("the host finds nothing to object to in seed 001's lists, nor in what doctor made of seed 000", async () => {
    expect(await succeed(home, "config", "validate")).toMatch(/valid/i);
    home.writeConfig({ ...home.readConfig(), ...seedConfig("seed-001-lists.json5") });
    expect(await succeed(home, "config", "validate")).toMatch(/valid/i);
  });

  it("doctor --fix leaves to all accounts what they inherit", async () => {
    const xmpp = {
      server: "chat.example.com",
      dmPolicy: "allowlist",
      allowFrom: ["alice@example.com"],
      accounts: {
        one: { jid: "one@example.com", passwordFile },
        two: { jid: "two@example.com", passwordFile },
      },
    };
    home.writeConfig({ ...home.readConfig(), channels: { xmpp } });
    await succeed(home, "doctor", "--fix", "--non-interactive");
    expect(sectionOf(home)).toEqual(xmpp);
  });

  it("the audit tells what is open, weak, or to be read by others", async () => {
    const xmpp = {
      jid: "bot@example.com",
      password: "a-password-in-the-file",
      dmPolicy: "allowlist",
      allowFrom: ["*"],
      rooms: ["team@conference.example.com"],
      sasl: { allowPlain: true },
      accounts: {
        open: { jid: "open@example.com", passwordFile, dmPolicy: "open" },
        bad: { jid: "x" },
      },
    };
    home.writeConfig({ ...home.readConfig(), channels: { xmpp } });
    const { findings } = JSON.parse(await succeed(home, "security", "audit", "--json")) as {
      findings: { checkId: string; severity: string; detail: string }[];
    };
    const ours = findings.filter(({ checkId }) => checkId.startsWith("channels.xmpp"));
    const told = new Set(ours.map(({ checkId, severity }) => `${severity} ${checkId.slice(14)}`));
    expect([...told].toSorted()).toEqual([
      "critical dm.open",
      "critical dm.wildcard",
      "info account_not_audited",
      "info password_in_config",
      "warn groups.open",
      "warn sasl.plain",
    ]);
    expect(JSON.stringify(findings)).not.toContain("a-password-in-the-file");
  });
});
