/** `openclaw directory`: people and rooms from the configuration, and from the live session where there is one. */
import type { ChannelPlugin } from "openclaw/plugin-sdk/channel-core";
import { createChannelDirectoryAdapter } from "openclaw/plugin-sdk/directory-runtime";
import { parseAllowEntry } from "../policy/allowlist.ts";
import { resolveAccount, type XmppAccount } from "./account.ts";
import { findLiveAccount } from "./live-accounts.ts";

type Entry = { kind: "user" | "group"; id: string; name?: string };

function configuredPeers(account: XmppAccount): string[] {
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
    return entry?.kind === "jid" ? [entry.jid] : [];
  });
}

function select(entries: Entry[], query?: string | null, limit?: number | null): Entry[] {
  const unique = [...new Map(entries.map((entry) => [entry.id, entry])).values()];
  const wanted = query?.trim().toLowerCase();
  const found = wanted
    ? unique.filter(({ id, name }) => `${id} ${name ?? ""}`.toLowerCase().includes(wanted))
    : unique;
  return limit ? found.slice(0, limit) : found;
}

export const directory: NonNullable<ChannelPlugin["directory"]> = createChannelDirectoryAdapter({
  self: async ({ cfg, accountId }) => {
    const account = resolveAccount(cfg, accountId);
    return account.jid ? { kind: "user", id: account.jid, name: account.nick } : null;
  },
  listPeers: async ({ cfg, accountId, query, limit }) => {
    const account = resolveAccount(cfg, accountId);
    const contacts = findLiveAccount(account.accountId)?.roster.contacts() ?? [];
    const entries = [
      ...contacts.map(({ jid, name }) => ({
        kind: "user" as const,
        id: jid,
        ...(name ? { name } : {}),
      })),
      ...configuredPeers(account).map((id) => ({ kind: "user" as const, id })),
    ];
    return select(entries, query, limit);
  },
  listGroups: async ({ cfg, accountId, query, limit }) => {
    const account = resolveAccount(cfg, accountId);
    const rooms = findLiveAccount(account.accountId)?.rooms;
    const entries = account.rooms.map((id) => ({
      kind: "group" as const,
      id,
      name: rooms?.get(id)?.name ?? id,
    }));
    return select(entries, query, limit);
  },
});
