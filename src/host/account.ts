/**
 * From configuration to one account value: inheritance, environment, older key names, and what is
 * wrong with it. Nothing here throws: an account that cannot work says why in `problems`, and every
 * other account and channel goes on.
 */
import {
  DEFAULT_ACCOUNT_ID,
  createAccountListHelpers,
  normalizeAccountId,
  type OpenClawConfig,
} from "openclaw/plugin-sdk/account-core";
import { tryReadSecretFileSync } from "openclaw/plugin-sdk/channel-core";
import { resolveDefaultGroupPolicy } from "openclaw/plugin-sdk/runtime-group-policy";
import { resolveSecretInputString } from "openclaw/plugin-sdk/secret-input";
import { parseServer } from "../client/endpoint.ts";
import type { ServerAddress } from "../client/types.ts";
import { XmppConfigError } from "../errors.ts";
import { parseAllowEntry } from "../policy/allowlist.ts";
import { senderEntry } from "../policy/room.ts";
import { parseJid, type BareJid } from "../protocol/jid.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import {
  DEFAULT_DM_POLICY,
  DEFAULT_GROUP_POLICY,
  DEFAULT_RESOURCE,
  type XmppAccountConfig,
  type XmppRoomConfig,
} from "./config-schema.ts";

export type ConfigProblem = { path: string; problem: string };
export type PasswordSource = "config" | "env" | "passwordFile" | "none";

export type XmppAccount = {
  accountId: string;
  name: string | undefined;
  enabled: boolean;
  /** JID and password are there and nothing at all is wrong: a half-read policy lets nobody in. */
  configured: boolean;
  jid: BareJid | undefined;
  resource: string;
  nick: string;
  server: ServerAddress | undefined;
  /** As the operator wrote it, for display; undefined where DNS decides. */
  serverText: string | undefined;
  /** Never log, never show. */
  password: string;
  passwordSource: PasswordSource;
  tokenStatus: "available" | "missing" | "configured_unavailable";
  /** Every room that the operator listed and did not disable. */
  rooms: BareJid[];
  roomSettings: Record<string, XmppRoomConfig>;
  dmPolicy: "open" | "pairing" | "allowlist" | "disabled";
  groupPolicy: "open" | "allowlist" | "disabled";
  /** DM allowlist, the operator's `adminJid` included. */
  allowFrom: string[];
  groupAllowFrom: string[];
  problems: ConfigProblem[];
  /** The account's keys after inheritance; holds no resolved secret. */
  config: XmppAccountConfig;
};

type ChannelSection = XmppAccountConfig & {
  accounts?: Record<string, XmppAccountConfig | undefined>;
  defaultAccount?: string;
};

const ENV_JID = "XMPP_JID";
const ENV_PASSWORD = "XMPP_PASSWORD";
const ENV_SERVER = "XMPP_SERVER";

function section(cfg: OpenClawConfig): ChannelSection {
  return (cfg.channels?.[CHANNEL_ID] ?? {}) as ChannelSection;
}

function env(name: string): string | undefined {
  return process.env[name]?.trim() || undefined;
}

/** Whether the environment alone makes the default account. */
export function hasEnvironmentAccount(environment: NodeJS.ProcessEnv = process.env): boolean {
  return Boolean(environment[ENV_JID]?.trim() && environment[ENV_PASSWORD]?.trim());
}

const accountList = createAccountListHelpers(CHANNEL_ID, {
  normalizeAccountId,
  omitKeys: ["defaultAccount"],
  nestedObjectKeys: ["tls"],
  hasImplicitDefaultAccount: (cfg) => Boolean(section(cfg).jid?.trim()) || hasEnvironmentAccount(),
});

export const listAccountIds = accountList.listAccountIds;
export const resolveDefaultAccountId = accountList.resolveDefaultAccountId;

type OwnEntry = { name: string; config: XmppAccountConfig };

/** The account's entry under `accounts`, with its name as the operator spelled it. */
function ownEntry(cfg: OpenClawConfig, accountId: string): OwnEntry | undefined {
  const accounts = section(cfg).accounts ?? {};
  const name = Object.keys(accounts).find((key) => normalizeAccountId(key) === accountId);
  const config = name === undefined ? undefined : accounts[name];
  return name === undefined || config === undefined ? undefined : { name, config };
}

/** Where the operator wrote `key` for this account, or would write it. */
function configKey(own: OwnEntry | undefined, key: string): string {
  return own && Object.hasOwn(own.config, key)
    ? `channels.${CHANNEL_ID}.accounts.${own.name}.${key}`
    : `channels.${CHANNEL_ID}.${key}`;
}

/**
 * The account's keys over the root's. A root password belongs to the root's JID: an account with a
 * JID of its own never inherits it, nor does one that names a password source of its own. A root
 * `domain` completes a user name, and says nothing about an account whose JID is whole.
 */
