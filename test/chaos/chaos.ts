/**
 * The fault suite: a real Prosody, a real Gateway with the built plugin, a line between them that breaks,
 * and people (slixmpp) who say numbered messages in three conversations while one fault follows the other.
 */
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { createTempDir } from "../support/at-exit.ts";
import { startGateway } from "../support/gateway.ts";
import { startProsody } from "../support/prosody.ts";
import { passwordFor } from "../support/secrets.ts";
import { startSlixmpp } from "../support/slixmpp.ts";
import { PACKAGE } from "../support/stage.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { createArchiveReader } from "./archive-reader.ts";
import { audit, type Audit, type ConversationRecord } from "./audit.ts";
import { createGatewayLife, INJECT, type Victims } from "./faults.ts";
import { numberedText, numbersIn } from "./numbers.ts";
import { startNumberedModel } from "./numbered-model.ts";
import { createRandom, planFaults, type FaultKind, type PlannedFault } from "./schedule.ts";
import { createSmallDisk } from "./small-disk.ts";
import { startTalker, type Conversation, type Talker } from "./talker.ts";

export interface ChaosOptions {
  readonly seed: number;
  readonly faults: number;
  readonly kinds?: readonly FaultKind[];
  /** ms between two messages of a conversation, at least and at most. */
  readonly paceMs?: readonly [number, number];
  /** ms without any new answer after which what is missing counts as lost. */
  readonly quietMs?: number;
  /** Where the log of the run and the servers' logs go. Default: a folder of the temporary directory. */
  readonly directory?: string;
}

/** A fault as it was, in ms as `Date.now()`. */
export interface Injected extends PlannedFault {
  readonly from: number;
  /** When what it broke was mended. */
  readonly until: number;
  /** When the agent was seen online after it; undefined where nobody looked. */
  readonly onlineAt: number | undefined;
}

export interface ChaosResult extends Audit {
  readonly options: ChaosOptions;
  readonly faults: readonly Injected[];
  readonly questions: number;
  /** How often the host's crash-loop breaker was overridden. */
  readonly overrides: number;
  readonly tookMs: number;
  /** What could not be done on this machine. */
  readonly remarks: readonly string[];
  readonly logFile: string;
}

const BOT = { user: "bot", jid: "bot@localhost", nick: "bot", password: passwordFor("bot") };
const ROOM = "team";
/** The longest that an agent may take to be back: a dead line is found within a minute. */
const ONLINE_MS = 120_000;

const MODEL = {
  id: "stub-model",
  name: "Stub",
  reasoning: false,
  input: ["text"],
  cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
  // No conversation of a run is so long that the host would want to shorten it.
  contextWindow: 4_000_000,
  maxTokens: 2_000,
};

