import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { atExit, createTempDir } from "./at-exit.ts";
import { connectGatewayRpc } from "./gateway-rpc.ts";
import type { GatewayRpc } from "./gateway-rpc.ts";
import { freePort } from "./ports.ts";
import { runCommand, startProcess } from "./process.ts";
import type { CommandResult, RunningProcess } from "./process.ts";
import { keepLog, keepLogFile, secret } from "./secrets.ts";
import { waitFor } from "./wait.ts";

/** The checkout that these tests belong to. */
export const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "");

/** The Node that OpenClaw accepts: this checkout's own where there is one for the platform. */
const OWN_NODE = join(REPOSITORY, "node_modules/.bin/node");
const NODE = existsSync(OWN_NODE) ? OWN_NODE : process.execPath;
const OPENCLAW = join(REPOSITORY, "node_modules/openclaw/openclaw.mjs");

/** A JSON object of OpenClaw's configuration. */
export type ConfigObject = { readonly [key: string]: unknown };

/** Where the Gateway gets a plugin from. */
export type PluginSource =
  /** A folder named in `plugins.load.paths`: nothing is installed, TypeScript source is loaded as it is. */
  | { readonly kind: "path"; readonly path: string }
  /** `openclaw plugins install -l <folder>`. */
  | { readonly kind: "link"; readonly path: string }
  /** `openclaw plugins install npm-pack:<tarball>`. */
  | { readonly kind: "tarball"; readonly path: string }
  /** `openclaw plugins install <spec>` from the registry at `url`. */
  | { readonly kind: "registry"; readonly url: string; readonly spec: string }
  /** `openclaw plugins install <spec>` from the registry that npm is configured with. */
  | { readonly kind: "npm"; readonly spec: string };

export interface HomeOptions {
  /** Laid over the base configuration, object by object. `channels`, `session`, … go here. */
  readonly config?: ConfigObject;
  /** Plugins, in order. Default: this checkout by path. */
  readonly plugins?: readonly PluginSource[];
  /** Base URL of the model (see startStubModel). Default: a closed port, so every turn fails. */
  readonly modelUrl?: string;
  /** More environment for the CLI and the Gateway; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface GatewayOptions extends HomeOptions {
  /** An installation that is there; default: a new one by the options above, which else count for nothing. */
  readonly home?: OpenClawHome;
  /** Channel ids that have to be connected before the start counts as done. Default: all configured. */
  readonly waitForChannels?: readonly string[];
  /** More arguments for `openclaw gateway run`. */
  readonly args?: readonly string[];
  /** Milliseconds until the Gateway listens. Default 180,000; each channel then has 120,000 more. */
  readonly timeoutMs?: number;
}

/** An OpenClaw installation of its own: home, state and configuration in a temporary directory. */
export interface OpenClawHome {
  readonly directory: string;
  readonly stateDir: string;
  readonly configFile: string;
  readonly port: number;
  readonly token: string;
  readonly env: NodeJS.ProcessEnv;
  /** The words that run `openclaw` against this state, with this environment and nothing else of ours. */
  command(args: readonly string[], env?: CommandOptions["env"]): string[];
  /** Runs the `openclaw` command line against this state. A non-zero code is a result, no error. */
  openclaw(args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  readConfig(): ConfigObject;
  writeConfig(config: ConfigObject): void;
  remove(): void;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string;
  readonly timeoutMs?: number;
}

/** One account of a channel in the answer of `channels.status`. */
export interface AccountStatus {
  readonly accountId: string;
  readonly enabled?: boolean;
  readonly configured?: boolean;
  readonly running?: boolean;
  readonly connected?: boolean;
  readonly lastError?: string | null;
  /** `blocked`: it will not come up without an operator. */
  readonly lifecycle?: string;
  readonly [key: string]: unknown;
}

/** A running `openclaw gateway run`. */
export interface Gateway extends OpenClawHome {
  readonly pid: number;
  /** Milliseconds from the start of the process until the channels were ready. */
  readonly startMs: number;
  /** What it wrote so far, without colours. */
  log(): string;
  /** Waits for a line of the log. */
  waitForLog(pattern: RegExp, timeoutMs?: number): Promise<string>;
  /** Calls a method of the Gateway's protocol with all operator scopes. */
  call(method: string, params?: unknown, timeoutMs?: number): Promise<unknown>;
  /** The accounts of a channel, as `channels.status` reports them. */
  accounts(channel: string): Promise<readonly AccountStatus[]>;
  /** Waits until every account of the channel that is enabled and configured is connected. */
  waitForChannel(channel: string, timeoutMs?: number): Promise<void>;
  /** Waits until the status of one account is as wanted, and gives it. */
  waitForAccount(
    account: { channel: string; accountId: string },
    what: string,
    holds: (status: AccountStatus) => boolean,
  ): Promise<AccountStatus>;
  /** Resident memory in bytes, children not counted. */
  residentBytes(): number;
  /** Ends the Gateway, keeps the directory. After SIGTERM and `graceMs` (default 15,000) comes SIGKILL. */
  halt(signal?: "SIGTERM" | "SIGKILL", graceMs?: number): Promise<void>;
  /** Starts it again after {@link Gateway.halt}. */
  resume(): Promise<void>;
  /** Ends the Gateway and removes the directory. */
  stop(): Promise<void>;
}

function isPlainObject(value: unknown): value is ConfigObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `over` laid on `base`: objects merge key by key, everything else is replaced. */
export function mergeConfig(base: ConfigObject, over: ConfigObject): ConfigObject {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isPlainObject(below) && isPlainObject(value) ? mergeConfig(below, value) : value;
  }
  return merged;
}

