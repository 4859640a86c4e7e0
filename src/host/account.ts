/**
 * From configuration to one account value: inheritance, environment, older key names, and what is
 * wrong with it. Nothing here throws: an account that cannot work says why in `problems`, and every
 * other account and channel goes on. Of `accounts` an account reads its own entry only, so that the
 * host may restart it alone (`reload.accountScopedRestart`); what concerns several is in account-set.ts.
 */
import {
  DEFAULT_ACCOUNT_ID,
  createAccountListHelpers,
  normalizeAccountId,
  type OpenClawConfig,
} from "openclaw/plugin-sdk/account-core";
import { resolveDefaultGroupPolicy } from "openclaw/plugin-sdk/runtime-group-policy";
import type { ServerAddress } from "../client/types.ts";
import { CHANNEL_ID, type XmppAccountPolicy } from "../policy/account-policy.ts";
import { DEFAULT_DYNAMIC_AGENTS, isPersonal } from "../policy/dynamic-agents.ts";
import { DEFAULT_CATCH_UP, DEFAULT_LIMITS } from "../policy/limits.ts";
import type { BareJid } from "../protocol/jid.ts";
import { ENV_JID, resolveJid, resolveResource, resolveServer } from "./account-address.ts";
import { ENV_PASSWORD, resolvePassword, type PasswordSource } from "./account-password.ts";
import type { ConfigKey, ConfigProblem } from "./account-problems.ts";
import {
  checkAllowlist,
  checkPersons,
  checkRoomList,
  resolveRooms,
  resolveRoomSettings,
  type RoomToJoin,
} from "./account-rooms.ts";
import {
  DEFAULT_AUTO_JOIN,
  DEFAULT_DM_POLICY,
  DEFAULT_GROUP_POLICY,
  DEFAULT_RESOURCE,
  type XmppAccountConfig,
} from "./config-schema.ts";

/** `allowFrom` holds the operator's `adminJid` too. */
export type XmppAccount = XmppAccountPolicy & {
  accountId: string;
  name: string | undefined;
  enabled: boolean;
  /** JID and password are there and nothing at all is wrong: a half-read policy lets nobody in. */
  configured: boolean;
  jid: BareJid | undefined;
  resource: string;
  nick: string;
  /** Each of `rooms`, with how to enter it. */
  roomsToJoin: ReadonlyMap<BareJid, RoomToJoin>;
  bookmarks: "off" | "read" | "sync";
  server: ServerAddress | undefined;
  /** As the operator wrote it, for display; undefined where DNS decides. */
  serverText: string | undefined;
  /** Never log, never show. */
  password: string;
  passwordSource: PasswordSource;
  tokenStatus: "available" | "missing" | "configured_unavailable";
  problems: ConfigProblem[];
  /** The account's keys after inheritance; holds no resolved secret. */
  config: XmppAccountConfig;
};

type ChannelSection = XmppAccountConfig & {
  accounts?: Record<string, XmppAccountConfig | undefined>;
  defaultAccount?: string;
};

function section(cfg: OpenClawConfig): ChannelSection {
  return (cfg.channels?.[CHANNEL_ID] ?? {}) as ChannelSection;
}

/** Whether the environment alone makes the default account. */
export function hasEnvironmentAccount(environment: NodeJS.ProcessEnv = process.env): boolean {
  return Boolean(environment[ENV_JID]?.trim() && environment[ENV_PASSWORD]?.trim());
}

