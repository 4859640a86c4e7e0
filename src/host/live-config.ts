/**
 * An account's configuration while it runs. The host restarts the channel for most changes; for those
 * of LIVE_KEYS it only publishes the new configuration, without telling anybody, so it is looked at.
 */
import type { OpenClawConfig, PluginRuntime } from "openclaw/plugin-sdk/channel-core";
import type { Logger } from "../client/types.ts";
import { messageOf } from "../errors.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { resolveAccount, type XmppAccount } from "./account.ts";
import { describeProblems } from "./account-problems.ts";

/** What applies without a new connection: all that concerns rooms, people, single messages, or what others see, alone. */
const LIVE_KEYS = [
  "dmPolicy",
  "allowFrom",
  "adminJid",
  "defaultTo",
  "dms",
  "dmHistoryLimit",
  "markdown",
  "mediaMaxMb",
  "responsePrefix",
  "streaming",
  "textChunkLimit",
  "rooms",
  "mucRooms",
  "groups",
  "groupPolicy",
  "groupAllowFrom",
  "autoJoin",
  "roomOwnerBypass",
  "sharedSessions",
  "allowBots",
  "botLoopProtection",
  "contextVisibility",
  "implicitMentions",
  "mentionPatterns",
  "replyToMode",
  "replyToModeByChatType",
  "reactionNotifications",
  "reactionAllowlist",
  "ackReaction",
  "ackReactionScope",
  "removeAckAfterReply",
  "actions",
  "sendReadReceipts",
  "dynamicAgentCreation",
  "presence",
  "profile",
  "limits",
  "catchUp",
  "logLevel",
  "xml",
] as const;

/** For the host's reload rules: of these paths a change restarts nothing. */
export const LIVE_PREFIXES = LIVE_KEYS.flatMap((key) => [
  `channels.${CHANNEL_ID}.${key}`,
  `channels.${CHANNEL_ID}.accounts.*.${key}`,
]);

export type LiveConfig = {
  /** As it is now. An account with a problem lets nobody in. */
  read(): { cfg: OpenClawConfig; account: XmppAccount };
  /** Called each time the configuration was published anew. */
  onChange(listener: () => void): void;
  stop(): void;
};

const LOOK_EVERY_MS = 500;

export function watchConfig(params: {
  runtime: PluginRuntime;
  /** What `account` was read from. */
  cfg: OpenClawConfig;
  account: XmppAccount;
  log: Logger;
}): LiveConfig {
  const { runtime, log } = params;
  const listeners: (() => void)[] = [];
  const current = () => runtime.config.current() as OpenClawConfig;
  let { cfg, account } = params;

  function look(): void {
    // The host publishes another object for each change, and never changes one.
    const now = current();
    if (now === cfg) return;
    cfg = now;
    const next = resolveAccount(now, account.accountId);
    account = next.problems.length === 0 ? next : shut(next, account);
    if (next.problems.length > 0) {
      log.error(`nobody is answered until this is right: ${describeProblems(next.problems)}`);
    }
    for (const listener of listeners) {
      // One that fails must keep no other from what changed, nor a message from being decided by it.
      try {
        listener();
      } catch (error) {
        log.error(`a change of the configuration is not wholly in effect: ${messageOf(error)}`);
      }
    }
  }

  const timer = setInterval(look, LOOK_EVERY_MS);
  timer.unref();
  return {
    read() {
      // No message is decided by what was the configuration before.
      look();
      return { cfg, account };
    },
    onChange: (listener) => void listeners.push(listener),
    stop: () => clearInterval(timer),
  };
}

/** @returns calls `onChange` where a value says something else than the one before it */
export function onceChanged<T>(first: T, onChange: () => void): (next: T) => void {
  let last = JSON.stringify(first);
  return (next) => {
    const said = JSON.stringify(next);
    if (said === last) return;
    last = said;
    onChange();
  };
}

/** A half-read policy lets nobody in; the rooms stay as they were. */
function shut(broken: XmppAccount, before: XmppAccount): XmppAccount {
  return {
    ...broken,
    dmPolicy: "disabled",
    groupPolicy: "disabled",
    roomOwnerBypass: false,
    autoJoin: "off",
    roomsToJoin: before.roomsToJoin,
    rooms: before.rooms,
  };
}
