/**
 * `channels.xmpp` as one zod schema. The manifest's JSON schema is generated from it
 * (`npm run manifest`), and a contract test fails when the two differ.
 *
 * Types and key names are checked here; what a value means (is this a JID?) is checked by
 * `resolveAccount`, which can name the key and leave every other account and channel running.
 */
import {
  ChannelBotLoopProtectionSchema,
  ChannelImplicitMentionsSchema,
  ChannelPreviewStreamingConfigSchema,
  DmPolicySchema,
  ChannelSendReadReceiptsSchema,
  GroupPolicySchema,
  buildChannelAccountSchemaParts,
  buildChannelAllowBotsSchema,
  buildChannelConfigSchema,
  buildChannelReactionShape,
  buildGroupEntrySchema,
  buildMultiAccountChannelSchema,
} from "openclaw/plugin-sdk/channel-config-schema";
import { buildSecretInputSchema } from "openclaw/plugin-sdk/secret-input";
import { z } from "zod";
import { LOG_LEVELS } from "./account-log.ts";
import { xmppConfigUiHints } from "./config-ui-hints.ts";

export const DEFAULT_RESOURCE = "openclaw";
export const DEFAULT_DM_POLICY = "pairing";
export const DEFAULT_GROUP_POLICY = "open";
export const DEFAULT_AUTO_JOIN = "allowlist";

const JidListSchema = z.array(z.string());

/** A room to join: its JID, or the JID with how to enter. */
const RoomToJoinSchema = z.union([
  z.string(),
  z
    .object({
      jid: z.string(),
      nick: z.string().optional(),
      password: buildSecretInputSchema().optional(),
    })
    .strict(),
]);

/** One room, under `mucRooms` (seed name) or `groups` (host name); `users` and `allowFrom` are one list. */
const RoomEntrySchema = buildGroupEntrySchema({
  users: JidListSchema.optional(),
  replyWithNick: z.boolean().optional(),
  streaming: ChannelPreviewStreamingConfigSchema.pick({ mode: true }).optional(),
});
const RoomMapSchema = z.record(z.string(), RoomEntrySchema);

const CountSchema = z.number().int().positive();

const CatchUpSchema = z
  .object({
    enabled: z.boolean().optional(),
    maxAgeMinutes: CountSchema.optional(),
    maxMessages: CountSchema.optional(),
  })
  .strict();

const LimitsSchema = z
  .object({
    turnsPerMinute: CountSchema.optional(),
    commandsPerMinute: CountSchema.optional(),
    pairingsPerMinute: CountSchema.optional(),
    queueSize: CountSchema.optional(),
    queueTotal: CountSchema.optional(),
    queueMegabytes: CountSchema.optional(),
    queueMaxAgeMinutes: CountSchema.optional(),
    offlineMessages: CountSchema.optional(),
    offlineMinutes: CountSchema.optional(),
    sendsPerSecond: CountSchema.optional(),
  })
  .strict();

const SaslSchema = z
  .object({
    allowPlain: z.boolean().optional(),
    channelBinding: z.enum(["auto", "require", "off"]).optional(),
    downgradeProtection: z.enum(["on", "off"]).optional(),
  })
  .strict();

const ProfileSchema = z
  .object({
    publish: z.boolean().optional(),
    name: z.string().max(256).optional(),
    avatar: z.string().optional(),
    note: z.string().max(4000).optional(),
    url: z.string().max(2000).optional(),
  })
  .strict();

const DynamicAgentsSchema = z
  .object({
    enabled: z.boolean().optional(),
    workspaceTemplate: z.string().optional(),
    agentDirTemplate: z.string().optional(),
    maxAgents: CountSchema.optional(),
  })
  .strict();

const StatusTextSchema = z.string().max(500);

const PresenceSchema = z
  .object({
    follow: z.boolean().optional(),
    available: StatusTextSchema.optional(),
    busy: StatusTextSchema.optional(),
    away: StatusTextSchema.optional(),
    busyShow: z.enum(["dnd", "away", "xa", "chat", "online"]).optional(),
    busyAfterSeconds: z.number().min(1).max(3600).optional(),
    minSeconds: z.number().min(5).max(3600).optional(),
  })
  .strict();

const ReplyToModeSchema = z.enum(["off", "first", "all", "batched"]);
const ReplyToModesSchema = z
  .object({ direct: ReplyToModeSchema.optional(), group: ReplyToModeSchema.optional() })
  .strict();
