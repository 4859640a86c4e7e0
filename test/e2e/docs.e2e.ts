/**
 * What our pages tell a reader to type does as it stands there what the page says (test/support/page-effects.ts): the
 * commands of every page are run in its order against servers for example.com, or named below with the test that runs
 * them, or with the reason why none does. The servers' own configurations on docs/servers.md, with that page's commands,
 * make servers that the agent can use to the full. One installation and one Gateway serve all; commands that only look
 * run two at a time, and not again for each page.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startEjabberd, type Ejabberd } from "../support/ejabberd.ts";
import {
  createOpenClawHome,
  mergeConfig,
  REPOSITORY,
  startGateway,
  type CommandOptions,
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
import { createEffects, looksOnly, type Effects } from "../support/page-effects.ts";
import { runOrThrow, type CommandResult } from "../support/process.ts";
import { startProsody, type Prosody } from "../support/prosody.ts";
import { startSlixmpp, type SlixmppClient } from "../support/slixmpp.ts";
import { startStubModel, type StubModel } from "../support/stub-model.ts";
import { waitFor } from "../support/wait.ts";
import packageJson from "../../package.json" with { type: "json" };

/** Commands that other tests run, by how they begin (`$`: there they end): where, and what shows it. */
const ELSEWHERE: readonly (readonly [begins: string, file: string, proof: string])[] = [
  ["npm ci && npm run demo", ".ci/run", "npm run --silent demo"],
  ["npm ci && npm test", ".ci/run", "npm test --"],
  ["npm run chaos", "test/e2e/chaos.e2e.ts", "runChaos"],
  ["openclaw onboard --classic", "test/e2e/setup.e2e.ts", "--classic"],
  ["openclaw channels add --channel xmpp$", "test/e2e/setup.e2e.ts", '"--channel", "xmpp"'],
];
/** The same of a page that is run as a whole. */
const PAGES_ELSEWHERE: readonly (readonly [page: string, file: string])[] = [
  ["docs/migrating.md", "test/e2e/migrating.e2e.ts"],
];

/** Commands that no test runs, and why; those of `openclaw` are looked up all the same. */
const NOT_RUN: readonly (readonly [begins: string, why: string])[] = [
  ["openclaw gateway restart", "wants a service manager (systemd, launchd), and there is none"],
  ["openclaw gateway stop", "wants a service manager: migrating.e2e.ts begins without a Gateway"],
  ["openclaw gateway start", "wants a service manager: migrating.e2e.ts starts one itself"],
  ["prosodyctl cert import", "wants the certificates of a certbot"],
  ["npm install -g openclaw", "would change the machine's own programs"],
];

/** What installs. */
const BEFORE_GATEWAY = /^openclaw plugins install /;
const OF_SERVERS = /^(?:prosodyctl|ejabberdctl) /;
const IN_CHECKOUT = /^npx /;

const TARBALL = join(REPOSITORY, "build", `openclaw-xmpp-${packageJson.version}.tgz`);
const DOMAIN = "example.com";
const BOT = `bot@${DOMAIN}`;

const elsewhere = ({ line }: PageCommand) =>
  ELSEWHERE.some(([begins]) => `${line}$`.startsWith(begins));
const isNotRun = ({ line }: PageCommand) => NOT_RUN.some(([begins]) => line.startsWith(begins));
const isOnPageElsewhere = (command: PageCommand) =>
  PAGES_ELSEWHERE.some(([page]) => page === command.page);
const runsHere = (command: PageCommand) =>
  !elsewhere(command) && !isNotRun(command) && !isOnPageElsewhere(command);

const shown = ourPages().flatMap(commandsOf);
const named = ourPages().flatMap(namedCommandsOf);
/** In the order of each page; what only looks stands where it stands first. */
const running = shown
  .filter(runsHere)
  .filter(
    ({ line }, at, all) => !looksOnly(line) || all.findIndex((one) => one.line === line) === at,
  );
/** Each once. */
const linesOf = (kind: RegExp) => [
  ...new Set(running.map(({ line }) => line).filter((line) => kind.test(line))),
];

