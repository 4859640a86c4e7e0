/**
 * `openclaw directory` and `channels resolve`: people and rooms from the configuration, and from the live session, in
 * this process or, for a command line, in the Gateway.
 */
import type { ChannelPlugin } from "openclaw/plugin-sdk/channel-core";
import { createChannelDirectoryAdapter } from "openclaw/plugin-sdk/directory-runtime";
import { parseAllowEntry } from "../policy/allowlist.ts";
import { resolveAccount, type XmppAccount } from "./account.ts";
import { askGateway } from "./gateway-call.ts";
import { findLiveAccount, hasLiveAccount } from "./live-accounts.ts";
import { readDirectory, type DirectoryEntry, type DirectoryQuestion } from "./live-directory.ts";

type Selection = { query?: string | null; limit?: number | null };

function configuredPeers(account: XmppAccount): DirectoryEntry[] {
  const lists = [
    account.allowFrom,
    account.groupAllowFrom,
    ...Object.values(account.roomSettings).map((room) => [
      ...(room.users ?? []).map(String),
      ...(room.allowFrom ?? []).map(String),
    ]),
  ];
  return lists.flat().flatMap((text) => {
    const entry = parseAllowEntry(text);
    return entry?.kind === "jid" ? [{ kind: "user" as const, id: entry.jid }] : [];
  });
}

const configuredRooms = (account: XmppAccount): DirectoryEntry[] =>
  account.rooms.map((id) => ({ kind: "group", id, name: id }));

/** Of entries with the same id the first; those that match, and not more than `limit`. */
function select(entries: DirectoryEntry[], { query, limit }: Selection): DirectoryEntry[] {
  const unique = new Map<string, DirectoryEntry>();
  for (const entry of entries) if (!unique.has(entry.id)) unique.set(entry.id, entry);
  const wanted = query?.trim().toLowerCase();
  const found = [...unique.values()].filter(
    ({ id, name }) => !wanted || `${id} ${name ?? ""}`.toLowerCase().includes(wanted),
  );
  return limit ? found.slice(0, limit) : found;
}

const ANSWER_WITHIN_MS = 10_000;

/** @throws Error that there is no Gateway, or that the account does not run there */
async function askAccount(
  account: XmppAccount,
  question: DirectoryQuestion,
): Promise<DirectoryEntry[]> {
  const live = findLiveAccount(account.accountId);
  if (live) return await readDirectory(live, question);
  if (hasLiveAccount()) throw new Error(`account "${account.accountId}" is not running`);
  const params = { ...question, account: account.accountId };
  const { entries } = await askGateway("xmpp.directory", params, ANSWER_WITHIN_MS);
  return Array.isArray(entries) ? (entries as DirectoryEntry[]) : [];
}

/** What a running account says; nothing where none runs: the configuration is all there is. */
async function askIfRunning(
  account: XmppAccount,
  question: DirectoryQuestion,
): Promise<DirectoryEntry[]> {
  try {
    return await askAccount(account, question);
  } catch {
    return [];
  }
}

type ListParams = Selection & AccountParams;
type AccountParams = {
  cfg: Parameters<typeof resolveAccount>[0];
  accountId?: string | null | undefined;
};

async function listGroups(
  { cfg, accountId, ...selection }: ListParams,
  list: "rooms" | "public-rooms",
): Promise<DirectoryEntry[]> {
  const account = resolveAccount(cfg, accountId);
  const { roomSettings } = account;
  const live = (await askIfRunning(account, { list })).filter(
    // Where the operator keeps the agent out, there is nothing to send to.
    ({ id }) => !Object.hasOwn(roomSettings, id) || roomSettings[id]?.enabled !== false,
  );
  // The operator's rooms come first, as they are now.
  const byId = new Map(live.map((entry) => [entry.id, entry]));
  const configured = configuredRooms(account).map((entry) => byId.get(entry.id) ?? entry);
  return select([...configured, ...live], selection);
}

export const directory: NonNullable<ChannelPlugin["directory"]> = createChannelDirectoryAdapter({
  self: async ({ cfg, accountId }) => {
    const account = resolveAccount(cfg, accountId);
    if (!account.jid) return null;
    const [live] = await askIfRunning(account, { list: "self" });
    return live ?? { kind: "user", id: account.jid, name: account.nick };
  },
  listPeers: async ({ cfg, accountId, ...selection }) => {
    const account = resolveAccount(cfg, accountId);
    const live = await askIfRunning(account, { list: "peers" });
    return select([...live, ...configuredPeers(account)], selection);
  },
  listGroups: (params) => listGroups(params, "rooms"),
  // What the server lists beside the rooms that we are in: for people who look, and for a name that is none of ours.
  listGroupsLive: (params) => listGroups(params, "public-rooms"),
  listGroupMembers: async ({ cfg, accountId, groupId, limit }) => {
    const account = resolveAccount(cfg, accountId);
    const members = await askAccount(account, { list: "members", room: groupId });
    return limit ? members.slice(0, limit) : members;
  },
});