/** Runs the faults and says what became of every message. @throws when the suite itself cannot go on */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { seed, paceMs = [500, 3_500], quietMs = 90_000 } = options;
  const directory = options.directory ?? join(tmpdir(), "openclaw-xmpp-chaos-logs");
  const started = performance.now();
  const logFile = openLog(directory, seed);
  const log = (line: string): void =>
    appendFileSync(logFile, `${new Date().toISOString()} ${line}\n`);
  const stops: Array<() => Promise<void> | void> = [];
  try {
    const random = createRandom(seed ^ 0x5eed);
    const temp = createTempDir("chaos");
    const disk = createSmallDisk();
    const [prosody, model] = await Promise.all([
      startProsody({ resumeSeconds: 30 }),
      startNumberedModel(random, ({ kind, numbers, prompt }) =>
        log(`model ${kind} ${numbers.map(numberedText).join(" ") || JSON.stringify(prompt)}`),
      ),
    ]);
    const line = await startTcpProxy(prosody.ports.c2s);
    stops.push(
      () => temp.remove(),
      () => disk?.remove(),
      prosody.stop,
      model.stub.stop,
      line.stop,
    );
    const room = await prosody.room(ROOM, { publicJids: true });
    await prosody.register(BOT.user, BOT.password);
    const clockFile = join(temp.path, "clock");
    writeFileSync(clockFile, "0");
    const dataDir = disk?.path ?? join(temp.path, "state");
    const gateway = await startGateway({
      modelUrl: model.stub.baseUrl,
      plugins: [{ kind: "path", path: PACKAGE }],
      waitForChannels: [],
      env: {
        CHAOS_CLOCK: clockFile,
        NODE_OPTIONS: `--import=${new URL("clock.ts", import.meta.url).href}`,
      },
      config: {
        session: { dmScope: "per-account-channel-peer" },
        models: { providers: { stub: { models: [MODEL] } } },
        channels: {
          xmpp: {
            jid: BOT.jid,
            password: BOT.password,
            server: `127.0.0.1:${line.port}`,
            tls: { caFile: prosody.caFile },
            dataDir,
            dmPolicy: "open",
            allowFrom: ["*"],
            groupPolicy: "open",
            rooms: [room],
            mucRooms: { [room]: { requireMention: false } },
            // The rate of one sender is not what is looked at here.
            limits: { turnsPerMinute: 1_000 },
          },
        },
      },
    });
    stops.push(gateway.stop);
    const life = createGatewayLife(gateway, "default", line);
    await gateway.waitForChannel("xmpp", 60_000);
    const victims: Victims = { line, prosody, gateway: life, disk, clockFile };

    const conversations: Conversation[] = [
      { name: "alice", user: "alice", to: BOT.jid, isRoom: false },
      { name: "bob", user: "bob", to: BOT.jid, isRoom: false },
      { name: "team", user: "carol", to: room, isRoom: true },
    ];
    const talkers: Talker[] = [];
    for (const conversation of conversations) {
      const onSaid = (text: string): void => log(`said ${text}`);
      const talker = await startTalker({
        prosody,
        conversation,
        random: createRandom(seed ^ conversations.indexOf(conversation)),
        paceMs,
        onSaid,
      });
      talkers.push(talker);
      stops.push(talker.stop);
    }
    const isAgent = ({ from }: { from: string }): boolean =>
      from === BOT.jid || from === `${room}/${BOT.nick}`;
    const watcher = watchAnswers(talkers, isAgent, log);
    stops.push(watcher.stop);

    const ending = new AbortController();
    const talks = talkers.map((talker) => talker.talk(ending.signal));
    const faults = await injectAll(options, victims, log);
    log("the last fault is over");
    await delay(2_000);
    ending.abort();
    await Promise.all(talks);
    const isOnline = await life.waitForOnline(ONLINE_MS);
    if (!isOnline) log("the agent is not online");
    await waitUntilQuiet(talkers, isAgent, watcher, quietMs);

    await gateway.halt("SIGTERM", 120_000);
    for (const talker of talkers) await talker.readArchive();
    const received = await readAgentArchive(prosody);
    const records = talkers.map((talker): ConversationRecord => {
      const archived = talker.archive.messages;
      const bodies = talker.isRoom
        ? archived.map(({ body }) => body)
        : received.filter(({ from }) => from === `${talker.user}@localhost`).map((m) => m.body);
      const { name, user, to, isRoom, said } = talker;
      return { name, user, to, isRoom, said, archived, received: bodies };
    });
    const verdict = audit({
      conversations: records,
      isAgent: (message) => isAgent(message),
      questions: model.questions,
      gatewayEnds: life.ends,
    });
    keepLogs(directory, seed, gateway.directory, prosody.logFile);
    cpSync(dataDir, join(directory, `seed-${seed}-state`), { recursive: true, force: true });
    if (verdict.findings.length > 0) {
      const host = join(directory, `seed-${seed}-host`);
      cpSync(gateway.stateDir, host, { recursive: true, force: true });
    }
    const remarks = disk === undefined ? ["no disk could be mounted: it was never full"] : [];
    return {
      ...verdict,
      options,
      faults,
      questions: model.questions.length,
      overrides: life.overrides,
      tookMs: performance.now() - started,
      remarks,
      logFile,
    };
  } finally {
    for (const stop of stops.toReversed()) {
      try {
        await stop();
      } catch (error) {
        log(`while stopping: ${String(error)}`);
      }
    }
  }
}

function openLog(directory: string, seed: number): string {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `seed-${seed}.log`);
  writeFileSync(file, "");
  return file;
}

