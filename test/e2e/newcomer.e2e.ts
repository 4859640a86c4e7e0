/**
 * Somebody who has nothing but the README: from `npm run pack` to an answer of the paired agent, with the README's own
 * commands, on a terminal, in under five minutes of their own time (test/support/newcomer.ts says how that is counted).
 * docs/setup.md shows the steps and the times, and this test holds it to them.
 */
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { createTempDir } from "../support/at-exit.ts";
import { copyTracked } from "../support/checkout.ts";
import { createOpenClawHome, REPOSITORY, startGateway } from "../support/gateway.ts";
import { newWords, ownSeconds, stepTable, type Effort, type Step } from "../support/newcomer.ts";
import { commandsOf, namedCommandsOf, readPage, wordsOf } from "../support/page-commands.ts";
import { runOrThrow } from "../support/process.ts";
import { startProsody } from "../support/prosody.ts";
import { secret } from "../support/secrets.ts";
import { startSlixmppUser } from "../support/slixmpp.ts";
import { pairingCode } from "../support/stage.ts";
import { startStubModel } from "../support/stub-model.ts";
import { startWizard, type Wizard } from "../support/wizard.ts";

const BOT = "bot@localhost";
/** Of a usual length. */
const PASSWORD = secret("the newcomer's password", "tin-whistle7");
const FIVE_MINUTES_S = 300;
/** How our own words begin. */
const INTRO = "The agent needs an XMPP account of its own";
/** npm takes what the registry and the machine take. */
const INSTALL_MS = 300_000;

const printed = [...commandsOf("README.md"), ...namedCommandsOf("README.md")];

/** The README's command that begins so, for the newcomer's own domain. */
function readme(begins: string): string {
  const line = printed.find((command) => command.line.startsWith(begins))?.line;
  if (line === undefined) throw new Error(`README.md prints no ${begins}`);
  return line.replaceAll("example.com", "localhost");
}

/** What follows the title of a section, to the next title of its level. */
function section(page: string, title: string): string {
  const [, after = ""] = readPage(page).split(`\n## ${title}\n`);
  return after.split("\n## ", 1).join("");
}

/** A question on the screen, and how it is answered. */
type Question = {
  what: string;
  shown(wizard: Wizard): Promise<unknown>;
  answer(wizard: Wizard): Promise<Effort>;
  /** Asked only since localhost is in no DNS: not the newcomer's. */
  isOfTest?: boolean;
};

const text = (question: string, types: string, says = types && `\`${types}\``): Question => ({
  what: `${question}: ${says || "Enter"}`,
  shown: async (wizard) => await wizard.asks(question),
  answer: async (wizard) => {
    await wizard.text(question, types);
    return { types };
  },
});
const pick = (question: string, label: string): Question => ({
  what: `${question}: ${label}`,
  shown: async (wizard) => await wizard.asks(question),
  answer: async (wizard) => ({ keys: (await wizard.pick(question, label)) + 1 }),
});
const confirm = (question: string, yes: boolean): Question => ({
  what: `${question} ${yes ? "Yes" : "No"}`,
  shown: async (wizard) => await wizard.asks(question),
  answer: async (wizard) => {
    await wizard.confirm(question, yes);
    return { keys: 1 };
  },
});
/** Of a program that does not draw its questions. */
const yes = (question: string): Question => ({
  what: `${question}? Yes`,
  shown: async (wizard) => await wizard.says(new RegExp(question), INSTALL_MS),
  answer: async (wizard) => {
    await wizard.press("y", "Enter");
    return { types: "y" };
  },
});

const setUp = (server: string): readonly Question[] => [
  text("JID of the agent's account", BOT),
  { ...text("Server address", server, "only here, not counted"), isOfTest: true },
  pick("Password of the agent's account", "Type it"),
  text("Password (hidden)", PASSWORD, "typed"),
  text("Rooms to join", ""),
  pick("Who may write to the agent directly?", "Whoever you approve"),
  text("Who needs no code?", ""),
  pick("In which rooms does the agent answer?", "In every room"),
  text("Who may address it in rooms?", ""),
  confirm("Save this?", true),
  pick("Set up administration", "Skip for now"),
];

const steps: Step[] = [];
const cleanUp: (() => unknown)[] = [];
afterAll(async () => {
  for (const task of cleanUp.splice(0).toReversed()) await task();
});

/** Notes a step: what the machine does is timed, what is asked of the person is counted. */
async function step<T>(
  what: string,
  machine: () => Promise<T>,
  effort: (result: T) => Effort | Promise<Effort>,
): Promise<T> {
  const since = performance.now();
  const result = await machine();
  const seconds = (performance.now() - since) / 1_000;
  steps.push({ what, machine: seconds, own: ownSeconds(await effort(result)) });
  return result;
}

/** A command on the terminal, to its end, each question a step. */
async function onTerminal(
  line: string,
  wizard: Wizard,
  questions: readonly Question[],
): Promise<void> {
  cleanUp.push(() => wizard.stop());
  let seen = "";
  const whatIsNew = async (shown: Promise<unknown>): Promise<string> => {
    await shown;
    const now = await wizard.said();
    const reads = newWords(seen, now);
    seen = now;
    // Before it OpenClaw may list the state of all its channels, which nobody reads word by word.
    return reads.slice(Math.max(0, reads.indexOf(INTRO)));
  };
  steps.push({ what: `\`${line}\``, machine: 0, own: ownSeconds({ copies: true }) });
  for (const { what, shown, answer, isOfTest } of questions) {
    await step(
      what,
      async () => await whatIsNew(shown(wizard)),
      async (reads) => {
        const effort = await answer(wizard);
        return isOfTest ? {} : { reads, ...effort };
      },
    );
  }
  await step(
    "… and its end",
    async () => await whatIsNew(wizard.ended(INSTALL_MS)),
    (reads) => ({ reads }),
  );
  expect(await wizard.ended()).toBe(0);
}