function mergeConfig(
  cfg: OpenClawConfig,
  accountId: string,
  own: XmppAccountConfig | undefined,
): XmppAccountConfig {
  const merged = { ...accountList.resolveAccountConfig(cfg, accountId) } as XmppAccountConfig;
  if (own?.jid?.includes("@") && own.domain === undefined) delete merged.domain;
  if (
    own &&
    (own.jid !== undefined || own.password !== undefined || own.passwordFile !== undefined)
  ) {
    for (const key of ["password", "passwordFile"] as const) {
      if (!Object.hasOwn(own, key)) delete merged[key];
    }
  }
  return merged;
}

type PasswordResolution = {
  password: string;
  source: PasswordSource;
  problem?: ConfigProblem;
};

function resolvePassword(
  config: XmppAccountConfig,
  accountId: string,
  path: (key: string) => string,
): PasswordResolution {
  const fromConfig = resolveSecretInputString({
    value: config.password,
    path: path("password"),
    mode: "inspect",
  });
  if (fromConfig.status === "available") {
    return { password: fromConfig.value, source: "config" };
  }
  if (fromConfig.status === "configured_unavailable") {
    const { source, id } = fromConfig.ref;
    const problem = `the secret ${source}:${id} could not be resolved; check secrets.providers, or run openclaw secrets audit`;
    return { password: "", source: "config", problem: { path: path("password"), problem } };
  }
  const file = config.passwordFile?.trim();
  if (file) {
    try {
      const password = tryReadSecretFileSync(file, "XMPP password file", { rejectSymlink: true });
      if (password) return { password, source: "passwordFile" };
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      return {
        password: "",
        source: "passwordFile",
        problem: { path: path("passwordFile"), problem },
      };
    }
    const problem = `no password in ${file}; write the password, and nothing else, into it`;
    return {
      password: "",
      source: "passwordFile",
      problem: { path: path("passwordFile"), problem },
    };
  }
  const fromEnv = accountId === DEFAULT_ACCOUNT_ID ? env(ENV_PASSWORD) : undefined;
  if (fromEnv) return { password: fromEnv, source: "env" };
  return { password: "", source: "none" };
}

function toList(value: string | string[] | undefined): string[] {
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).map((entry) => entry.trim()).filter(Boolean);
}

/** `accounts.<id>` with the root's keys, the environment (default account only) and older names applied. */
export function resolveAccount(cfg: OpenClawConfig, requestedId?: string | null): XmppAccount {
  const accountId = requestedId ? normalizeAccountId(requestedId) : resolveDefaultAccountId(cfg);
  const own = ownEntry(cfg, accountId);
  const config = mergeConfig(cfg, accountId, own?.config);
  const path = (key: string) => configKey(own, key);
  const problems: ConfigProblem[] = [];
  const isDefault = accountId === DEFAULT_ACCOUNT_ID;
  if (!own && !isDefault) problems.push(unknownAccount(cfg, accountId));

  const jid = resolveJid(config, isDefault ? env(ENV_JID) : undefined, path, problems);
  const serverText =
    (config.server ?? config.service)?.trim() || (isDefault ? env(ENV_SERVER) : undefined);
  const serverKey =
    config.server === undefined && config.service !== undefined ? "service" : "server";
  const server = jid && resolveServer(serverText, jid.domain, path(serverKey), problems);
  const password = resolvePassword(config, accountId, path);
  if (password.problem) problems.push(password.problem);
  if (jid && password.source === "none") {
    problems.push({
      path: path("password"),
      problem: `no password; set password (text or a SecretRef) or passwordFile${isDefault ? `, or ${ENV_PASSWORD} in the environment` : ""}`,
    });
  }

  const adminJids = toList(config.adminJid);
  const allowFrom = [...(config.allowFrom ?? []).map(String), ...adminJids];
  const groupAllowFrom = (config.groupAllowFrom ?? []).map(String);
  checkAllowlist(config.allowFrom, path("allowFrom"), problems);
  checkAllowlist(adminJids, path("adminJid"), problems);
  checkAllowlist(groupAllowFrom, path("groupAllowFrom"), problems);
  const roomSettings = resolveRoomSettings(config, path, problems);
  const rooms = resolveRooms(config, roomSettings, path, problems);

  return {
    accountId,
    name: config.name?.trim() || undefined,
    enabled: section(cfg).enabled !== false && config.enabled !== false,
    configured: Boolean(jid && server && password.password) && problems.length === 0,
    jid: jid?.bare,
    resource: config.resource?.trim() || DEFAULT_RESOURCE,
    nick: config.nick?.trim() || jid?.local || "openclaw",
    server,
    serverText,
    password: password.password,
    passwordSource: password.source,
    tokenStatus: password.password
      ? "available"
      : password.problem
        ? "configured_unavailable"
        : "missing",
    rooms,
    roomSettings,
    dmPolicy: config.dmPolicy ?? DEFAULT_DM_POLICY,
    groupPolicy: config.groupPolicy ?? resolveDefaultGroupPolicy(cfg) ?? DEFAULT_GROUP_POLICY,
    allowFrom,
    groupAllowFrom,
    problems,
    config,
  };
}