const AckReactionScopeSchema = z.enum([
  "all",
  "direct",
  "group-all",
  "group-mentions",
  "off",
  "none",
]);

/** What the agent may do by the host's message tool; see action-gates.ts. */
const ActionsSchema = z
  .object({
    messages: z.boolean().optional(),
    reactions: z.boolean().optional(),
    memberInfo: z.boolean().optional(),
    channelInfo: z.boolean().optional(),
    moderation: z.boolean().optional(),
    addParticipant: z.boolean().optional(),
    renameGroup: z.boolean().optional(),
    leaveGroup: z.boolean().optional(),
    polls: z.boolean().optional(),
    presence: z.boolean().optional(),
    profile: z.boolean().optional(),
  })
  .strict();

/** The host's own keys of channels that ask for approvals themselves. */
const ExecApprovalsSchema = z
  .object({
    enabled: z.union([z.boolean(), z.literal("auto")]).optional(),
    approvers: JidListSchema.optional(),
    target: z.enum(["dm", "channel", "both"]).optional(),
    agentFilter: z.array(z.string()).optional(),
    sessionFilter: z.array(z.string()).optional(),
  })
  .strict();

const { accountShape } = buildChannelAccountSchemaParts();

const XmppAccountSchema = z
  .object({
    ...accountShape,
    /** The host's `streaming` for channels that show an answer while it grows. */
    streaming: ChannelPreviewStreamingConfigSchema.optional(),
    dmPolicy: DmPolicySchema.optional(),
    groupPolicy: GroupPolicySchema.optional(),
    jid: z.string().optional(),
    password: buildSecretInputSchema().optional(),
    passwordFile: z.string().optional(),
    server: z.string().optional(),
    resource: z.string().optional(),
    nick: z.string().optional(),
    profile: ProfileSchema.optional(),
    rooms: z.array(RoomToJoinSchema).optional(),
    autoJoin: z.enum(["off", "allowlist", "always"]).optional(),
    bookmarks: z.enum(["off", "read", "sync"]).optional(),
    allowBots: buildChannelAllowBotsSchema({ allowMentions: true }),
    botLoopProtection: ChannelBotLoopProtectionSchema.optional(),
    implicitMentions: ChannelImplicitMentionsSchema.optional(),
    replyToModeByChatType: ReplyToModesSchema.optional(),
    sendReadReceipts: ChannelSendReadReceiptsSchema,
    ...buildChannelReactionShape({
      notificationModes: ["off", "own", "all", "allowlist"],
      reactionAllowlist: true,
      ackReaction: z.string().optional(),
    }),
    ackReactionScope: AckReactionScopeSchema.optional(),
    removeAckAfterReply: z.boolean().optional(),
    actions: ActionsSchema.optional(),
    execApprovals: ExecApprovalsSchema.optional(),
    roomOwnerBypass: z.boolean().optional(),
    sharedSessions: z.enum(["off", "identified"]).optional(),
    catchUp: CatchUpSchema.optional(),
    limits: LimitsSchema.optional(),
    dynamicAgentCreation: DynamicAgentsSchema.optional(),
    presence: PresenceSchema.optional(),
    logLevel: z.enum(LOG_LEVELS).optional(),
    mucRooms: RoomMapSchema.optional(),
    groups: RoomMapSchema.optional(),
    tls: z.object({ caFile: z.string().optional() }).strict().optional(),
    sasl: SaslSchema.optional(),
    dangerouslyAllowPlaintext: z.boolean().optional(),
    xml: z.boolean().optional(),
    /** Older spellings, read by `resolveAccount`: see docs/configuration.md. */
    service: z.string().optional(),
    domain: z.string().optional(),
    adminJid: z.union([z.string(), JidListSchema]).optional(),
    dataDir: z.string().optional(),
  })
  .strict();

export const XmppConfigSchema = buildMultiAccountChannelSchema(XmppAccountSchema, {
  optionalAccount: true,
});

/** One account's keys after inheritance from the channel's root. */
export type XmppAccountConfig = z.infer<typeof XmppAccountSchema>;

/** What an account has for itself; the rest of the root is what the other accounts inherit. */
export const OWN_KEYS = ["name", "jid", "password", "passwordFile"];

/** The keys of one account, but for its switch. */
export const ACCOUNT_KEYS = Object.keys(XmppAccountSchema.shape).filter((key) => key !== "enabled");

export const xmppChannelConfigSchema = buildChannelConfigSchema(XmppConfigSchema, {
  uiHints: xmppConfigUiHints,
});
