/**
 * Accounts come up, are refused, get lost and end: the real Gateway between two Prosodys, one of which
 * knows no TLS. The tests follow one another in the life of one Gateway.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  mergeConfig,
  startGateway,
  type AccountStatus,
  type ConfigObject,
  type Gateway,
} from "../support/gateway.ts";
import { startProsody, type Prosody } from "../support/prosody.ts";
import { secret } from "../support/secrets.ts";
import { connectRawXmpp } from "../support/raw-xmpp.ts";
import { startSlixmppUser, type SlixmppClient } from "../support/slixmpp.ts";
import { PACKAGE } from "../support/stage.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { waitFor } from "../support/wait.ts";

const USERS = ["good", "wrong", "untrusted", "twin"] as const;
const passwordOf = (user: string) => `${user}-Passw0rd-of-this-test`;
const WRONG_PASSWORD = secret("a wrong password", "Not-the-Passw0rd-of-wrong");

let prosody: Prosody;
let bare: Prosody;
let gateway: Gateway;
let lines: Record<(typeof USERS)[number], TcpProxy>;
let room: string;
let alice: SlixmppClient;
let base: ConfigObject;

beforeAll(async () => {
  [prosody, bare] = await Promise.all([
    startProsody(),
    startProsody({ offerStartTls: false, requireEncryption: false }),
  ]);
  for (const user of USERS) await prosody.register(user, passwordOf(user));
  await bare.register("plain", passwordOf("plain"));
  room = await prosody.room("team", { publicJids: true });
  alice = await startSlixmppUser(prosody, "alice");
  const opened = await Promise.all(USERS.map(async () => await startTcpProxy(prosody.ports.c2s)));
  lines = Object.fromEntries(USERS.map((user, index) => [user, opened[index]])) as typeof lines;
  const account = (user: (typeof USERS)[number], password = passwordOf(user)) => ({
    jid: `${user}@localhost`,
    password,
    server: `127.0.0.1:${lines[user].port}`,
    tls: { caFile: prosody.caFile },
  });
  const plain = {
    jid: "plain@localhost",
    password: passwordOf("plain"),
    server: `127.0.0.1:${bare.ports.c2s}`,
  };
  gateway = await startGateway({
    plugins: [{ kind: "path", path: PACKAGE }],
    waitForChannels: [],
    config: {
      channels: {
        xmpp: {
          defaultAccount: "good",
          accounts: {
            good: { ...account("good"), xml: true, rooms: [room] },
            wrong: account("wrong", WRONG_PASSWORD),
            untrusted: { ...account("untrusted"), tls: {} },
            twin: account("twin"),
            plain: { ...plain, dangerouslyAllowPlaintext: true },
            stripped: { ...plain, resource: "stripped" },
          },
        },
      },
    },
  });
  base = gateway.readConfig();
});
afterAll(async () => {
  await Promise.all([gateway?.stop(), alice?.stop()]);
  await Promise.all([prosody?.stop(), bare?.stop()]);
  await Promise.all(Object.values(lines ?? {}).map(async (line) => await line.stop()));
});

const until = async (
  accountId: string,
  what: string,
  holds: (status: AccountStatus) => boolean,
): Promise<AccountStatus> =>
  await gateway.waitForAccount({ channel: "xmpp", accountId }, what, holds);

const online = async (accountId: string) =>
  await until(accountId, "online", ({ connected }) => connected === true);
const blocked = async (accountId: string) =>
  await until(accountId, "blocked", ({ lifecycle }) => lifecycle === "blocked");

/** The real JIDs in the room, as the server has them. */
async function roomOccupants(): Promise<string> {
  const muc = `prosody.hosts["${prosody.conference}"].modules.muc`;
  return await prosody.shell(
    `> (function() local jids = {}; for _, o in ${muc}.get_room_from_jid("${room}"):each_occupant() do table.insert(jids, o.bare_jid) end; return "occupants: "..table.concat(jids, " ") end)()`,
  );
}

async function expectJoined(): Promise<void> {
  let occupants = "";
  const isIn = async () => {
    occupants = await roomOccupants();
    return occupants.includes("good@localhost");
  };
  await waitFor(isIn, { what: `good@localhost in ${room}`, evidence: () => occupants });
}

let sends = 0;
async function send(message: string): Promise<unknown> {
  return await gateway.call(
    "send",
    {
      ...{ channel: "xmpp", accountId: "good", to: "alice@localhost", message },
      idempotencyKey: `send-${sends++}`,
    },
    60_000,
  );
}

