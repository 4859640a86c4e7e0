/** `openclaw channels add --channel xmpp …`: what was asked for is tried as a configuration, and written if it is one. */
import { isDeepStrictEqual } from "node:util";
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { defineChannelSetupContract } from "openclaw/plugin-sdk/channel-setup";
import { applyAccountNameToChannelSection } from "openclaw/plugin-sdk/setup";
import { DEFAULT_ACCOUNT_ID, normalizeAccountId } from "openclaw/plugin-sdk/account-core";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import type { BareJid } from "../protocol/jid.ts";
import { resolveAccount, type XmppAccount } from "./account.ts";
import { accountSetProblems } from "./account-set.ts";
import type { ConfigProblem } from "./account-problems.ts";
import { roomJid, writtenRoomJid } from "./account-rooms.ts";
import { readOwnEntry, writeAccount } from "./account-writing.ts";
import type { XmppAccountConfig } from "./config-schema.ts";
import { roomsLeft, withRoomEntries } from "./room-entries.ts";
import { KEY_OF, setupFields } from "./setup-fields.ts";
import { makeRoom, SINGLE_ACCOUNT } from "./single-account.ts";

type Fields = typeof setupFields;
type ValueOf<Field> = Field extends { choices: infer C extends readonly string[] }
  ? C[number]
  : Field extends { kind: "boolean" }
    ? boolean
    : Field extends { kind: "integer" }
      ? number
      : Field extends { kind: "string-list" }
        ? string[]
        : string;
export type SetupInput = { name?: string } & { [Key in keyof Fields]?: ValueOf<Fields[Key]> };

/** What was asked for in the configuration's own shape. */
function toConfig(input: SetupInput, before: XmppAccountConfig): XmppAccountConfig {
  const { name: _name, useEnv: _useEnv, requireMention: _entries, rooms, ...asked } = input;
  const config: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(asked)) {
    if (value === undefined) continue;
    // A password may begin or end with a space.
    const said = typeof value === "string" && field !== "password" ? value.trim() : value;
    const [key, part] = KEY_OF[field] ?? [field];
    const others = config[key] ?? before[key as keyof XmppAccountConfig];
    config[key] = part === undefined ? said : { ...(others as object | undefined), [part]: said };
  }
  return {
    ...config,
    ...(rooms && {
      // A room that was there keeps its nick and password.
      rooms: rooms.map(
        (jid) => before.rooms?.find((entry) => writtenRoomJid(entry) === jid) ?? jid,
      ),
    }),
  };
}

/**
 * The rooms that `input` is about: where only rooms with an entry are answered, and that is nothing new, those that
 * it names and those that have one; else all of the account's.
 */
function roomsToldOf(before: XmppAccount, after: XmppAccount, input: SetupInput): BareJid[] {
  const { rooms, roomSettings, groupPolicy } = after;
  const isNews = groupPolicy !== "allowlist" || before.groupPolicy !== "allowlist";
  const isIn = (room: BareJid) => isNews || Boolean(roomSettings[room] ?? roomSettings["*"]);
  const left = roomsLeftBy(before, input);
  const others = rooms.filter((room) => isIn(room) && !left.includes(room));
  return [...new Set([...roomsNamed(input), ...others])];
}

const roomsNamed = ({ rooms = [] }: SetupInput): BareJid[] =>
  rooms.flatMap((room) => roomJid(room) ?? []);

const roomsLeftBy = ({ config }: XmppAccount, input: SetupInput): BareJid[] =>
  input.rooms ? roomsLeft(config, roomsNamed(input)) : [];

/** What another source of the same thing would stand in the way of. */
function replacedBy(input: SetupInput): (keyof XmppAccountConfig)[] {
  if (input.useEnv) return ["jid", "domain", "password", "passwordFile", "server", "service"];
  return [
    ...(input.password === undefined ? [] : (["passwordFile"] as const)),
    ...(input.passwordFile === undefined ? [] : (["password"] as const)),
    ...(input.server === undefined ? [] : (["service"] as const)),
    ...(input.jid?.includes("@") ? (["domain"] as const) : []),
  ];
}

