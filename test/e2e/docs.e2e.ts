/**
 * What our pages tell a reader to type works as it stands there: every command of every page is run
 * against a server for example.com, or named below with the test that runs it; and the servers' own
 * configurations on docs/servers.md make a server that the agent can use to the full.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startEjabberd, type Ejabberd } from "../support/ejabberd.ts";
import {
  createOpenClawHome,
  REPOSITORY,
  startGateway,
  type ConfigObject,
  type Gateway,
  type OpenClawHome,
} from "../support/gateway.ts";
import {
  blocksOf,
  commandsOf,
  namedCommandsOf,
  ourPages,
  wordsOf,
  type PageCommand,
} from "../support/page-commands.ts";
import { startProsody, type Prosody } from "../support/prosody.ts";
import { startSlixmpp, type SlixmppClient } from "../support/slixmpp.ts";
import { startStubModel, type StubModel } from "../support/stub-model.ts";
import { PACKAGE, pairingCode } from "../support/stage.ts";
import { waitFor } from "../support/wait.ts";
import packageJson from "../../package.json" with { type: "json" };

/** The set-up that asks, on a terminal: whole lines, as with options it does not ask. */
const ASKING = "openclaw channels add";

/** Commands that cannot run in the middle of a test, by how they begin: where they run instead. */
const ELSEWHERE: readonly (readonly [begins: string, file: string, proof: string])[] = [
  ["npm ci && npm run demo", ".ci/run", "npm run --silent demo"],
  ["npm ci && npm test", ".ci/run", "npm test --"],
  ["npm run chaos", "test/e2e/chaos.e2e.ts", "runChaos"],
  ["openclaw onboard --classic", "test/e2e/setup.e2e.ts", "--classic"],
  [ASKING, "test/e2e/setup.e2e.ts", "channels add"],
  ["export XMPP_JID", "test/e2e/config.e2e.ts", "XMPP_SERVER"],
];

/** What asks for a service manager (systemd, launchd) that runs the Gateway: there is none here. */
const NOT_HERE = "openclaw gateway restart";

/** What changes plugins or wants the Gateway stopped: run in an installation without a Gateway. */
const SPARE = ["openclaw plugins", "openclaw doctor"];
const TARBALL = join(REPOSITORY, "build", `openclaw-xmpp-${packageJson.version}.tgz`);

const DOMAIN = "example.com";
const BOT = `bot@${DOMAIN}`;

let prosody: Prosody;
let model: StubModel;
let gateway: Gateway;
let spare: OpenClawHome;
let base: ConfigObject;
let alice: SlixmppClient;
let strangers = 0;

const person = async (server: Prosody | Ejabberd, user: string): Promise<SlixmppClient> =>
  await startSlixmpp({
    jid: await server.register(user, user),
    password: user,
    port: server.ports.c2s,
    caFile: server.caFile,
  });

const account = (server: Prosody | Ejabberd) => ({
  jid: BOT,
  password: "secret",
  server: `127.0.0.1:${server.ports.c2s}`,
  tls: { caFile: server.caFile },
  allowFrom: [`alice@${DOMAIN}`],
});

beforeAll(async () => {
  [prosody, model] = await Promise.all([startProsody({ domain: DOMAIN }), startStubModel()]);
  for (const user of ["bot", "ops"]) await prosody.register(user, "secret");
  for (const room of ["team", "room"]) await prosody.room(room, { publicJids: true });
  alice = await person(prosody, "alice");
  const plugins = [{ kind: "tarball", path: TARBALL }] as const;
  spare = await createOpenClawHome({ plugins });
  gateway = await startGateway({
    modelUrl: model.baseUrl,
    plugins,
    env: { OPS_XMPP_PASSWORD: "secret" },
    config: {
      session: { dmScope: "per-channel-peer" },
      commands: { ownerAllowFrom: [`xmpp:alice@${DOMAIN}`] },
      channels: { xmpp: { ...account(prosody), rooms: [`team@conference.${DOMAIN}`] } },
    },
  });
});
beforeAll(() => {
  base = gateway.readConfig();
  // `~/.secrets/bot` of the pages.
  const folder = join(gateway.env["HOME"] ?? "", ".secrets");
  mkdirSync(folder, { mode: 0o700 });
  for (const name of ["bot", "ops"]) writeFileSync(join(folder, name), "secret\n", { mode: 0o600 });
});
afterAll(async () => {
  await Promise.all([gateway?.stop(), alice?.stop()]);
  await Promise.all([prosody?.stop(), model?.stop()]);
  spare?.remove();
});

/** The configuration as it was before a page's commands changed it. */
async function restore(): Promise<void> {
  if (JSON.stringify(gateway.readConfig()["channels"]) === JSON.stringify(base["channels"])) return;
  gateway.writeConfig({ ...gateway.readConfig(), channels: base["channels"] });
  const isAsBefore = async () => {
    const [first, ...others] = await gateway.accounts("xmpp");
    return others.length === 0 && first?.connected === true;
  };
  await waitFor(isAsBefore, { what: "the account of before", timeoutMs: 60_000 });
}

/** A code that nobody has approved yet. */
async function newCode(): Promise<string> {
  strangers += 1;
  const stranger = await person(prosody, `stranger${strangers}`);
  await stranger.send({ to: BOT, body: "hello" });
  const { body } = await stranger.waitForBody(BOT, { timeoutMs: 30_000 });
  await stranger.stop();
  return pairingCode(body);
}

