/**
 * `npm run demo`: a private XMPP server, the real OpenClaw Gateway with this plugin and an echo model,
 * and a terminal chat with the agent. `npm run demo -- --once "hello"` prints one answer and ends.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { messageOf } from "../../src/errors.ts";
import { REPOSITORY, startGateway } from "../../test/support/gateway.ts";
import type { Gateway } from "../../test/support/gateway.ts";
import { runOrThrow } from "../../test/support/process.ts";
import { startProsody } from "../../test/support/prosody.ts";
import type { Prosody } from "../../test/support/prosody.ts";
import { connectStock } from "../../test/support/stock-client.ts";
import { startStubModel } from "../../test/support/stub-model.ts";
import { ensurePrograms } from "../machine.ts";
import { askOnce, chat } from "./chat.ts";
import { createCleanUp, InterruptedError, say, step } from "./steps.ts";
import type { CleanUp } from "./steps.ts";

const USAGE = `usage: npm run demo                      chat with the agent in this terminal
       npm run demo -- --once "hello"   print the agent's answer and end`;

interface Person {
  readonly jid: string;
  readonly password: string;
}

async function createAccount(prosody: Prosody, user: string): Promise<Person> {
  const password = randomBytes(6).toString("hex");
  return { jid: await prosody.register(user, password), password };
}

function explainGajim(prosody: Prosody, alice: Person): void {
  say(`
  To chat from Gajim (or another client on this machine) instead, log in with

    account      ${alice.jid}
    password     ${alice.password}
    server       127.0.0.1, port ${prosody.ports.c2s} (STARTTLS; direct TLS: ${prosody.ports.c2sTls})
    certificate  signed by an authority made for this demo only; accept the warning,
                 or trust ${prosody.caFile}

  write to bot@${prosody.domain}, or join lobby@${prosody.conference} and say "bot: hello".
`);
}

async function startAgent(
  prosody: Prosody,
  cleanUp: CleanUp,
): Promise<{ gateway: Gateway; bot: Person; alice: Person }> {
  const alice = await createAccount(prosody, "alice");
  const bot = await createAccount(prosody, "bot");
  const lobby = await prosody.room("lobby", { name: "Lobby" });
  const model = await startStubModel();
  cleanUp.add(() => model.stop());
  const gateway = await startGateway({
    modelUrl: model.baseUrl,
    plugins: [{ kind: "path", path: join(REPOSITORY, "build/package") }],
    config: {
      channels: {
        xmpp: {
          enabled: true,
          jid: bot.jid,
          password: bot.password,
          server: `127.0.0.1:${prosody.ports.c2s}`,
          tls: { caFile: prosody.caFile },
          dmPolicy: "allowlist",
          allowFrom: [alice.jid],
          rooms: [lobby],
        },
      },
    },
  });
  cleanUp.add(() => gateway.stop());
  return { gateway, bot, alice };
}

async function run(once: string | undefined, cleanUp: CleanUp): Promise<void> {
  await ensurePrograms(["prosody", "openssl"]);
  const prosody = await step("Starting Prosody on 127.0.0.1", async () => await startProsody());
  cleanUp.add(() => prosody.stop());
  await step("Building the plugin", async () => {
    await runOrThrow({
      name: "npm run pack",
      command: "npm",
      args: ["run", "--silent", "pack"],
      cwd: REPOSITORY,
    });
  });
  const { bot, alice } = await step("Starting the OpenClaw Gateway (some 15 s)", async () => {
    return await startAgent(prosody, cleanUp);
  });
  const client = await step(`Logging in as ${alice.jid}`, async () => {
    return await connectStock({
      ...alice,
      port: prosody.ports.c2s,
      caFile: prosody.caFile,
      resource: "demo",
    });
  });
  cleanUp.add(() => client.stop());
  if (once !== undefined) {
    process.stdout.write(`${await askOnce(client, bot.jid, once)}\n`);
    return;
  }
  explainGajim(prosody, alice);
  say(
    `  You are alice, the agent is ${bot.jid}, its model repeats what you say. Ctrl-C ends it all.\n`,
  );
  await chat(client, bot.jid);
}

/** Rejects when the person or the terminal asks us to end; asking again while we do changes nothing. */
function interruption(): Promise<never> {
  return new Promise<never>((_, reject) => {
    const onSignal = (): void => reject(new InterruptedError("interrupted"));
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  });
}

function readArguments(): { readonly once: string | undefined } {
  const { values } = parseArgs({ options: { once: { type: "string" } } });
  if (values.once !== undefined && values.once.trim() === "")
    throw new Error("--once wants a text");
  return { once: values.once };
}

async function main(): Promise<number> {
  let once: string | undefined;
  try {
    once = readArguments().once;
  } catch (error) {
    say(`${messageOf(error)}\n${USAGE}`);
    return 2;
  }
  const cleanUp = createCleanUp();
  try {
    await Promise.race([run(once, cleanUp), interruption()]);
    return 0;
  } catch (error) {
    if (error instanceof InterruptedError) {
      say("\n  Ending …");
      return 130;
    }
    say(`\n  The demo failed: ${messageOf(error)}`);
    return 1;
  } finally {
    await cleanUp.run();
  }
}

// `exit` runs what test/support registered for processes that were still starting.
process.exit(await main());