const accountList = createAccountListHelpers(CHANNEL_ID, {
  normalizeAccountId,
  omitKeys: ["defaultAccount"],
  nestedObjectKeys: ["dynamicAgentCreation", "execApprovals", "presence", "profile", "sasl", "tls"],
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
function configKey(own: OwnEntry | undefined, merged: XmppAccountConfig, key: ConfigKey): string {
  const isOwn = own && (Object.hasOwn(own.config, key) || merged[key] === undefined);
  return isOwn
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

function toList(value: string | string[] | undefined): string[] {
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).map((entry) => entry.trim()).filter(Boolean);
}

/** `accounts.<id>` with the root's keys, the environment (default account only) and older names applied. */
export function resolveAccount(cfg: OpenClawConfig, requestedId?: string | null): XmppAccount {
  const accountId = requestedId ? normalizeAccountId(requestedId) : resolveDefaultAccountId(cfg);
  const own = ownEntry(cfg, accountId);
  const config = mergeConfig(cfg, accountId, own?.config);
  const path = (key: ConfigKey) => configKey(own, config, key);
  const problems: ConfigProblem[] = [];
  const isDefault = accountId === DEFAULT_ACCOUNT_ID;
  if (!own && !isDefault) problems.push(unknownAccount(cfg, accountId));

  const jid = resolveJid(config, isDefault, path, problems);
  const { server, serverText } = resolveServer(config, isDefault, jid?.domain, path, problems);
  const password = resolvePassword(config, accountId, path);
  if (password.problem) problems.push(password.problem);
  if (jid && password.source === "none") {
    problems.push({
      path: path("password"),
      problem: `no password; set password (text or a SecretRef) or passwordFile${isDefault ? `, or ${ENV_PASSWORD} in the environment` : ""}`,
    });
  }
  const resource = resolveResource(config.resource, DEFAULT_RESOURCE, path("resource"), problems);
  const nick = resolveResource(config.nick, jid?.local ?? "openclaw", path("nick"), problems);

  const adminJids = toList(config.adminJid);
  const allowFrom = [...(config.allowFrom ?? []).map(String), ...adminJids];
  const groupAllowFrom = (config.groupAllowFrom ?? []).map(String);
  checkAllowlist(config.allowFrom, path("allowFrom"), problems);
  checkPersons(adminJids, path("adminJid"), problems);
  checkRoomList(groupAllowFrom, path("groupAllowFrom"), problems);
  checkPersons(config.execApprovals?.approvers, `${path("execApprovals")}.approvers`, problems);
  if (config.sharedSessions === "identified" && (cfg.session?.dmScope ?? "main") === "main") {
    problems.push({
      path: path("sharedSessions"),
      problem:
        '"identified" needs direct chats that are apart, or rooms would hear of everybody\'s; set session.dmScope, e.g. "per-channel-peer"',
    });
  }
  const dynamicAgents = { ...DEFAULT_DYNAMIC_AGENTS, ...config.dynamicAgentCreation };
  for (const key of ["workspaceTemplate", "agentDirTemplate"] as const) {
    if (!dynamicAgents.enabled || isPersonal(dynamicAgents[key])) continue;
    problems.push({
      path: `${path("dynamicAgentCreation")}.${key}`,
      problem: "needs {agentId} or {userId}, or everybody's agent would live in the same place",
    });
  }
  const roomSettings = resolveRoomSettings(config, path, problems);
  const roomsToJoin = resolveRooms(config, roomSettings, path, problems);

  return {
    accountId,
    name: config.name?.trim() || undefined,
    enabled: isEnabled(cfg, config),
    configured: Boolean(jid && server && password.password) && problems.length === 0,
    jid: jid?.bare,
    resource,
    nick,
    server,
    serverText,
    password: password.password,
    passwordSource: password.source,
    tokenStatus: password.password
      ? "available"
      : password.problem
        ? "configured_unavailable"
        : "missing",
    roomsToJoin,
    rooms: [...roomsToJoin.keys()],
    roomSettings,
    roomOwnerBypass: config.roomOwnerBypass ?? false,
    autoJoin: config.autoJoin ?? DEFAULT_AUTO_JOIN,
    bookmarks: config.bookmarks ?? "off",
    sharedSessions: config.sharedSessions ?? "off",
    catchUp: { ...DEFAULT_CATCH_UP, ...config.catchUp },
    limits: { ...DEFAULT_LIMITS, ...config.limits },
    dynamicAgents,
    dmPolicy: config.dmPolicy ?? DEFAULT_DM_POLICY,
    groupPolicy: config.groupPolicy ?? resolveDefaultGroupPolicy(cfg) ?? DEFAULT_GROUP_POLICY,
    allowFrom,
    groupAllowFrom,
    problems,
    config,
  };
}

function isEnabled(cfg: OpenClawConfig, config: XmppAccountConfig): boolean {
  return section(cfg).enabled !== false && config.enabled !== false;
}

/** The ids of all accounts, for a sentence. */
export function knownAccounts(cfg: OpenClawConfig): string {
  return (
    listAccountIds(cfg)
      .map((id) => `"${id}"`)
      .join(", ") || "none"
  );
}

function unknownAccount(cfg: OpenClawConfig, accountId: string): ConfigProblem {
  return {
    path: `channels.${CHANNEL_ID}.accounts.${accountId}`,
    problem: `no such account; there is ${knownAccounts(cfg)}`,
  };
}
