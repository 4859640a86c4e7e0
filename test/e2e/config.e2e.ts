/**
 * Configuration on the real Gateway: the environment alone, the seeds' examples as they are printed,
 * secrets from each source, and what is wrong. One Gateway, whose file is edited while it runs.
 */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTempDir } from "../support/at-exit.ts";
import {
  mergeConfig,
  startGateway,
  type AccountStatus,
  type ConfigObject,
  type Gateway,
} from "../support/gateway.ts";
import { startProsody, type Prosody } from "../support/prosody.ts";
import { seedConfig } from "../support/seed-config.ts";
import { startSlixmppUser, type SlixmppClient } from "../support/slixmpp.ts";
import { startStubModel, type StubModel } from "../support/stub-model.ts";
import { PACKAGE } from "../support/stage.ts";
import { waitFor } from "../support/wait.ts";

const PASSWORDS = {
  envbot: "password-of-the-environment",
  bot: "your-password",
  ref: "password-behind-a-reference",
} as const;

const temp = createTempDir("config");
let prosody: Prosody;
let model: StubModel;
let gateway: Gateway;
let admin: SlixmppClient;
let base: ConfigObject;

beforeAll(async () => {
  [prosody, model] = await Promise.all([startProsody(), startStubModel()]);
  for (const [user, password] of Object.entries(PASSWORDS)) await prosody.register(user, password);
  await prosody.room("general", { publicJids: true });
  await prosody.room("room", { publicJids: true });
  admin = await startSlixmppUser(prosody, "admin");
  const secrets = join(temp.path, "secrets.json");
  writeFileSync(secrets, JSON.stringify({ xmpp: { bot: PASSWORDS.ref } }), { mode: 0o600 });
  const vault = join(temp.path, "vault.sh");
  const answer = { protocolVersion: 1, values: { "xmpp/bot": PASSWORDS.ref } };
  writeFileSync(vault, `#!/bin/sh\nprintf '%s' '${JSON.stringify(answer)}'\n`);
  chmodSync(vault, 0o700);
  writeFileSync(join(temp.path, "password"), `${PASSWORDS.ref}\n`, { mode: 0o600 });
  gateway = await startGateway({
    modelUrl: model.baseUrl,
    plugins: [{ kind: "path", path: PACKAGE }],
    waitForChannels: ["xmpp"],
    // The host starts no channel from the environment unless told so, or a channels.xmpp is there.
    args: ["--ambient-channels"],
    env: {
      XMPP_JID: "envbot@localhost",
      XMPP_PASSWORD: PASSWORDS.envbot,
      XMPP_SERVER: `127.0.0.1:${prosody.ports.c2s}`,
      XMPP_REF: PASSWORDS.ref,
      NODE_EXTRA_CA_CERTS: prosody.caFile,
    },
    config: {
      secrets: {
        providers: {
          files: { source: "file", path: secrets, mode: "json" },
          vault: { source: "exec", command: vault },
        },
      },
    },
  });
  base = gateway.readConfig();
});
afterAll(async () => {
  await Promise.all([gateway?.stop(), admin?.stop()]);
  await Promise.all([prosody?.stop(), model?.stop()]);
  temp.remove();
});

/** Lays `config` over what the Gateway started with, in its file. */
function edit(config: ConfigObject): void {
  gateway.writeConfig(mergeConfig(base, config));
}

const until = async (
  accountId: string,
  what: string,
  holds: (status: AccountStatus) => boolean,
): Promise<AccountStatus> =>
  await gateway.waitForAccount({ channel: "xmpp", accountId }, what, holds);

const online = async (accountId: string, jid: string) =>
  await until(
    accountId,
    `${jid} online`,
    (status) => status.connected === true && status["jid"] === jid,
  );

async function expectJoined(room: string): Promise<void> {
  let rooms: unknown;
  const isIn = async () => {
    // Between its stop and its start the account does not run.
    rooms = await gateway.call("xmpp.rooms").catch(String);
    return JSON.stringify(rooms).includes(`"room":"${room}","state":"joined"`);
  };
  await waitFor(isIn, { what: `being in ${room}`, evidence: () => JSON.stringify(rooms) });
}

async function expectAnswered(jid: string, body: string): Promise<void> {
  const since = admin.stanzas.length;
  await admin.send({ to: jid, body });
  expect((await admin.waitForBody(jid, { since, timeoutMs: 90_000 })).body).toBe(`echo: ${body}`);
}

describe("the environment alone", () => {
  it("makes the default account, without any channels.xmpp", async () => {
    expect(base).not.toHaveProperty("channels");
    await online("default", "envbot@localhost");
    expect(await prosody.shell("c2s:show()")).toContain("envbot@localhost/openclaw");
  });
});