/** The configuration with the account as it was asked for. */
export function applySetup(
  cfg: OpenClawConfig,
  accountId: string,
  input: SetupInput,
): OpenClawConfig {
  const before = readOwnEntry(cfg, accountId);
  const named = applyAccountNameToChannelSection({
    cfg,
    channelKey: CHANNEL_ID,
    accountId,
    ...(input.name === undefined ? {} : { name: input.name }),
  });
  const values = { enabled: true, ...toConfig(input, before) };
  const written = writeAccount(named, accountId, values, replacedBy(input));
  const { requireMention } = input;
  if (!input.rooms && !input.groupPolicy && requireMention === undefined) return written;
  const was = resolveAccount(cfg, accountId);
  const account = resolveAccount(written, accountId);
  const { groupPolicy } = account;
  const rooms = roomsToldOf(was, account, input);
  const left = roomsLeftBy(was, input);
  const mucRooms = withRoomEntries({ rooms, left, groupPolicy, requireMention }, was.config);
  const isNews = !isDeepStrictEqual(mucRooms, was.config.mucRooms ?? {});
  return isNews ? writeAccount(written, accountId, { mucRooms }) : written;
}

/** What is wrong with the input, and what would be right; null when it can be saved. */
export function validateSetup(
  written: OpenClawConfig,
  requestedId: string,
  input: SetupInput,
): string | null {
  const accountId = normalizeAccountId(requestedId);
  if (input.useEnv && accountId !== DEFAULT_ACCOUNT_ID) {
    return `--use-env is for the account "${DEFAULT_ACCOUNT_ID}" only; give "${accountId}" --jid and --password or --password-file.`;
  }
  if (input.password !== undefined && input.passwordFile !== undefined) {
    return "--password and --password-file are both there; give one of them.";
  }
  // The host itself asks for the variables, before it writes anything.
  if (input.useEnv && !(process.env.XMPP_JID?.trim() && process.env.XMPP_PASSWORD?.trim())) {
    return null;
  }
  // The host asks first, and makes room then.
  const cfg = makeRoom(written, accountId);
  const candidate = applySetup(cfg, accountId, input);
  const account = resolveAccount(candidate, accountId);
  const told = roomsToldOf(resolveAccount(cfg, accountId), account, input);
  if (input.requireMention !== undefined && told.length === 0) {
    return "--require-mention: there is no room that it would be about; name them with --rooms.";
  }
  // A reference that only the Gateway can resolve is as good as a password.
  const isElsewhere =
    account.passwordSource === "config" && account.tokenStatus === "configured_unavailable";
  const known = new Set(accountSetProblems(cfg).map(({ path }) => path));
  const set = accountSetProblems(candidate).filter(({ path }) => !known.has(path));
  const problems = [...account.problems, ...set].filter(
    ({ path }) => !(isElsewhere && path.endsWith(".password")),
  );
  return problems.length === 0 ? null : problems.map(describe).join("\n");
}

/** The flag that writes a key. */
const FLAGS: ReadonlyMap<string, string> = new Map(
  Object.entries(setupFields).map(([field, { cli }]) => [
    KEY_OF[field]?.join(".") ?? field,
    cli.flags.split(" ")[0] ?? "",
  ]),
);

function describe({ path, problem }: ConfigProblem): string {
  const key = path.replace(/^channels\.xmpp\.(?:accounts\.[^.]+\.)?/, "");
  const flag = FLAGS.get(key);
  if (key === "jid" && problem.startsWith("missing")) {
    return "XMPP needs --jid <user@domain> (or --use-env).";
  }
  if (key === "password" && problem.startsWith("no password")) {
    return "XMPP needs --password or --password-file (or --use-env).";
  }
  return `${flag ?? path}: ${problem}.`;
}

export const setupContract = defineChannelSetupContract({
  fields: setupFields,
  adapter: {
    ...SINGLE_ACCOUNT,
    resolveAccountId: ({ accountId }) => normalizeAccountId(accountId),
    applyAccountName: ({ cfg, accountId, name }) =>
      applyAccountNameToChannelSection({
        cfg,
        channelKey: CHANNEL_ID,
        accountId,
        ...(name === undefined ? {} : { name }),
      }),
    validateInput: ({ cfg, accountId, input }) => validateSetup(cfg, accountId, input),
    applyAccountConfig: ({ cfg, accountId, input }) => applySetup(cfg, accountId, input),
  },
});