describe("an account", () => {
  it("comes up where everything is right, in its room", async () => {
    await online("good");
    await expectJoined();
  });

  it("with a wrong password is refused once, and says what to do", async () => {
    const { lastError } = await blocked("wrong");
    expect(lastError).toMatch(/not-authorized.*Check the account's `jid` and `password`/);
    expect(lastError).not.toContain(WRONG_PASSWORD);
  });

  it("whose server has no valid certificate sends nothing, and says what to do", async () => {
    const { lastError } = await blocked("untrusted");
    expect(lastError).toMatch(/certificate of 127\.0\.0\.1:\d+ is not valid.*tls\.caFile/);
    expect(lines.untrusted.sent.toString("latin1")).not.toContain("<auth");
    expect(prosody.log()).not.toContain("Authenticated as untrusted@");
  });

  it("without TLS is refused, but to loopback by the flag", async () => {
    const { lastError } = await blocked("stripped");
    expect(lastError).toMatch(/TLS/);
    await online("plain");
    expect(await gateway.call("xmpp.status", { account: "plain" })).toMatchObject({
      state: "online",
      connection: expect.not.objectContaining({ tls: expect.anything() }),
    });
    const attempts = bare.log().match(/Authenticated as plain@localhost/g);
    expect(attempts).toHaveLength(1);
  });

  it("gives way to a client with its resource, for good", async () => {
    await online("twin");
    const other = await connectRawXmpp({
      jid: "twin@localhost",
      password: passwordOf("twin"),
      port: prosody.ports.c2sTls,
      caFile: prosody.caFile,
      resource: "openclaw",
    });
    const { lastError } = await blocked("twin");
    expect(lastError).toMatch(/conflict.*`resource`/);
    await other.stop();
  });
});

describe("a lost server", () => {
  it("that swallows everything: a message is told as delivered once it is, and comes once", async () => {
    const since = alice.stanzas.length;
    lines.good.freeze();
    const outcome = send("into the void").then(
      (result) => ({ delivered: result }),
      (error: unknown) => ({ error: String(error) }),
    );
    await waitFor(() => lines.good.swallowed > 0, { what: "the message to leave" });
    lines.good.cut();
    expect(await outcome).toEqual({ delivered: expect.anything() });
    await online("good");
    await alice.ping();
    const arrived = alice.stanzas.slice(since).flatMap(({ body }) => body ?? []);
    expect(arrived).toEqual(["into the void"]);
  });

  it("that is down: who sends is told within seconds that it waits", async () => {
    await prosody.kill();
    await until("good", "lost", ({ connected }) => connected === false);
    await expect(send("to nobody")).rejects.toMatchObject({
      message: expect.stringMatching(/no connection for \d+ s/),
      details: { code: "OUTBOUND_DELIVERY_QUEUED" },
    });
  });

  it("that comes back has us again, in our room, and delivers", async () => {
    await prosody.restart();
    await online("good");
    await expectJoined();
    expect(await send("back again")).toMatchObject({ messageId: expect.any(String) });
  });

  it("was tried in vain by nobody who had been refused", async () => {
    expect(lines.wrong.connections).toBe(1);
    expect(lines.twin.connections).toBe(1);
    // Once more with the system's authorities.
    expect(lines.untrusted.connections).toBeLessThanOrEqual(2);
  });
});

describe("an end", () => {
  it("of the reason for a refusal brings the account up; a disabled one leaves no session", async () => {
    const accounts = {
      wrong: { password: passwordOf("wrong") },
      good: { enabled: false },
    };
    gateway.writeConfig(mergeConfig(base, { channels: { xmpp: { accounts } } }));
    await online("wrong");
    await until("good", "stopped", ({ running, connected }) => !running && !connected);
    const sessions = await prosody.shell("c2s:show()");
    expect(sessions).toContain("wrong@localhost/openclaw");
    expect(sessions).not.toContain("good@localhost");
    expect(await roomOccupants()).toMatch(/occupants: *$/m);
  });

  it("of the Gateway leaves no session and no process", async () => {
    const { pid } = gateway;
    await gateway.halt();
    expect(await prosody.shell("c2s:show()")).not.toContain("/openclaw");
    expect(await bare.shell("c2s:show()")).not.toContain("plain@localhost");
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  it("leaves a log with stanzas and without any secret", () => {
    const log = gateway.log() + readFileSync(join(gateway.directory, "openclaw.log"), "utf8");
    expect(log).toMatch(/OUT\W+<message/);
    expect(log).toMatch(/IN\W+<presence/);
    const secrets = [...[...USERS, "plain"].map(passwordOf), WRONG_PASSWORD];
    for (const each of secrets) {
      expect(log).not.toContain(each);
      expect(log).not.toContain(Buffer.from(each).toString("base64").replaceAll("=", ""));
    }
    expect(log).not.toMatch(/<(?:auth|response|challenge)[^>]*>\s*[A-Za-z0-9+/=]{8,}/);
  });
});
