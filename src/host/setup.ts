/**
 * `openclaw channels add --channel xmpp …` and the wizard's shared fields. The package metadata
 * (`openclaw.channel.setup.fields`) mirrors `setupFields`; a contract test compares the two.
 */
import { defineChannelSetupContract } from "openclaw/plugin-sdk/channel-setup";
import {
  applyAccountNameToChannelSection,
  patchScopedAccountConfig,
  type ChannelSetupAdapter,
} from "openclaw/plugin-sdk/setup";
import { normalizeAccountId } from "openclaw/plugin-sdk/account-core";
import { parseServer } from "../client/endpoint.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { parseAccountJid } from "./account-address.ts";
import { roomJid } from "./account-rooms.ts";
import { SETUP_KEYS } from "./config-schema.ts";

export const setupFields = {
  jid: {
    kind: "string",
    cli: { flags: "--jid <jid>", description: "The agent's XMPP account, e.g. bot@example.com" },
  },
  password: {
    kind: "string",
    sensitive: true,
    cli: { flags: "--password <password>", description: "Password of that account" },
  },
  passwordFile: {
    kind: "string",
    cli: { flags: "--password-file <path>", description: "File that holds the password" },
  },
  server: {
    kind: "string",
    cli: {
      flags: "--server <address>",
      description: "host[:port], xmpp://, xmpps:// or wss:// address (default: DNS SRV)",
    },
  },
  resource: {
    kind: "string",
    cli: { flags: "--resource <resource>", description: "XMPP resource (default: openclaw)" },
  },
  nick: {
    kind: "string",
    cli: { flags: "--nick <nick>", description: "Nick in rooms (default: user part of the JID)" },
  },
  rooms: {
    kind: "string-list",
    cli: { flags: "--rooms <jids>", description: "Rooms to join, separated by commas" },
  },
  useEnv: {
    kind: "boolean",
    cli: { flags: "--use-env", description: "Use XMPP_JID, XMPP_PASSWORD and XMPP_SERVER" },
    envVars: ["XMPP_JID", "XMPP_PASSWORD"],
  },
} as const;

type SetupInput = {
  name?: string;
  jid?: string;
  password?: string;
  passwordFile?: string;
  server?: string;
  resource?: string;
  nick?: string;
  rooms?: string[];
  useEnv?: boolean;
};

/** What is wrong with the input, in one sentence; null when it can be saved. */
function validateInput(input: SetupInput): string | null {
  const jid = input.jid?.trim();
  if (!jid && !input.useEnv) return "XMPP needs --jid <user@domain> (or --use-env).";
  const parsed = jid ? parseAccountJid(jid) : undefined;
  if (parsed && "problem" in parsed) return `--jid: ${parsed.problem}.`;
  if (!input.useEnv && !input.password && !input.passwordFile) {
    return "XMPP needs --password or --password-file (or --use-env).";
  }
  const server = parseServer(input.server, parsed?.domain ?? "localhost");
  if ("problem" in server) return `--server: ${server.problem}`;
  const badRoom = input.rooms?.find((room) => !roomJid(room));
  return badRoom ? `--rooms: "${badRoom}" should look like team@conference.example.com.` : null;
}

const setupAdapter: ChannelSetupAdapter = {
  singleAccountKeysToMove: [...SETUP_KEYS],
  resolveAccountId: ({ accountId }) => normalizeAccountId(accountId),
  applyAccountName: ({ cfg, accountId, name }) =>
    applyAccountNameToChannelSection({
      cfg,
      channelKey: CHANNEL_ID,
      accountId,
      ...(name === undefined ? {} : { name }),
    }),
  validateInput: ({ input }) => validateInput(input as SetupInput),
  applyAccountConfig: ({ cfg, accountId, input }) => {
    const { name, jid, password, passwordFile, server, resource, nick, rooms } =
      input as SetupInput;
    const patch = {
      enabled: true,
      jid: jid?.trim(),
      password,
      passwordFile: passwordFile?.trim(),
      server: server?.trim(),
      resource: resource?.trim(),
      nick: nick?.trim(),
      rooms,
    };
    return patchScopedAccountConfig({
      cfg: applyAccountNameToChannelSection({
        cfg,
        channelKey: CHANNEL_ID,
        accountId,
        ...(name === undefined ? {} : { name }),
      }),
      channelKey: CHANNEL_ID,
      accountId,
      patch: Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined)),
    });
  },
};

export const setupContract = defineChannelSetupContract({
  fields: setupFields,
  legacyAdapter: setupAdapter,
});
