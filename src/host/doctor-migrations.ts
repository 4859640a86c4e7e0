/**
 * `openclaw doctor --fix`: older key names become today's. Each move is tried, and made only where every
 * account stays what it was; the older names go on working, so nothing has to be moved.
 */
import { isDeepStrictEqual } from "node:util";
import { normalizeAccountId, type OpenClawConfig } from "openclaw/plugin-sdk/account-core";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { listAccountIds, resolveAccount, type XmppAccount } from "./account.ts";

type Keys = Record<string, unknown>;
/** Where an account's keys stand: the root, or an entry of `accounts`. */
type Holder = { path: string; keys: Keys; inherited: Keys };
/** Changes the holder's keys. @returns what it did, in a sentence; undefined where there was nothing to do */
type Move = (holder: Holder) => string | undefined;
type Mutation = { config: OpenClawConfig; changes: string[]; warnings?: string[] };

const isRecord = (value: unknown): value is Keys =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Today's names in `channels.xmpp`, and what was changed, for the operator to read. */
export function normalizeCompatibilityConfig({ cfg }: { cfg: OpenClawConfig }): Mutation {
  if (!isRecord(cfg.channels?.[CHANNEL_ID])) return { config: cfg, changes: [] };
  let config = cfg;
  const changes: string[] = [];
  const warnings: string[] = [];
  for (const [key, move] of MOVES) {
    const { next, made, paths } = applyMove(config, move);
    if (made.length === 0) continue;
    if (isSame(config, next)) {
      config = next;
      changes.push(...made);
    } else {
      warnings.push(
        `Kept ${paths.map((path) => `${path}.${key}`).join(", ")}: by today's name an account would become another one.`,
      );
    }
  }
  return { config, changes, ...(warnings.length > 0 ? { warnings } : {}) };
}

function applyMove(
  cfg: OpenClawConfig,
  move: Move,
): { next: OpenClawConfig; made: string[]; paths: string[] } {
  const section = structuredClone(cfg.channels?.[CHANNEL_ID]) as Keys;
  const root = `channels.${CHANNEL_ID}`;
  const accounts = isRecord(section["accounts"]) ? Object.entries(section["accounts"]) : [];
  const holders: Holder[] = [
    // What an account inherits is read before the root itself is changed.
    ...accounts.flatMap(([name, keys]) =>
      isRecord(keys) ? [{ path: `${root}.accounts.${name}`, keys, inherited: section }] : [],
    ),
    { path: root, keys: section, inherited: {} },
  ];
  const made: string[] = [];
  const paths: string[] = [];
  for (const holder of holders) {
    const sentence = move(holder);
    if (sentence === undefined) continue;
    made.push(sentence);
    paths.push(holder.path);
  }
  const next = { ...cfg, channels: { ...cfg.channels, [CHANNEL_ID]: section } };
  return { next: next as OpenClawConfig, made, paths };
}

/** All of an account that its configuration decides; of a problem not which key it is told with. */
function factsOf(account: XmppAccount) {
  const { config, problems, ...facts } = account;
  const { domain: _domain, server: _server, service: _service, ...rest } = config;
  const { groups: _groups, mucRooms: _mucRooms, jid: _jid, ...others } = rest;
  return { ...facts, others, problems: problems.map(({ problem }) => problem) };
}

function isSame(before: OpenClawConfig, after: OpenClawConfig): boolean {
  const ids = listAccountIds(before);
  return (
    isDeepStrictEqual(ids, listAccountIds(after)) &&
    ids
      .map(normalizeAccountId)
      .every((id) =>
        isDeepStrictEqual(factsOf(resolveAccount(before, id)), factsOf(resolveAccount(after, id))),
      )
  );
}

const MOVES: readonly (readonly [key: string, move: Move])[] = [
  ["service", moveService],
  ["domain", moveDomain],
  ["mucRooms", moveRooms],
];

function moveService({ path, keys }: Holder): string | undefined {
  const { service, server } = keys;
  if (typeof service !== "string") return undefined;
  delete keys["service"];
  if (typeof server === "string" && server.trim()) {
    return `Removed ${path}.service; ${path}.server goes before it.`;
  }
  if (service.trim()) keys["server"] = service;
  return `Moved ${path}.service → ${path}.server.`;
}

function moveDomain({ path, keys, inherited }: Holder): string | undefined {
  const domain = keys["domain"] ?? inherited["domain"];
  if (typeof domain !== "string") return undefined;
  const { jid } = keys;
  if (typeof jid === "string" && jid.trim() && !jid.includes("@")) {
    keys["jid"] = `${jid.trim()}@${domain.trim()}`;
    delete keys["domain"];
    return `Completed ${path}.jid to ${String(keys["jid"])}, as domain says.`;
  }
  if (!Object.hasOwn(keys, "domain") || mayComeFromEnvironment(path, keys)) return undefined;
  delete keys["domain"];
  return `Removed ${path}.domain; the jid says it.`;
}

/** The default account's JID may be that of the environment, which is the Gateway's: not ours to see. */
function mayComeFromEnvironment(path: string, keys: Keys): boolean {
  const accounts = isRecord(keys["accounts"]) ? keys["accounts"] : {};
  const listed = isRecord(accounts["default"]) ? accounts["default"]["jid"] : undefined;
  const isDefault = path === `channels.${CHANNEL_ID}` || path.endsWith(".default");
  return isDefault && typeof keys["jid"] !== "string" && typeof listed !== "string";
}

/** Both maps count, key by key, and `mucRooms` before `groups`. */
function moveRooms({ path, keys }: Holder): string | undefined {
  const { mucRooms, groups } = keys;
  if (!isRecord(mucRooms)) return undefined;
  const merged: Keys = isRecord(groups) ? { ...groups } : {};
  for (const [room, settings] of Object.entries(mucRooms)) {
    const known = merged[room];
    merged[room] = isRecord(known) && isRecord(settings) ? { ...known, ...settings } : settings;
  }
  delete keys["mucRooms"];
  keys["groups"] = merged;
  return `Moved ${path}.mucRooms → ${path}.groups.`;
}