describe("the seeds' examples", () => {
  it("of seed 000 log in, join, and let the operator in", async () => {
    const dataDir = join(temp.path, "data");
    mkdirSync(dataDir);
    edit(
      seedConfig("seed-000.json", {
        "your-server.com:5222": `localhost:${prosody.ports.c2s}`,
        "your-server.com": "localhost",
        "/path/to/data": dataDir,
      }),
    );
    await online("default", "bot@localhost");
    await expectJoined("general@conference.localhost");
    await expectAnswered("bot@localhost", "seed 000");
  });

  it("of seed 001 log in, join, and let the listed in", async () => {
    await prosody.register("bot", "secret");
    edit(
      seedConfig("seed-001.json5", {
        "chat.example.com": `127.0.0.1:${prosody.ports.c2s}`,
        "example.com": "localhost",
      }),
    );
    await expectJoined("room@conference.localhost");
    await online("default", "bot@localhost");
    await expectAnswered("bot@localhost", "seed 001");
    const shown = await prosody.shell("c2s:show()");
    expect(shown).toContain("bot@localhost/openclaw");
    expect(shown).not.toContain("envbot@localhost");
  });
});

describe("a password", () => {
  it("comes from env, file, exec and a password file, and is named where it is missing", async () => {
    const ref = (source: string, provider: string, id: string) => ({
      password: { source, provider, id },
    });
    const sources = {
      env: ref("env", "default", "XMPP_REF"),
      file: ref("file", "files", "/xmpp/bot"),
      exec: ref("exec", "vault", "xmpp/bot"),
      passfile: { passwordFile: join(temp.path, "password") },
    };
    const accounts = Object.fromEntries(
      Object.entries(sources).map(([resource, source]) => [
        resource,
        { jid: "ref@localhost", resource, ...source },
      ]),
    );
    const server = `127.0.0.1:${prosody.ports.c2s}`;
    edit({
      channels: {
        xmpp: {
          server,
          accounts: {
            ...accounts,
            missing: { jid: "ref@localhost", ...ref("env", "default", "XMPP_NOT_SET") },
            nofile: { jid: "ref@localhost", passwordFile: join(temp.path, "nowhere") },
          },
        },
      },
    });
    for (const accountId of Object.keys(sources)) await online(accountId, "ref@localhost");
    const missing = await until("missing", "not configured", ({ lastError }) => Boolean(lastError));
    // A reference that leads nowhere is the host's to tell: the account in its status, the key in its log.
    expect(missing.lastError).toMatch(/account:xmpp:missing .*secret reference was not found/);
    expect(gateway.log()).toMatch(
      /account:xmpp:missing .*paths: channels\.xmpp\.accounts\.missing\.password/,
    );
    const nofile = await until("nofile", "not configured", ({ lastError }) => Boolean(lastError));
    expect(nofile.lastError).toMatch(/channels\.xmpp\.accounts\.nofile\.passwordFile: .*nowhere/);
    expect(gateway.log()).not.toContain(PASSWORDS.ref);
  });
});

describe("what is wrong", () => {
  it("stops the account that it is about, and no other", async () => {
    edit({
      channels: {
        xmpp: {
          server: `127.0.0.1:${prosody.ports.c2s}`,
          accounts: {
            good: { jid: "bot@localhost", password: "secret" },
            server: { jid: "ref@localhost", password: "x", server: "http://chat" },
            rooms: { jid: "ref@localhost", password: "x", rooms: ["team"] },
          },
        },
      },
    });
    await online("good", "bot@localhost");
    const server = await until("server", "its problem", ({ lastError }) => Boolean(lastError));
    expect(server).toMatchObject({ configured: false });
    expect(server.lastError).toMatch(/channels\.xmpp\.accounts\.server\.server: "http:"/);
    const rooms = await until("rooms", "its problem", ({ lastError }) => Boolean(lastError));
    expect(rooms.lastError).toMatch(/channels\.xmpp\.accounts\.rooms\.rooms: "team" .*team@conf/);
  });

  it("in the schema's eyes leaves the Gateway with what it had", async () => {
    const before = gateway.log().length;
    edit({
      channels: { xmpp: { dmPolicy: "everyone", jid: "bot@localhost", password: "secret" } },
    });
    await waitFor(() => /dmPolicy/.test(gateway.log().slice(before)), {
      what: "a word about dmPolicy",
      evidence: () => gateway.log().slice(before),
    });
    expect((await online("good", "bot@localhost")).lifecycle).toBe("ready");
    const sent = await gateway.call("send", {
      ...{ channel: "xmpp", accountId: "good", to: "admin@localhost", message: "still here" },
      idempotencyKey: "still-here",
    });
    expect(sent).toMatchObject({ messageId: expect.any(String) });
    await admin.waitFor(({ body }) => body === "still here");
  });
});