/** The id that a plugin folder declares. */
function pluginId(folder: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(folder, "openclaw.plugin.json"), "utf8"));
  if (!isPlainObject(manifest) || typeof manifest["id"] !== "string") {
    throw new Error(`${folder}/openclaw.plugin.json names no id`);
  }
  return manifest["id"];
}

interface BaseFacts {
  readonly directory: string;
  readonly port: number;
  readonly token: string;
  readonly modelUrl: string;
  readonly modelKey: string;
  readonly plugins: readonly PluginSource[];
}

function baseConfig(facts: BaseFacts): ConfigObject {
  const paths = facts.plugins.flatMap((plugin) => (plugin.kind === "path" ? [plugin.path] : []));
  const model = {
    id: "stub-model",
    name: "Stub",
    reasoning: false,
    input: ["text"],
    cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    contextWindow: 32_000,
    maxTokens: 2_000,
  };
  const provider = {
    baseUrl: facts.modelUrl,
    apiKey: facts.modelKey,
    api: "openai-completions",
    models: [model],
  };
  return {
    gateway: {
      mode: "local",
      port: facts.port,
      bind: "loopback",
      auth: { mode: "token", token: facts.token },
      controlUi: { enabled: false },
    },
    logging: { file: join(facts.directory, "openclaw.log") },
    models: { mode: "replace", providers: { stub: provider } },
    agents: {
      defaults: {
        model: { primary: "stub/stub-model" },
        workspace: join(facts.directory, "workspace"),
        skipBootstrap: true,
      },
    },
    ...(paths.length === 0 ? {} : { plugins: { load: { paths }, allow: paths.map(pluginId) } }),
  };
}

/**
 * What the Gateway gets of our environment: what a process needs to run, and the machine's own
 * authorities and registry for an `npm install` behind a mirror. None of the developer's OpenClaw,
 * XMPP or other npm settings.
 */
const INHERITED = [
  "LANG",
  "TERM",
  "TMPDIR",
  "HTTPS_PROXY",
  "HTTP_PROXY",
  "NO_PROXY",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "npm_config_registry",
] as const;

function homeEnvironment(directory: string, extra: HomeOptions["env"] = {}): NodeJS.ProcessEnv {
  const home = join(directory, "home");
  const inherited = INHERITED.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(inherited),
    PATH: `${dirname(NODE)}:${process.env["PATH"] ?? ""}`,
    HOME: home,
    OPENCLAW_HOME: home,
    OPENCLAW_STATE_DIR: join(directory, "state"),
    OPENCLAW_CONFIG_PATH: join(directory, "openclaw.json"),
    OPENCLAW_NO_AUTO_UPDATE: "1",
    OPENCLAW_DISABLE_BONJOUR: "1",
    OPENCLAW_OFFLINE: "1",
    OPENCLAW_NO_RESPAWN: "1",
    OPENCLAW_SKIP_CRON: "1",
    OPENCLAW_EXEC_SHELL_SNAPSHOT: "0",
    OPENCLAW_DISABLE_BUNDLED_PLUGINS: "1",
    // Compiled code is kept in this checkout; the second variable says that the launcher need not start
    // a second process to choose a folder for it, so that our pid is the Gateway's.
    NODE_COMPILE_CACHE: join(REPOSITORY, "node_modules/.cache/openclaw-compile"),
    OPENCLAW_PACKAGED_COMPILE_CACHE_RESPAWNED: "1",
    NO_COLOR: "1",
    ...extra,
  };
}

