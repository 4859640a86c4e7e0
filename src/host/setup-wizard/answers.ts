/** What the questions yield, and how that becomes configuration. */
import {
  patchScopedAccountConfig,
  type OpenClawConfig,
  type SecretInput,
} from "openclaw/plugin-sdk/setup";
import type { BareJid } from "../../protocol/jid.ts";
import { CHANNEL_ID } from "../../policy/account-policy.ts";
import { resolveAccount } from "../account.ts";
import { roomJid, writtenRoomJid } from "../account-rooms.ts";
import type { XmppAccountConfig } from "../config-schema.ts";
import { roomsLeft, withRoomEntries } from "../room-entries.ts";

export type PasswordAnswer =
  /** Text, or a reference to where the host finds it. */
  | { kind: "value"; value: SecretInput; resolved: string }
  | { kind: "file"; path: string; resolved: string }
  /** Stays as it is, or comes from XMPP_PASSWORD; `resolved` is undefined where it cannot be read. */
  | { kind: "keep"; resolved: string | undefined };

/** `password`: of one that asks for it. */
export type RoomAnswer = { jid: BareJid; password?: string | undefined };

export type AccessAnswers = {
  dmPolicy: NonNullable<XmppAccountConfig["dmPolicy"]>;
  allowFrom: string[];
  groupPolicy: NonNullable<XmppAccountConfig["groupPolicy"]>;
  groupAllowFrom: string[];
  /** Of the rooms chosen; undefined: not asked. */
  requireMention: boolean | undefined;
};

export type Answers = AccessAnswers & {
  /** undefined: XMPP_JID says it. */
  jid: string | undefined;
  password: PasswordAnswer;
  /** undefined: found by DNS, or said by XMPP_SERVER. */
  server: string | undefined;
  caFile: string | undefined;
  rooms: RoomAnswer[];
};

/**
 * The configuration with the answers in it; the one given is left alone. What stays as it was is not
 * written.
 * @param base as `makeRoom` gave it
 */
export function applyAnswers(
  base: OpenClawConfig,
  accountId: string,
  answers: Answers,
): OpenClawConfig {
  const before = resolveAccount(base, accountId).config;
  const rooms = answers.rooms.map(({ jid }) => jid);
  const { groupPolicy, requireMention } = answers;
  const told = { rooms, left: roomsLeft(before, rooms), groupPolicy, requireMention };
  const patch: Partial<XmppAccountConfig> = {
    jid: answers.jid,
    server: answers.server,
    rooms: answers.rooms.map((room) => roomEntry(room, before.rooms)),
    dmPolicy: answers.dmPolicy,
    allowFrom: answers.allowFrom,
    groupPolicy,
    groupAllowFrom: answers.groupAllowFrom,
    mucRooms: withRoomEntries(told, before),
    ...passwordKeys(answers.password),
  };
  if (answers.caFile !== before.tls?.caFile) patch.tls = { ...before.tls, caFile: answers.caFile };
  const keys = (Object.keys(patch) as (keyof XmppAccountConfig)[]).filter(
    (key) => JSON.stringify(patch[key]) !== JSON.stringify(before[key]),
  );
  // A key that is empty now, and was not there before, need not be written; one that was has to go.
  const written = keys.filter(
    (key) =>
      !isEmpty(patch[key]) || (patch[key] !== undefined && isInherited(base, accountId, key)),
  );
  return patchScopedAccountConfig({
    cfg: base,
    channelKey: CHANNEL_ID,
    accountId,
    patch: Object.fromEntries(written.map((key) => [key, patch[key]])),
    clearFields: keys.filter((key) => isEmpty(patch[key])),
    scopeDefaultToAccounts: hasOwnEntry(base, accountId),
  });
}

const isEmpty = (value: unknown): boolean =>
  value === undefined || (typeof value === "object" && Object.keys(value ?? {}).length === 0);

/** A list or map that the root fills is emptied by an empty one of the account's own. */
function isInherited(
  cfg: OpenClawConfig,
  accountId: string,
  key: keyof XmppAccountConfig,
): boolean {
  const root = (cfg.channels?.[CHANNEL_ID] ?? {}) as XmppAccountConfig;
  const isOwn = accountId !== "default" || hasOwnEntry(cfg, accountId);
  return isOwn && !isEmpty(root[key]);
}

function hasOwnEntry(cfg: OpenClawConfig, accountId: string): boolean {
  const section = (cfg.channels?.[CHANNEL_ID] ?? {}) as { accounts?: Record<string, unknown> };
  return section.accounts?.[accountId] !== undefined;
}

/** One source of the password, and no other beside it. */
function passwordKeys(answer: PasswordAnswer): Partial<XmppAccountConfig> {
  switch (answer.kind) {
    case "value":
      return {
        password: answer.value as XmppAccountConfig["password"],
        passwordFile: undefined,
      };
    case "file":
      return { password: undefined, passwordFile: answer.path };
    case "keep":
      return {};
  }
}

type WrittenRooms = NonNullable<XmppAccountConfig["rooms"]>;

/** A room that was there keeps its nick, and its password unless it has another now. */
function roomEntry(room: RoomAnswer, before: WrittenRooms | undefined): WrittenRooms[number] {
  const was = before?.find((entry) => roomJid(writtenRoomJid(entry)) === room.jid);
  if (room.password === undefined) return was ?? room.jid;
  return { ...(typeof was === "object" ? was : {}), jid: room.jid, password: room.password };
}