function keepLogs(directory: string, seed: number, home: string, prosodyLog: string): void {
  const gatewayLog = join(home, "openclaw.log");
  if (existsSync(gatewayLog)) copyFileSync(gatewayLog, join(directory, `seed-${seed}-gateway.log`));
  copyFileSync(prosodyLog, join(directory, `seed-${seed}-prosody.log`));
}

async function injectAll(
  options: ChaosOptions,
  victims: Victims,
  log: (line: string) => void,
): Promise<Injected[]> {
  const injected: Injected[] = [];
  let last: { -readonly [key in keyof Injected]: Injected[key] } | undefined;
  const seeOnline = async (): Promise<void> => {
    if (!(await victims.gateway.waitForOnline(ONLINE_MS))) return;
    if (last?.onlineAt === undefined && last !== undefined) last.onlineAt = Date.now();
    log("online");
  };
  for (const fault of planFaults(options)) {
    if (fault.waitsForOnline) await seeOnline();
    await delay(fault.pauseMs);
    const from = Date.now();
    const amount = ["delay", "clock-jump"].includes(fault.kind) ? ` by ${fault.amount} ms` : "";
    log(`fault ${fault.number} ${fault.kind}${amount}`);
    await INJECT[fault.kind](victims, fault);
    victims.gateway.check();
    log(`mended ${fault.number} ${fault.kind}`);
    last = { ...fault, from, until: Date.now(), onlineAt: undefined };
    injected.push(last);
  }
  await seeOnline();
  return injected;
}

type Watcher = { lastAnswerAt(): number; look(): Promise<void>; stop(): Promise<void> };

/** Reads the archives now and then, so that the talkers know what is answered, and notes it in the log. */
function watchAnswers(
  talkers: readonly Talker[],
  isAgent: (message: { from: string }) => boolean,
  log: (line: string) => void,
): Watcher {
  const positions = new Map<Talker, number>();
  const ending = new AbortController();
  let lastAnswerAt = Date.now();
  const look = async (): Promise<void> => {
    for (const talker of talkers) {
      // While the server is away there is nothing to read.
      await talker.readArchive().catch(() => {});
      const { messages } = talker.archive;
      for (const message of messages.slice(positions.get(talker) ?? 0)) {
        if (!isAgent(message) || message.body === "") continue;
        lastAnswerAt = Date.now();
        log(`heard in ${talker.name} (${message.stamp} ${message.stanzaId}): ${message.body}`);
      }
      positions.set(talker, messages.length);
    }
  };
  const run = (async () => {
    while (!ending.signal.aborted) {
      await delay(3_000, undefined, { signal: ending.signal }).catch(() => {});
      if (!ending.signal.aborted) await look();
    }
  })();
  return {
    lastAnswerAt: () => lastAnswerAt,
    look,
    async stop() {
      ending.abort();
      await run;
    },
  };
}

/** Until every message has an answer and nothing more comes, or nothing has come for long. */
async function waitUntilQuiet(
  talkers: readonly Talker[],
  isAgent: (message: { from: string }) => boolean,
  watcher: Watcher,
  quietMs: number,
): Promise<void> {
  /** So long a second copy has to show itself. */
  const settleMs = 8_000;
  const begun = Date.now();
  for (;;) {
    await watcher.look();
    const isAllAnswered = talkers.every(({ name, said, archive }) => {
      const answered = new Set(
        archive.messages.filter(isAgent).flatMap(({ body }) => numbersIn(body).map(numberedText)),
      );
      return said.every(({ number }) => answered.has(numberedText({ conversation: name, number })));
    });
    const quiet = Date.now() - Math.max(begun, watcher.lastAnswerAt());
    if (quiet >= (isAllAnswered ? settleMs : quietMs)) return;
    await delay(1_000);
  }
}

/** What the server has for the agent's account: what "accepted for us" means. */
async function readAgentArchive(prosody: Awaited<ReturnType<typeof startProsody>>) {
  const reader = await startSlixmpp({
    jid: `${BOT.jid}/auditor`,
    password: BOT.password,
    port: prosody.ports.c2s,
    caFile: prosody.caFile,
    presence: false,
  });
  try {
    return await createArchiveReader(reader).read();
  } finally {
    await reader.stop();
  }
}
