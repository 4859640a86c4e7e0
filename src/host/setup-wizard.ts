/** The questions of `openclaw onboard` and `openclaw channels add`: account, server, rooms, who may write. */
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import {
  createStandardChannelSetupStatus,
  createTopLevelChannelDmPolicySetter,
  patchScopedAccountConfig,
  setSetupChannelEnabled,
  type ChannelSetupWizard,
} from "openclaw/plugin-sdk/setup";
import { parseServer } from "../client/endpoint.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { hasEnvironmentAccount, resolveAccount } from "./account.ts";
import { parseAccountJid } from "./account-address.ts";
import { roomJid, writtenRoomJid } from "./account-rooms.ts";

const setDmPolicy = createTopLevelChannelDmPolicySetter({ channel: CHANNEL_ID });

function patch(cfg: OpenClawConfig, accountId: string, values: Record<string, unknown>) {
  return patchScopedAccountConfig({
    cfg,
    channelKey: CHANNEL_ID,
    accountId,
    patch: { enabled: true, ...values },
  });
}

function splitList(text: string): string[] {
  return text.split(/[\s,;]+/).filter(Boolean);
}

/** The sentence of a refusal, as the wizard shows it. */
function problemOf(parsed: object): string | undefined {
  return "problem" in parsed ? String(parsed.problem) : undefined;
}

export const setupWizard: ChannelSetupWizard = {
  channel: CHANNEL_ID,
  status: createStandardChannelSetupStatus({
    channelLabel: "XMPP",
    configuredLabel: "configured",
    unconfiguredLabel: "needs JID and password",
    configuredHint: "configured",
    unconfiguredHint: "needs JID and password",
    configuredScore: 1,
    unconfiguredScore: 0,
    includeStatusLine: true,
    resolveConfigured: ({ cfg, accountId }) => resolveAccount(cfg, accountId).configured,
  }),
  introNote: {
    title: "XMPP",
    lines: [
      "The agent needs an XMPP account of its own, on any server.",
      "Prosody: prosodyctl adduser bot@example.com · ejabberd: ejabberdctl register bot example.com PASSWORD",
      "Without a server address, DNS (SRV) finds it.",
    ],
    shouldShow: ({ cfg, accountId }) => !resolveAccount(cfg, accountId).configured,
  },
  envShortcut: {
    prompt: "XMPP_JID and XMPP_PASSWORD are set. Use them?",
    preferredEnvVar: "XMPP_JID",
    isAvailable: ({ cfg, accountId }) =>
      accountId === "default" &&
      hasEnvironmentAccount() &&
      !resolveAccount(cfg, accountId).config.jid,
    apply: ({ cfg, accountId }) => patch(cfg, accountId, {}),
  },
  stepOrder: "text-first",
  credentials: [
    {
      inputKey: "password",
      providerHint: CHANNEL_ID,
      credentialLabel: "XMPP password",
      preferredEnvVar: "XMPP_PASSWORD",
      envPrompt: "XMPP_PASSWORD is set. Use it?",
      keepPrompt: "Keep the configured XMPP password?",
      inputPrompt: "Password of the agent's XMPP account",
      allowEnv: ({ accountId }) => accountId === "default",
      inspect: ({ cfg, accountId }) => {
        const account = resolveAccount(cfg, accountId);
        const env = process.env.XMPP_PASSWORD?.trim();
        return {
          accountConfigured: account.configured,
          hasConfiguredValue:
            account.passwordSource === "config" || account.passwordSource === "passwordFile",
          ...(account.password ? { resolvedValue: account.password } : {}),
          ...(env ? { envValue: env } : {}),
        };
      },
      applySet: ({ cfg, accountId, value }) => patch(cfg, accountId, { password: value }),
    },
  ],
  textInputs: [
    {
      inputKey: "jid",
      message: "JID of the agent's account",
      placeholder: "bot@example.com",
      currentValue: ({ cfg, accountId }) => resolveAccount(cfg, accountId).jid,
      validate: ({ value }) => problemOf(parseAccountJid(value.trim())),
      normalizeValue: ({ value }) => {
        const jid = parseAccountJid(value.trim());
        return "problem" in jid ? value : jid.bare;
      },
      applySet: ({ cfg, accountId, value }) => patch(cfg, accountId, { jid: value }),
    },
    {
      inputKey: "server",
      message: "Server address (empty: found by DNS)",
      placeholder: "chat.example.com, xmpps://… or wss://…",
      required: false,
      currentValue: ({ cfg, accountId }) => resolveAccount(cfg, accountId).serverText,
      validate: ({ value }) => problemOf(parseServer(value, "localhost")),
      applySet: ({ cfg, accountId, value }) => patch(cfg, accountId, { server: value.trim() }),
    },
    {
      inputKey: "rooms",
      message: "Rooms to join (comma separated, empty: none)",
      placeholder: "team@conference.example.com",
      required: false,
      currentValue: ({ cfg, accountId }) =>
        resolveAccount(cfg, accountId).config.rooms?.map(writtenRoomJid).join(", "),
      validate: ({ value }) => {
        const bad = splitList(value).find((room) => !roomJid(room));
        return bad ? `"${bad}" should look like team@conference.example.com` : undefined;
      },
      applySet: ({ cfg, accountId, value }) => {
        const before = resolveAccount(cfg, accountId).config.rooms ?? [];
        // A room that was there keeps its nick and password.
        const rooms = splitList(value).map(
          (jid) => before.find((entry) => writtenRoomJid(entry) === jid) ?? jid,
        );
        return patch(cfg, accountId, { rooms });
      },
    },
  ],
  dmPolicy: {
    label: "XMPP",
    channel: CHANNEL_ID,
    policyKey: `channels.${CHANNEL_ID}.dmPolicy`,
    allowFromKey: `channels.${CHANNEL_ID}.allowFrom`,
    getCurrent: (cfg) => resolveAccount(cfg).dmPolicy,
    setPolicy: (cfg, policy) => setDmPolicy(cfg, policy),
  },
  completionNote: {
    title: "Next",
    lines: [
      "openclaw gateway restart",
      "openclaw channels status --probe",
      "Write to the agent; then: openclaw pairing approve xmpp CODE",
    ],
  },
  disable: (cfg) => setSetupChannelEnabled(cfg, CHANNEL_ID, false),
};
