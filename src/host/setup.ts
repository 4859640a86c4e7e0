/** `openclaw channels add --channel xmpp …`: what was asked for is tried as a configuration, and written if it is one. */
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { defineChannelSetupContract } from "openclaw/plugin-sdk/channel-setup";
import { applyAccountNameToChannelSection } from "openclaw/plugin-sdk/setup";
import { DEFAULT_ACCOUNT_ID, normalizeAccountId } from "openclaw/plugin-sdk/account-core";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { resolveAccount } from "./account.ts";
import { accountSetProblems } from "./account-set.ts";
import type { ConfigProblem } from "./account-problems.ts";
import { writtenRoomJid } from "./account-rooms.ts";
import { readOwnEntry, writeAccount } from "./account-writing.ts";
import { ACCOUNT_KEYS, type XmppAccountConfig } from "./config-schema.ts";
import { setupFields } from "./setup-fields.ts";

type Fields = typeof setupFields;
type ValueOf<Field> = Field extends { choices: infer C extends readonly string[] }
  ? C[number]
  : Field extends { kind: "boolean" }
    ? boolean
    : Field extends { kind: "string-list" }
      ? string[]
      : string;
export type SetupInput = { name?: string } & { [Key in keyof Fields]?: ValueOf<Fields[Key]> };

/** Of which flag a key is, where the two have different names. */
const NESTED: Readonly<Record<string, string>> = {
  "tls.caFile": "caFile",
  "sasl.allowPlain": "allowPlain",
  "sasl.channelBinding": "channelBinding",
};

/** What was asked for in the configuration's own shape; what is undefined was not asked for. */
function toConfig(input: SetupInput, before: XmppAccountConfig): XmppAccountConfig {
  const {
    name: _name,
    useEnv: _useEnv,
    caFile,
    allowPlain,
    channelBinding,
    rooms,
    ...plain
  } = input;
  const trimmed = Object.entries({ ...plain, caFile }).map(([key, value]) => [
    key,
    // A password may begin or end with a space.
    typeof value === "string" && key !== "password" ? value.trim() : value,
  ]);
  const { caFile: authority, ...written } = Object.fromEntries(trimmed) as typeof plain & {
    caFile?: string;
  };
  const sasl = {
    ...before.sasl,
    ...(allowPlain === undefined ? {} : { allowPlain }),
    ...(channelBinding === undefined ? {} : { channelBinding }),
  };
  return {
    ...written,
    ...(authority === undefined ? {} : { tls: { ...before.tls, caFile: authority } }),
    ...(allowPlain === undefined && channelBinding === undefined ? {} : { sasl }),
    ...(rooms && {
      // A room that was there keeps its nick and password.
      rooms: rooms.map(
        (jid) => before.rooms?.find((entry) => writtenRoomJid(entry) === jid) ?? jid,
      ),
    }),
  };
}

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
  return writeAccount(
    named,
    accountId,
    { enabled: true, ...toConfig(input, before) },
    replacedBy(input),
  );
}

/** What is wrong with the input, and what would be right; null when it can be saved. */
export function validateSetup(
  cfg: OpenClawConfig,
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
  const candidate = applySetup(cfg, accountId, input);
  const account = resolveAccount(candidate, accountId);
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

const FLAGS: ReadonlyMap<string, string> = new Map(
  Object.entries(setupFields).map(([key, { cli }]) => [key, cli.flags.split(" ")[0] ?? ""]),
);

function describe({ path, problem }: ConfigProblem): string {
  const key = path.replace(/^channels\.xmpp\.(?:accounts\.[^.]+\.)?/, "");
  const flag = FLAGS.get(NESTED[key] ?? key);
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
    // A second account makes the first one `accounts.default`, whole: what it may do is not the second's.
    singleAccountKeysToMove: ACCOUNT_KEYS,
    // Where there are accounts already, the root is what they inherit, and stays (in `doctor --fix`, too).
    namedAccountPromotionKeys: [],
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