function installArguments(plugin: PluginSource): readonly string[] | undefined {
  const answers = ["--force", "--accept-capabilities"];
  switch (plugin.kind) {
    case "path":
      return undefined;
    case "link":
      return ["plugins", "install", "-l", plugin.path, ...answers];
    case "tarball":
      return ["plugins", "install", `npm-pack:${plugin.path}`, ...answers];
    case "npm":
    case "registry":
      return ["plugins", "install", plugin.spec, ...answers];
  }
}

/**
 * Makes an isolated OpenClaw installation without starting a Gateway: for tests of the command line.
 * @throws with the command's output when a plugin does not install.
 */
export async function createOpenClawHome(options: HomeOptions = {}): Promise<OpenClawHome> {
  const temp = createTempDir("gateway");
  const directory = temp.path;
  const plugins = options.plugins ?? [{ kind: "path", path: REPOSITORY }];
  const port = await freePort();
  const token = secret("a Gateway's token", randomUUID());
  const modelUrl = options.modelUrl ?? "http://127.0.0.1:9/v1";
  const env = homeEnvironment(directory, options.env);
  const configFile = join(directory, "openclaw.json");
  for (const folder of ["home", "state", "workspace"])
    mkdirSync(join(directory, folder), { mode: 0o700 });

  const modelKey = secret("a model's key", `key-${randomUUID()}`);
  const base = baseConfig({ directory, port, token, modelUrl, modelKey, plugins });
  const writeConfig = (config: ConfigObject): void =>
    writeFileSync(configFile, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  const readConfig = (): ConfigObject =>
    JSON.parse(readFileSync(configFile, "utf8")) as ConfigObject;
  const openclaw = async (
    args: readonly string[],
    how: CommandOptions = {},
  ): Promise<CommandResult> => {
    const result = await runCommand({
      name: `openclaw ${args.join(" ")}`,
      command: NODE,
      args: [OPENCLAW, ...args],
      cwd: directory,
      env: { ...env, ...how.env },
      timeoutMs: how.timeoutMs ?? 120_000,
      ...(how.input === undefined ? {} : { input: how.input }),
    });
    // Not its arguments: a secret that somebody types is theirs to hide.
    keepLog(`${basename(directory)}-commands`, `${result.stdout}${result.stderr}`);
    return result;
  };

  // A channel's configuration is refused while its plugin is unknown, so plugins come first.
  writeConfig(base);
  for (const plugin of plugins) {
    const args = installArguments(plugin);
    if (args === undefined) continue;
    const registry = plugin.kind === "registry" ? { npm_config_registry: plugin.url } : {};
    const installing = { OPENCLAW_OFFLINE: undefined, ...registry };
    // npm takes as long as the registry and the machine do.
    const result = await openclaw(args, { env: installing, timeoutMs: 300_000 });
    if (result.code !== 0) {
      throw new Error(`openclaw ${args.join(" ")} failed:\n${result.stdout}${result.stderr}`);
    }
  }
  writeConfig(mergeConfig(readConfig(), options.config ?? {}));
  return {
    directory,
    stateDir: join(directory, "state"),
    configFile,
    port,
    token,
    env,
    command(args, more) {
      const all = Object.entries({ ...env, ...more }).flatMap(([name, value]) =>
        value === undefined ? [] : `${name}=${value}`,
      );
      return ["env", "-i", ...all, NODE, OPENCLAW, ...args];
    },
    openclaw,
    readConfig,
    writeConfig,
    remove: () => temp.remove(),
  };
}

const KEEP_EVERY_MS = 2_000;

function configuredChannels(config: ConfigObject): string[] {
  const channels = config["channels"];
  if (!isPlainObject(channels)) return [];
  return Object.entries(channels)
    .filter(
      ([id, entry]) => id !== "defaults" && isPlainObject(entry) && entry["enabled"] !== false,
    )
    .map(([id]) => id);
}

/** The Gateway writes colours when told not to; tests want to read words. */
function withoutColours(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/\u001B\[[0-9;]*m/g, "");
}

async function isStarted(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/startupz`);
    await response.body?.cancel();
    return response.ok;
  } catch {
    // Not listening yet.
    return false;
  }
}

/**
 * Starts the real Gateway on 127.0.0.1 with its own state, and waits until its channels are connected.
 * @throws with its log when it ends early, or a channel does not come up in time.
 */
export async function startGateway(options: GatewayOptions = {}): Promise<Gateway> {
  const home = options.home ?? (await createOpenClawHome(options));
  const timeoutMs = options.timeoutMs ?? 180_000;
  let server: RunningProcess | undefined;
  let rpc: GatewayRpc | undefined;
  let startMs = 0;

  const running = (): RunningProcess => {
    if (server === undefined) throw new Error("the Gateway is halted");
    return server;
  };
  const log = (): string => withoutColours(server?.output() ?? "");
  const call: Gateway["call"] = async (method, params, callTimeoutMs) => {
    if (rpc === undefined || !rpc.isOpen()) rpc = await connectGatewayRpc(home.port, home.token);
    return await rpc.call(method, params, callTimeoutMs);
  };
  const accounts: Gateway["accounts"] = async (channel) => {
    const status = await call("channels.status", { probe: false });
    const all = isPlainObject(status) ? status["channelAccounts"] : undefined;
    const list = isPlainObject(all) ? all[channel] : undefined;
    return Array.isArray(list) ? (list as AccountStatus[]) : [];
  };
  const waitForChannel: Gateway["waitForChannel"] = async (channel, ms = 120_000) => {
    let last: readonly AccountStatus[] = [];
    const isConnected = async (): Promise<boolean> => {
      if (!running().isRunning()) throw new Error(`the Gateway ended:\n${log()}`);
      last = await accounts(channel);
      const wanted = last.filter((one) => one.enabled !== false && one.configured !== false);
      const lost = wanted.find((one) => one.lifecycle === "blocked");
      if (lost !== undefined) {
        throw new Error(
          `${channel}:${lost.accountId} is blocked: ${lost.lastError ?? ""}\n${log()}`,
        );
      }
      return wanted.length > 0 && wanted.every((one) => one.connected === true);
    };
    await waitFor(isConnected, {
      what: `channel ${channel} to be connected`,
      timeoutMs: ms,
      intervalMs: 25,
      evidence: () => `${JSON.stringify(last, null, 1)}\n${log()}`,
    });
  };
  const waitForAccount: Gateway["waitForAccount"] = async (account, what, holds) => {
    let last: readonly AccountStatus[] = [];
    const status = async (): Promise<AccountStatus | undefined> => {
      last = await accounts(account.channel);
      const own = last.find(({ accountId }) => accountId === account.accountId);
      return own !== undefined && holds(own) ? own : undefined;
    };
    return await waitFor(status, {
      what: `account ${account.accountId}: ${what}`,
      timeoutMs: 120_000,
      evidence: () => `${JSON.stringify(last, null, 1)}\n${log()}`,
    });
  };
  const keepLogs = (): void =>
    keepLogFile(`${basename(home.directory)}-file`, join(home.directory, "openclaw.log"));
  // Nobody ends the Gateway of a shared stage but the end of the run, which may leave no time for it.
  const forget = atExit(keepLogs);
  let keptAt = -Infinity;
  const keepLogsNow = (): void => {
    if (performance.now() - keptAt < KEEP_EVERY_MS) return;
    keepLogs();
    keptAt = performance.now();
  };
  const launch = async (): Promise<void> => {
    const since = performance.now();
    const process_ = await startProcess({
      name: "openclaw gateway",
      command: NODE,
      args: [OPENCLAW, "gateway", "run", ...(options.args ?? [])],
      cwd: home.directory,
      env: home.env,
      onOutput(text) {
        keepLog(`${basename(home.directory)}-output`, text);
        keepLogsNow();
      },
    });
    server = process_;
    const hasStarted = async (): Promise<boolean> => {
      if (!process_.isRunning()) throw new Error(`the Gateway ended:\n${log()}`);
      return await isStarted(home.port);
    };
    await waitFor(hasStarted, { what: "the Gateway", timeoutMs, evidence: log });
    for (const channel of options.waitForChannels ?? configuredChannels(home.readConfig())) {
      await waitForChannel(channel, 120_000);
    }
    startMs = performance.now() - since;
  };
  const halt: Gateway["halt"] = async (signal = "SIGTERM", graceMs = 15_000) => {
    rpc?.close();
    rpc = undefined;
    await (signal === "SIGKILL" ? server?.kill() : server?.stop(graceMs));
  };
  const stop = async (): Promise<void> => {
    await halt();
    keepLogs();
    forget();
    home.remove();
  };

  try {
    await launch();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ...home,
    get pid() {
      return running().pid;
    },
    get startMs() {
      return startMs;
    },
    log,
    async waitForLog(pattern, ms) {
      return (await running().waitForOutput(pattern, ms))[0];
    },
    call,
    accounts,
    waitForChannel,
    waitForAccount,
    residentBytes() {
      const statm = `/proc/${running().pid}/statm`;
      if (!existsSync(statm))
        throw new Error("resident memory is read from /proc, which is not here");
      return Number(readFileSync(statm, "utf8").split(" ")[1]) * 4096;
    },
    halt,
    resume: launch,
    stop,
  };
}
