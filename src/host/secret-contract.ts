/** Tells the host which keys may hold a SecretRef, so that it resolves them before the channel starts. */
import { normalizeAccountId } from "openclaw/plugin-sdk/account-core";
import {
  collectSecretInputAssignment,
  collectSimpleChannelFieldAssignments,
  createChannelSecretTargetRegistryEntries,
  getChannelSurface,
  hasOwnProperty,
  isRecord,
  type ResolverContext,
  type SecretDefaults,
} from "openclaw/plugin-sdk/channel-secret-basic-runtime";
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { CHANNEL_ID } from "../policy/account-policy.ts";

const targetsOf = (key: string) =>
  createChannelSecretTargetRegistryEntries({
    channelKey: CHANNEL_ID,
    account: [key],
    channel: [key],
  });

/**
 * Of the keys with an id in `channels.xmpp.` the host refuses every answer and every command of an
 * account while one of them is unresolved. None needs a room's password: it has an id of its own, by
 * which it is only audited and configured.
 */
export const secretTargetRegistryEntries = [
  ...targetsOf("password"),
  ...targetsOf("rooms[].password").map((target) => ({ ...target, id: `rooms:${target.id}` })),
];

type Collecting = {
  config: OpenClawConfig;
  defaults: SecretDefaults | undefined;
  context: ResolverContext;
};

export function collectRuntimeConfigAssignments(params: Collecting): void {
  const resolved = getChannelSurface(params.config, CHANNEL_ID);
  if (!resolved) return;
  const { channel, surface } = resolved;
  collectSimpleChannelFieldAssignments({
    channelKey: CHANNEL_ID,
    field: "password",
    channel,
    surface,
    defaults: params.defaults,
    context: params.context,
    topInactiveReason: "no enabled account inherits this top-level XMPP password.",
    accountInactiveReason: "XMPP account is disabled.",
  });
  collectRoomPasswords(`channels.${CHANNEL_ID}`, channel, heirsOf(channel, surface), params);
  if (!surface.hasExplicitAccounts) return;
  for (const { accountId, account, enabled } of surface.accounts) {
    const path = `channels.${CHANNEL_ID}.accounts${segment(accountId)}`;
    collectRoomPasswords(path, account, enabled ? [accountId] : [], params);
  }
}

type Surface = NonNullable<ReturnType<typeof getChannelSurface>>["surface"];

/** The accounts that enter the root's rooms. */
function heirsOf(channel: Record<string, unknown>, surface: Surface): string[] {
  if (!surface.channelEnabled) return [];
  if (!surface.hasExplicitAccounts) return ["default"];
  const heirs = surface.accounts
    .filter(({ account, enabled }) => enabled && !hasOwnProperty(account, "rooms"))
    .map(({ accountId }) => accountId);
  const hasOwnDefault = surface.accounts.some(({ accountId }) => accountId === "default");
  // Where the root has a JID, it is the account "default" besides those under `accounts`.
  return channel["jid"] !== undefined && !hasOwnDefault ? [...heirs, "default"] : heirs;
}

/** Each room's password is a secret of its own: one that cannot be resolved keeps us out of that room only. */
function collectRoomPasswords(
  at: string,
  holder: Record<string, unknown>,
  accountIds: readonly string[],
  { defaults, context }: Collecting,
): void {
  const { rooms } = holder;
  if (!Array.isArray(rooms)) return;
  for (const [index, room] of rooms.entries()) {
    if (!isRecord(room) || room["password"] === undefined) continue;
    const assignment = {
      value: room["password"],
      path: `${at}.rooms[${index}].password`,
      expected: "string" as const,
      defaults,
      context,
      apply: (value: unknown) => {
        room["password"] = value;
      },
    };
    if (accountIds.length === 0) {
      const inactiveReason = "no enabled XMPP account enters this room.";
      collectSecretInputAssignment({ ...assignment, active: false, inactiveReason });
    }
    for (const accountId of accountIds) {
      const ownerId = `${CHANNEL_ID}:${normalizeAccountId(accountId)}:room:${String(room["jid"])}`;
      collectSecretInputAssignment({
        ...assignment,
        owner: {
          ownerKind: "route",
          ownerId,
          requiredForGateway: false,
          disposition: "isolate",
          contract: { accountId, room },
        },
      });
    }
  }
}

/** A key as the host writes it in a path. */
function segment(key: string): string {
  return /^[A-Za-z_$][\w$:-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

export const channelSecrets = { secretTargetRegistryEntries, collectRuntimeConfigAssignments };