function resolveJid(
  config: XmppAccountConfig,
  fromEnv: string | undefined,
  path: (key: string) => string,
  problems: ConfigProblem[],
) {
  const written = config.jid?.trim() || fromEnv;
  const domain = config.domain?.trim();
  if (!written) {
    problems.push({
      path: path("jid"),
      problem: 'missing; set the agent\'s account, e.g. "bot@example.com"',
    });
    return undefined;
  }
  const jid = parseJid(written.includes("@") || !domain ? written : `${written}@${domain}`);
  if (!jid?.local) {
    problems.push({
      path: path("jid"),
      problem: `"${written}" is not an account's JID; it should look like "bot@example.com"`,
    });
    return undefined;
  }
  const stated = domain ? parseJid(domain) : undefined;
  if (domain && stated?.full !== jid.domain) {
    problems.push({
      path: path("domain"),
      problem: `"${domain}" is not the domain of ${jid.bare}; leave the key out, or set "${jid.domain}"`,
    });
    return undefined;
  }
  return { ...jid, local: jid.local };
}

function resolveServer(
  text: string | undefined,
  domain: string,
  path: string,
  problems: ConfigProblem[],
): ServerAddress | undefined {
  try {
    return parseServer(text, domain, path);
  } catch (error) {
    if (!(error instanceof XmppConfigError)) throw error;
    problems.push({ path, problem: error.message.replace(`${path}: `, "") });
    return undefined;
  }
}

function unknownAccount(cfg: OpenClawConfig, accountId: string): ConfigProblem {
  const known = listAccountIds(cfg).map((id) => `"${id}"`);
  return {
    path: `channels.${CHANNEL_ID}.accounts.${accountId}`,
    problem: `no such account; there is ${known.join(", ") || "none"}`,
  };
}

function checkAllowlist(
  entries: readonly (string | number)[] | undefined,
  path: string,
  problems: ConfigProblem[],
): void {
  for (const entry of (entries ?? []).map(String)) {
    if (entry.startsWith("accessGroup:") || parseAllowEntry(entry)) continue;
    problems.push({
      path,
      problem: `"${entry}" matches nobody; write a bare JID (user@example.com), a whole domain (*@example.com) or "*"`,
    });
  }
}

/** `mucRooms` and `groups` as one map with prepared room JIDs as keys ("*" kept). */
function resolveRoomSettings(
  config: XmppAccountConfig,
  path: (key: string) => string,
  problems: ConfigProblem[],
): Record<string, XmppRoomConfig> {
  const settings: Record<string, XmppRoomConfig> = {};
  for (const source of ["groups", "mucRooms"] as const) {
    for (const [key, value] of Object.entries(config[source] ?? {})) {
      const room = key === "*" ? "*" : roomJid(key);
      if (!room) {
        problems.push({
          path: `${path(source)}["${key}"]`,
          problem: 'not a room\'s JID; it should look like "team@conference.example.com"',
        });
        continue;
      }
      settings[room] = { ...settings[room], ...value };
      const at = `${path(source)}["${key}"]`;
      checkAllowlist(value.users, `${at}.users`, problems);
      checkAllowlist(value.allowFrom, `${at}.allowFrom`, problems);
      const senders = Object.keys(value.toolsBySender ?? {}).map(senderEntry);
      checkAllowlist(senders, `${at}.toolsBySender`, problems);
    }
  }
  return settings;
}

function roomJid(text: string): BareJid | undefined {
  const jid = parseJid(text);
  return jid?.local && jid.resource === undefined ? jid.bare : undefined;
}

function resolveRooms(
  config: XmppAccountConfig,
  settings: Record<string, XmppRoomConfig>,
  path: (key: string) => string,
  problems: ConfigProblem[],
): BareJid[] {
  const rooms = new Set<BareJid>();
  for (const text of config.rooms ?? []) {
    const room = roomJid(text);
    if (room) rooms.add(room);
    else {
      problems.push({
        path: path("rooms"),
        problem: `"${text}" is not a room's JID; it should look like "team@conference.example.com"`,
      });
    }
  }
  for (const key of Object.keys(settings)) {
    if (key !== "*") rooms.add(key as BareJid);
  }
  return [...rooms].filter((room) => (settings[room]?.enabled ?? settings["*"]?.enabled) !== false);
}

/** One line a problem, ready for a status or a log. */
export function describeProblems(problems: readonly ConfigProblem[]): string {
  return problems.map(({ path, problem }) => `${path}: ${problem}`).join("; ");
}