/** What README.md puts into the environment: for commands with `--use-env`. */
const EXPORTED = Object.fromEntries(
  linesOf(/^export /)
    .flatMap((line) => wordsOf(line).slice(1))
    .map((setting) => setting.split("=") as [string, string]),
);

let prosody: Prosody;
let model: StubModel;
let home: OpenClawHome;
let gateway: Gateway;
let base: ConfigObject;
let alice: SlixmppClient;
let effects: Effects;
const strangers: SlixmppClient[] = [];

const person = async (server: Prosody | Ejabberd, user: string): Promise<SlixmppClient> =>
  await startSlixmpp({
    jid: await server.register(user, user),
    password: user,
    port: server.ports.c2s,
    caFile: server.caFile,
  });

const account = (server: Prosody | Ejabberd, password = "secret") => ({
  jid: BOT,
  password,
  server: `127.0.0.1:${server.ports.c2s}`,
  tls: { caFile: server.caFile },
  allowFrom: [`alice@${DOMAIN}`],
});

beforeAll(async () => {
  [prosody, model] = await Promise.all([startProsody({ domain: DOMAIN }), startStubModel()]);
  for (const user of ["bot", "ops"]) await prosody.register(user, "secret");
  await prosody.room("team", { publicJids: true, name: "Team Room" });
  await prosody.room("room", { publicJids: true });
  alice = await person(prosody, "alice");
  await alice.join(`team@conference.${DOMAIN}`, "alice");
  home = await createOpenClawHome({
    modelUrl: model.baseUrl,
    plugins: [],
    env: { OPS_XMPP_PASSWORD: "secret" },
  });
  // `~/.secrets/bot` of the pages.
  const folder = join(home.env["HOME"] ?? "", ".secrets");
  mkdirSync(folder, { mode: 0o700 });
  for (const name of ["bot", "ops"]) writeFileSync(join(folder, name), "secret\n", { mode: 0o600 });
});
beforeAll(async () => {
  const installing = { env: { OPENCLAW_OFFLINE: undefined }, timeoutMs: 300_000 };
  for (const line of linesOf(BEFORE_GATEWAY)) {
    const answers = ["--force", "--accept-capabilities"];
    const { code, stdout, stderr } = await typed(line, { ...installing, answers });
    if (code !== 0) throw new Error(`${line}\n${stdout}${stderr}`);
  }
  home.writeConfig(
    mergeConfig(home.readConfig(), {
      session: { dmScope: "per-channel-peer" },
      commands: { ownerAllowFrom: [`xmpp:alice@${DOMAIN}`] },
      channels: { xmpp: { ...account(prosody), rooms: [`team@conference.${DOMAIN}`] } },
    }),
  );
  gateway = await startGateway({ home });
  base = gateway.readConfig();
  const stranger = async () => {
    const one = await person(prosody, `stranger${strangers.length}`);
    strangers.push(one);
    return one;
  };
  effects = createEffects({ gateway, prosody, bot: BOT, alice, stranger });
  await alice.presence({ to: BOT, type: "subscribe" });
  const isContact = async () =>
    JSON.stringify(await gateway.call("xmpp.roster")).includes(`alice@${DOMAIN}`);
  await waitFor(isContact, { what: "alice among the contacts", timeoutMs: 90_000 });
});
afterAll(async () => {
  await Promise.all([gateway?.stop(), ...[alice, ...strangers].map((one) => one?.stop())]);
  await Promise.all([prosody?.stop(), model?.stop()]);
  home?.remove();
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

/** What stands for something that only exists as the page is read. */
async function filledIn(word: string): Promise<string> {
  if (word === "CODE") return await effects.code();
  return word === "@openclaw/xmpp" ? `npm-pack:${TARBALL}` : word;
}

async function typed(
  line: string,
  { answers = [], ...options }: CommandOptions & { answers?: readonly string[] } = {},
): Promise<CommandResult> {
  const [program, ...words] = wordsOf(line);
  if (program !== "openclaw") throw new Error(`nobody runs ${line}`);
  const args = [...(await Promise.all(words.map(filledIn))), ...answers];
  const env = { ...(words.includes("--use-env") ? EXPORTED : {}), ...options.env };
  return await home.openclaw(args, { ...options, env });
}

/** What the command printed where it failed, or what it left undone; undefined where it did what the page says. */
async function failureOf(line: string): Promise<string | undefined> {
  const effect = effects.of(line);
  if (effect === undefined) return `page-effects.ts does not say what this does: ${line}`;
  try {
    const check = await effect(line);
    const { code, stdout, stderr } = await typed(line);
    if (code !== 0) return `${line}: exit code ${code}\n${stdout}${stderr}`;
    await check(stdout);
    return undefined;
  } catch (error) {
    return `${line}: ${String(error)}`;
  }
}

/** Runs `run` with each, in order; two neighbours that may at the same time. */
async function inOrder<T>(
  each: readonly T[],
  mayPair: (one: T) => boolean,
  run: (one: T) => Promise<string | undefined>,
): Promise<string[]> {
  const failures: (string | undefined)[] = [];
  for (const rest = [...each]; rest.length > 0;) {
    const together = rest.slice(0, 2).every(mayPair) ? 2 : 1;
    failures.push(...(await Promise.all(rest.splice(0, together).map(run))));
  }
  return failures.filter((failure) => failure !== undefined);
}

describe("the commands of our pages", () => {
  const now = (line: string) =>
    ![BEFORE_GATEWAY, OF_SERVERS, /^export /].some((kind) => kind.test(line));
  const pages = Map.groupBy(
    running.filter(({ line }) => now(line)),
    ({ page }) => page,
  );

  it.each([...pages])(
    "%s",
    async (_page, commands) => {
      const lines = commands.map(({ line }) => line);
      const failures = await inOrder(lines, looksOnly, failureOf);
      await restore();
      expect(failures).toEqual([]);
    },
    600_000,
  );

  it.each(ELSEWHERE)("%s … is run by %s", (begins, file, proof) => {
    expect(shown.some(({ line }) => `${line}$`.startsWith(begins))).toBe(true);
    const path = join(REPOSITORY, file);
    expect(existsSync(path) && readFileSync(path, "utf8").includes(proof)).toBe(true);
  });

  it.each(PAGES_ELSEWHERE)("%s is run by %s", (page, file) => {
    expect(shown.some((command) => command.page === page)).toBe(true);
    expect(readFileSync(join(REPOSITORY, file), "utf8")).toContain(`commandsOf("${page}")`);
  });

  it.each(NOT_RUN)("%s … is not run: it %s", (begins) => {
    expect([...shown, ...named].some(({ line }) => line.startsWith(begins))).toBe(true);
  });
});

describe("what a sentence tells to run in a checkout", () => {
  const lines = named.map(({ line }) => line).filter((line) => IN_CHECKOUT.test(line));

  it.each(lines)(
    "%s",
    async (line) => {
      const [, program = "", ...args] = wordsOf(line);
      const command = join(REPOSITORY, "node_modules/.bin", program);
      const env = { PATH: home.env["PATH"], HOME: home.env["HOME"], NO_COLOR: "1" };
      const how = { name: line, command, args, cwd: REPOSITORY, env, timeoutMs: 240_000 };
      expect((await runOrThrow(how)).stdout).toMatch(/^ *Tests +[1-9]\d* passed/m);
    },
    300_000,
  );
});

describe("the host's commands that a sentence names", () => {
  /** The words that choose a command: what is neither an option nor something to fill in. */
  const pathOf = (line: string) =>
    /^openclaw(?: [a-z]+(?:-[a-z]+)*(?=\s|$))*/.exec(line)?.[0] ?? line;
  const flagsOf = (line: string) => wordsOf(line).filter((word) => /^--?[a-z]/.test(word));
  const isPartOf = (path: string, line: string) => `${pathOf(line)} `.startsWith(`${path} `);
  /** What runs above shows that it is there. */
  const runs = [...running, ...shown.filter((one) => isOnPageElsewhere(one) && !isNotRun(one))].map(
    ({ line }) => line,
  );
  const flagsThatRun = (path: string) =>
    new Set(runs.filter((line) => isPartOf(path, line)).flatMap(flagsOf));

  it("are there, with each option", async () => {
    const lines = [...named, ...shown.filter(isNotRun)]
      .map(({ line }) => line)
      // test/contract/named-commands.test.ts reads those of `openclaw xmpp`.
      .filter((line) => line.startsWith("openclaw ") && !isPartOf("openclaw xmpp", line))
      .filter((line) => {
        const path = pathOf(line);
        const known = flagsThatRun(path);
        const isThere = runs.some((one) => isPartOf(path, one));
        return !isThere || !flagsOf(line).every((flag) => known.has(flag));
      });
    const paths = [...Map.groupBy(lines, pathOf)];
    const faults = await inOrder(
      paths,
      () => true,
      async ([path, all]) => {
        const { code, stdout } = await home.openclaw([...wordsOf(path).slice(1), "--help"]);
        if (code !== 0 || !stdout.includes(`Usage: ${path}`)) return path;
        const known = flagsThatRun(path);
        const missing = all
          .flatMap(flagsOf)
          .filter((flag) => !known.has(flag) && !new RegExp(`[ ,]${flag}[ ,]`).test(stdout));
        return missing.length > 0 ? `${path} ${missing.join(" ")}` : undefined;
      },
    );
    expect(faults).toEqual([]);
    expect(paths.length).toBeGreaterThan(5);
  }, 300_000);
});

describe("the servers of docs/servers.md", () => {
  const [lua = ""] = blocksOf("docs/servers.md", "lua prosody");
  const [yaml = ""] = blocksOf("docs/servers.md", "yaml ejabberd");
  let servers: { Prosody: Prosody; ejabberd: Ejabberd };

  beforeAll(async () => {
    const [first, second] = await Promise.all([
      startProsody({ domain: DOMAIN, recipe: lua }),
      startEjabberd({ domain: DOMAIN, recipe: yaml }),
    ]);
    servers = { Prosody: first, ejabberd: second };
  });
  afterAll(async () => {
    await Promise.all([servers?.Prosody.stop(), servers?.ejabberd.stop()]);
  });

  it.each(linesOf(OF_SERVERS))("%s", async (line) => {
    const [program, ...words] = wordsOf(line);
    const said =
      program === "prosodyctl"
        ? // `adduser` asks for the password twice.
          await servers.Prosody.prosodyctl(words, "secret\nsecret\n")
        : await servers.ejabberd.ejabberdctl(words);
    expect(said).not.toMatch(/error|warning|fail/i);
  });

  it("know the agent by the accounts that the page makes", async () => {
    const of = (server: Prosody | Ejabberd, password: string, resource: string) => ({
      ...account(server, password),
      resource,
      rooms: [`lab@${server.conference}`],
    });
    const accounts = {
      prosody: of(servers.Prosody, "secret", "one"),
      ejabberd: of(servers.ejabberd, "secretpassword", "two"),
    };
    gateway.writeConfig({ ...gateway.readConfig(), channels: { xmpp: { accounts } } });
    for (const accountId of Object.keys(accounts)) {
      const which = { channel: "xmpp", accountId };
      const online = await gateway.waitForAccount(which, "online", (one) => one.connected === true);
      expect(online.lastError).toBeFalsy();
    }
  });

  it.each(["Prosody", "ejabberd"] as const)("%s has all that the agent can use", async (name) => {
    const server = servers[name];
    const friend = await person(server, "alice");
    const room = `lab@${server.conference}`;
    const joined = async () => (await server.occupants(room))?.["bot"] === BOT;
    await waitFor(joined, { what: `the agent in ${room}`, evidence: () => gateway.log() });
    await friend.join(room, "alice");
    await friend.send({ to: room, type: "groupchat", body: "bot: who am I?" });
    await friend.waitForBody(`${room}/bot`, { timeoutMs: 90_000 });
    // The agent saw the real JID: the room that it made shows them.
    const accountId = name.toLowerCase();
    const { occupants } = (await gateway.call("xmpp.occupants", { room, account: accountId })) as {
      occupants: readonly { nick: string; jid?: string }[];
    };
    expect(occupants.find(({ nick }) => nick === "alice")?.jid).toMatch(`alice@${DOMAIN}`);
    await gateway.waitForAccount(
      { channel: "xmpp", accountId },
      "an archive and an upload service",
      ({ archive, upload }) => archive === true && !!upload,
    );
    await friend.stop();
  });
});
