/** `openclaw directory`: people and rooms from the configuration, and from the live session where there is one. */
import type { ChannelPlugin } from "openclaw/plugin-sdk/channel-core";
import { createChannelDirectoryAdapter } from "openclaw/plugin-sdk/directory-runtime";
import type { RoomView } from "../client/rooms.ts";
import { parseAllowEntry } from "../policy/allowlist.ts";
import { resolveAccount, type XmppAccount } from "./account.ts";
import { findLiveAccount } from "./live-accounts.ts";

type Entry = { kind: "user" | "group"; id: string; name?: string; raw?: unknown };

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
    return select(groupEntries(account, await findRooms(account)), query, limit);
  },
  listGroupMembers: async ({ cfg, accountId, groupId, limit }) => {
    const account = resolveAccount(cfg, accountId);
    const found = await ask(account, "xmpp.occupants", { room: groupId });
    const occupants = (found["occupants"] ?? []) as readonly Member[];
    const entries = occupants.map((member) => ({
      kind: "user" as const,
      id: member.jid ?? `${groupId}/${member.nick}`,
      name: member.nick,
      raw: member,
    }));
    return limit ? entries.slice(0, limit) : entries;
  },
});

type Member = {
  nick: string;
  jid?: string;
  occupantId?: string;
  affiliation: string;
  role: string;
};

/** The rooms of the configuration, and those that the account is in besides, each with its state. */
function groupEntries(account: XmppAccount, views: readonly RoomView[]): Entry[] {
  const seen = new Map(views.map((view) => [view.room, view]));
  return [...new Set([...account.rooms, ...seen.keys()])].map((id) => {
    const view = seen.get(id);
    const name = view?.name ?? id;
    if (!view) return { kind: "group", id, name };
    const { state, reason } = view;
    // The name is what people and the agent look rooms up by: only a room that is out of reach says why.
    const why = state === "joined" ? "" : ` (${reason ? `${state}: ${reason}` : state})`;
    return { kind: "group", id, name: `${name}${why}`, raw: view };
  });
}

/** What a running account says of its rooms; nothing where none runs. */
async function findRooms(account: XmppAccount): Promise<readonly RoomView[]> {
  const live = findLiveAccount(account.accountId);
  if (live) return live.rooms.list();
  try {
    return ((await ask(account, "xmpp.rooms", {}))["rooms"] ?? []) as readonly RoomView[];
  } catch {
    return []; // no Gateway, or the account does not run there: the configuration is all there is
  }
}

const GATEWAY_TIMEOUT_MS = 3_000;

/** Asks the Gateway, as a command line does. @throws what it answers, or that there is none */
async function ask(
  account: XmppAccount,
  method: string,
  params: object,
): Promise<Record<string, unknown>> {
  const { callGatewayFromCli } = await import("openclaw/plugin-sdk/gateway-runtime");
  return await callGatewayFromCli(
    method,
    { json: true, timeout: `${GATEWAY_TIMEOUT_MS}` },
    { ...params, account: account.accountId },
    { progress: false },
  );
}