/** The rows of the page's table, without its head. */
function rowsOf(page: string, title: string): string[] {
  const rows = section(page, title).split("\n");
  return rows.filter((row) => row.startsWith("| ")).slice(2);
}

it("gets from npm pack to a paired chat in under five minutes of their own", async () => {
  const [prosody, model] = await Promise.all([startProsody(), startStubModel()]);
  cleanUp.push(prosody.stop, model.stop);
  const home = await createOpenClawHome({
    modelUrl: model.baseUrl,
    plugins: [],
    // The server's authority stands for one that every system knows.
    env: { NODE_EXTRA_CA_CERTS: prosody.caFile },
  });
  cleanUp.push(() => home.remove());
  const checkout = createTempDir("newcomer");
  cleanUp.push(() => checkout.remove());
  copyTracked(checkout.path);
  symlinkSync(join(REPOSITORY, "node_modules"), join(checkout.path, "node_modules"));

  await step(
    'Read the README\'s section "Install"',
    async () => section("README.md", "Install"),
    (reads) => ({ reads }),
  );
  const pack = readme("npm ci && npm run pack");
  await step(
    `\`${pack}\``,
    async () => {
      // `npm ci` fetches; these packages are the ones that it fetched here.
      const [command = "", ...args] = wordsOf(pack.split("&& ").at(-1) ?? "");
      const how = { name: pack, command, args, cwd: checkout.path, env: home.env };
      return (await runOrThrow({ ...how, timeoutMs: INSTALL_MS })).stdout;
    },
    (reads) => ({ reads, copies: true }),
  );

  const install = readme("openclaw plugins install npm-pack:");
  const { NODE_EXTRA_CA_CERTS } = process.env;
  const online = { OPENCLAW_OFFLINE: undefined, NODE_EXTRA_CA_CERTS };
  await onTerminal(
    install,
    await startWizard(home, wordsOf(install).slice(1), online, checkout.path),
    [yes("Install this non-ClawHub plugin source"), yes("Accept these capabilities")],
  );

  const addUser = readme("prosodyctl adduser");
  await step(
    `\`${addUser}\`, the password twice`,
    async () => await prosody.prosodyctl(wordsOf(addUser).slice(1), `${PASSWORD}\n${PASSWORD}\n`),
    // The domain is the newcomer's own.
    (reads) => ({ reads, copies: true, types: `localhost\n${PASSWORD}\n${PASSWORD}` }),
  );

  const add = readme("openclaw channels add --channel xmpp");
  const server = `127.0.0.1:${prosody.ports.c2s}`;
  await onTerminal(add, await startWizard(home, wordsOf(add).slice(1)), setUp(server));

  const gateway = await step(
    `\`${readme("openclaw gateway run")}\`, in another terminal`,
    async () => await startGateway({ home }),
    () => ({ copies: true }),
  );
  cleanUp.push(gateway.stop);
  const command = async (line: string): Promise<string> => {
    const { code, stdout, stderr } = await home.openclaw(wordsOf(line).slice(1));
    expect({ line, code, stderr: code === 0 ? "" : stderr }).toEqual({ line, code: 0, stderr: "" });
    return stdout;
  };
  const look = readme("openclaw channels status --probe");
  const status = await step(
    `\`${look}\``,
    async () => await command(look),
    (reads) => ({ reads, copies: true }),
  );
  expect(status).toMatch(/mode:tcp TLS.*works/);

  const alice = await startSlixmppUser(prosody, "alice");
  cleanUp.push(alice.stop);
  const answerTo = async (body: string, like: RegExp): Promise<string> => {
    await alice.send({ to: BOT, body });
    const answer = await alice.waitFor((stanza) => like.test(stanza.body ?? ""), {
      timeoutMs: 90_000,
    });
    return answer.body ?? "";
  };
  const challenge = await step(
    `In a client: add \`${BOT}\`, write to it, get the code`,
    async () => {
      await alice.presence({ to: BOT, type: "subscribe" });
      return await answerTo("Hello", /pairing approve/);
    },
    (reads) => ({ reads, types: `${BOT}\nHello` }),
  );
  const approve = readme("openclaw pairing approve xmpp CODE");
  await step(
    `\`${approve}\``,
    async () => await command(approve.replace("CODE", pairingCode(challenge))),
    (reads) => ({ reads, copies: true, types: pairingCode(challenge) }),
  );
  await step(
    "Write again, and get the answer",
    async () => await answerTo("Are you there?", /^echo: Are you there\?$/),
    (reads) => ({ reads, types: "Are you there?" }),
  );

  const own = steps.reduce((sum, one) => sum + one.own, 0);
  expect(own, stepTable(steps).join("\n")).toBeLessThan(FIVE_MINUTES_S);
  const rows = rowsOf("docs/setup.md", "The first five minutes, step by step");
  const shown = rows.map((row) => row.split(" | ")[0]?.replace("| ", ""));
  expect(shown, stepTable(steps).join("\n")).toEqual([...steps.map(({ what }) => what), "**All**"]);
  // The words that a host prints may differ by a few.
  const shownTotal = Number(/(\d+) \|$/.exec(rows.at(-1) ?? "")?.[1]);
  expect(Math.abs(shownTotal - own) / own, stepTable(steps).join("\n")).toBeLessThan(0.1);
}, 600_000);
