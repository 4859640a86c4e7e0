/** The channel plugin, assembled from its adapters. No logic of its own. */
import { createChatChannelPlugin } from "openclaw/plugin-sdk/channel-core";
import { createScopedChannelConfigAdapter } from "openclaw/plugin-sdk/channel-config-helpers";
import { createLazyRuntimeModule } from "openclaw/plugin-sdk/lazy-runtime";
import { PAIRING_APPROVED_MESSAGE } from "openclaw/plugin-sdk/channel-status";
import {
  hasEnvironmentAccount,
  listAccountIds,
  resolveAccount,
  resolveDefaultAccountId,
  type XmppAccount,
} from "./host/account.ts";
import { describeProblems } from "./host/account-problems.ts";
import { actions } from "./host/actions.ts";
import { agentPrompt } from "./host/agent-prompt.ts";
import { approvalCapability, shouldSuppressLocalPayloadPrompt } from "./host/approvals.ts";
import { OWN_KEYS, xmppChannelConfigSchema } from "./host/config-schema.ts";
import { directory } from "./host/directory.ts";
import { runAccount } from "./host/gateway.ts";
import { doctor } from "./host/doctor.ts";
import { heartbeat } from "./host/heartbeat.ts";
import { groups } from "./host/groups.ts";
import { LIVE_PREFIXES } from "./host/live-config.ts";
import { requireLiveAccount } from "./host/live-accounts.ts";
import { messageAdapter } from "./host/message-adapter.ts";
import { messaging } from "./host/messaging.ts";
import { meta } from "./host/meta.ts";
import { resolver } from "./host/resolver.ts";
import { channelSecrets } from "./host/secret-contract.ts";
import { security } from "./host/security.ts";
import { setupContract } from "./host/setup.ts";
import { setupWizard } from "./host/setup-wizard.ts";
import { announceForwardedApproval, noteForwardedApproval } from "./host/forwarded-approvals.ts";
import { presentationCapabilities, renderPresentation } from "./host/presentation.ts";
import { publicFacts, status, type XmppProbe } from "./host/status.ts";
import { threading } from "./host/threading.ts";
import { CHANNEL_ID, DEFAULT_TEXT_CHUNK_LIMIT } from "./policy/account-policy.ts";
import { normalizeAllowEntry } from "./policy/allowlist.ts";
import { bareJid } from "./protocol/jid.ts";

const loadPoll = createLazyRuntimeModule(() => import("./host/poll.ts"));

export const xmppPlugin = createChatChannelPlugin<XmppAccount, XmppProbe>({
  base: {
    id: CHANNEL_ID,
    meta,
    capabilities: {
      chatTypes: ["direct", "group"],
      media: true,
      reactions: true,
      edit: true,
      unsend: true,
      reply: true,
      blockStreaming: true,
    },
    reload: {
      configPrefixes: [`channels.${CHANNEL_ID}`],
      noopPrefixes: LIVE_PREFIXES,
      accountScopedRestart: true,
    },
    configSchema: xmppChannelConfigSchema,
    setupContract,
    setupWizard,
    config: {
      ...createScopedChannelConfigAdapter<XmppAccount>({
        sectionKey: CHANNEL_ID,
        listAccountIds,
        resolveAccount,
        defaultAccountId: resolveDefaultAccountId,
        clearBaseFields: OWN_KEYS,
        resolveAllowFrom: (account) => account.allowFrom,
        formatAllowFrom: (entries) =>
          entries.map((entry) => normalizeAllowEntry(String(entry))).filter(Boolean),
        resolveDefaultTo: (account) => account.config.defaultTo,
      }),
      hasConfiguredState: ({ env }) => hasEnvironmentAccount(env),
      isEnabled: (account) => account.enabled,
      isConfigured: (account) => account.configured,
      unconfiguredReason: (account) => describeProblems(account.problems),
      describeAccount: (account) => ({
        accountId: account.accountId,
        ...(account.name ? { name: account.name } : {}),
        enabled: account.enabled,
        configured: account.configured,
        ...publicFacts(account),
      }),
    },
    secrets: channelSecrets,
    doctor,
    groups,
    messaging,
    message: messageAdapter,
    actions,
    agentPrompt,
    approvalCapability,
    heartbeat,
    directory,
    resolver,
    status,
    gateway: { startAccount: runAccount },
  },
  security,
  threading,
  pairing: {
    text: {
      idLabel: "jid",
      message: PAIRING_APPROVED_MESSAGE,
      normalizeAllowEntry,
      notify: async ({ cfg, id, accountId }) => {
        const { pairing } = requireLiveAccount(resolveAccount(cfg, accountId));
        const jid = bareJid(id);
        if (jid) await pairing.tell(jid);
      },
    },
  },
  outbound: {
    // The Gateway's live session sends; a CLI process of its own would be a second login.
    base: {
      deliveryMode: "gateway",
      chunker: null,
      textChunkLimit: DEFAULT_TEXT_CHUNK_LIMIT,
      shouldSuppressLocalPayloadPrompt,
      presentationCapabilities,
      renderPresentation,
      beforeDeliverPayload: announceForwardedApproval,
      afterDeliverPayload: noteForwardedApproval,
    },
    attachedResults: {
      channel: CHANNEL_ID,
      sendText: ({ onDeliveryResult: _unused, ...ctx }) => messageAdapter.send.text(ctx),
      sendMedia: ({ onDeliveryResult: _unused, mediaUrl, ...ctx }) =>
        messageAdapter.send.media({ ...ctx, mediaUrl: mediaUrl ?? "" }),
      sendPoll: async (ctx) => (await loadPoll()).sendPoll(ctx),
    },
  },
});