/** What has to be so before a command can do what the page says of it, by how it begins. */
const BEFORE: readonly (readonly [begins: string, prepare: () => Promise<void>])[] = [
  [
    "openclaw xmpp forget alice@",
    async () => {
      const since = alice.stanzas.length;
      await alice.send({ to: BOT, body: "remember me" });
      await alice.waitForBody(BOT, { since, timeoutMs: 30_000 });
    },
  ],
];

/** What stands for something that only exists as the page is read. */
async function filledIn(word: string): Promise<string> {
  if (word === "CODE") return await newCode();
  return word === "@openclaw/xmpp" ? `npm-pack:${TARBALL}` : word;
}

const elsewhere = ({ line }: PageCommand) =>
  [ASKING, `${ASKING} --channel xmpp`].includes(line) ||
  ELSEWHERE.some(([begins]) => begins !== ASKING && line.startsWith(begins));

/** What the command printed where it failed; undefined where it did what it says. */
async function failureOf({ page, line }: PageCommand): Promise<string | undefined> {
  const [program, ...words] = wordsOf(line);
  for (const [begins, prepare] of BEFORE) if (line.startsWith(begins)) await prepare();
  if (program === "prosodyctl" || program === "ejabberdctl") return undefined; // by `register`, below
  if (line === NOT_HERE) return undefined;
  if (program !== "openclaw") return `${page}: nobody runs ${line}`;
  const args = await Promise.all(words.map(filledIn));
  const isSpare = SPARE.some((begins) => line.startsWith(begins));
  if (line.startsWith("openclaw plugins install")) args.push("--force", "--accept-capabilities");
  const { code, stdout, stderr } = await (isSpare ? spare : gateway).openclaw(args, {
    env: line.includes("--use-env") ? { XMPP_JID: BOT, XMPP_PASSWORD: "secret" } : {},
  });
  return code === 0 ? undefined : `${page}: ${line}: exit code ${code}\n${stdout}${stderr}`;
}

describe("the commands of our pages", () => {
  const tried = new Set<string>();

  it.each(ELSEWHERE)("%s … is run by %s", (_begins, file, proof) => {
    const path = join(REPOSITORY, file);
    expect(existsSync(path) && readFileSync(path, "utf8").includes(proof)).toBe(true);
  });

  it.each(ourPages().filter((page) => commandsOf(page).length > 0))(
    "%s",
    async (page) => {
      const failures: string[] = [];
      for (const command of commandsOf(page)) {
        // What is to be approved or forgotten is another one each time.
        const isDone = tried.has(command.line) && !/CODE|forget/.test(command.line);
        tried.add(command.line);
        const failure = isDone || elsewhere(command) ? undefined : await failureOf(command);
        if (failure !== undefined) failures.push(failure);
      }
      await restore();
      expect(failures).toEqual([]);
    },
    600_000,
  );

  it("are there, where a sentence only names them", async () => {
    const shown = ourPages().flatMap(commandsOf);
    // The words that choose a command: what is neither an option nor something to fill in.
    const path = (line: string) =>
      /^openclaw(?: [a-z]+(?:-[a-z]+)*(?=\s|$))*/.exec(line)?.[0] ?? line;
    const unknown = new Set(
      ourPages()
        .flatMap(namedCommandsOf)
        .map(({ line }) => path(line))
        .filter((named) => !shown.some(({ line }) => path(line).startsWith(named))),
    );
    const missing: string[] = [];
    for (const named of unknown) {
      const help = await gateway.openclaw([...wordsOf(named).slice(1), "--help"]);
      if (help.code !== 0 || !help.stdout.includes(`Usage: ${named}`)) missing.push(named);
    }
    expect(missing).toEqual([]);
  }, 300_000);
});

describe("the servers of docs/servers.md", () => {
  const [lua = ""] = blocksOf("docs/servers.md", "lua prosody");
  const [yaml = ""] = blocksOf("docs/servers.md", "yaml ejabberd");
  const start = {
    Prosody: async () => await startProsody({ domain: DOMAIN, recipe: lua }),
    ejabberd: async () => await startEjabberd({ domain: DOMAIN, recipe: yaml }),
  };

  it.each(["Prosody", "ejabberd"] as const)("%s has all that the agent can use", async (name) => {
    const server = await start[name]();
    await server.register("bot", "secret");
    const friend = await person(server, "alice");
    const room = `lab@${server.conference}`;
    const home = await startGateway({
      modelUrl: model.baseUrl,
      plugins: [{ kind: "path", path: PACKAGE }],
      config: { channels: { xmpp: { ...account(server), rooms: [room] } } },
    });
    try {
      const joined = async () => (await server.occupants(room))?.["bot"] === BOT;
      await waitFor(joined, { what: `the agent in ${room}`, evidence: () => home.log() });
      await friend.join(room, "alice");
      await friend.send({ to: room, type: "groupchat", body: "bot: who am I?" });
      await friend.waitForBody(`${room}/bot`, { timeoutMs: 30_000 });
      // The agent saw the real JID: the room that it made shows them.
      const { occupants } = (await home.call("xmpp.occupants", { room })) as {
        occupants: readonly { nick: string; jid?: string }[];
      };
      expect(occupants.find(({ nick }) => nick === "alice")?.jid).toMatch(`alice@${DOMAIN}`);
      const [status] = await home.accounts("xmpp");
      expect(status).toMatchObject({ connected: true, archive: true, upload: {} });
    } finally {
      await Promise.all([home.stop(), friend.stop()]);
      await server.stop();
    }
  });
});
