/**
 * The road in without a Gateway and a server: stanzas are said by the test, rooms are ours, the policy is
 * decided by the host's own resolver. What would be handed to the agent is written down.
 */
import { buildMentionRegexes, matchesMentionPatterns } from "openclaw/plugin-sdk/channel-inbound";
import { resolveChannelMessageIngress } from "openclaw/plugin-sdk/channel-ingress-runtime";
import { createRooms } from "../../src/client/rooms.ts";
import { resolveAccount } from "../../src/host/account.ts";
import { describeProblems } from "../../src/host/account-problems.ts";
import type { Lifecycle } from "../../src/inbound/debounce.ts";
import { openMessageQueue, type MessageQueue } from "../../src/inbound/ingress-queue.ts";
import { createReceiver } from "../../src/inbound/receive.ts";
import { createAcknowledging } from "../../src/inbound/acknowledging.ts";
import { createRevisions } from "../../src/inbound/revisions.ts";
import { createRoomHistory } from "../../src/inbound/room-history.ts";
import { createSessionTurns } from "../../src/inbound/session-turns.ts";
import { createSettling } from "../../src/inbound/settling.ts";
import { createStrangers } from "../../src/inbound/strangers.ts";
import { createTally } from "../../src/inbound/tally.ts";
import { createTurnLimits } from "../../src/inbound/turn-limits.ts";
import { createApprovalPrompts } from "../../src/outbound/approval-prompts.ts";
import { createRecentMessages } from "../../src/outbound/recent-messages.ts";
import type { ReceiverContext } from "../../src/inbound/types.ts";
import type { XmppAccountPolicy } from "../../src/policy/account-policy.ts";
import { DEFAULT_CATCH_UP, DEFAULT_LIMITS } from "../../src/policy/limits.ts";
import { createIngressDatabase } from "../../src/state/ingress-database.ts";
import { createEventNames } from "../../src/state/event-names.ts";
import { createGrowingAnswers } from "../../src/state/growing-answers.ts";
import { createOwedAnswers } from "../../src/state/owed-answers.ts";
import { DISCO_INFO } from "../../src/protocol/xep-0030-disco.ts";
import { createFakeLog, createFakeSession, OWN_JID } from "./fake-session.ts";
import { createOutbox } from "./outbox.ts";
import { ROOM, codes, description, item, presence } from "./room-xml.ts";

/** What buildContext got, as far as tests look at it. */
export type TurnFacts = {
  timestamp: number;
  from: string;
  messageId: string;
  sender: { id: string; name: string; isBot: boolean; roles?: string[] };
  conversation: { kind: string; id: string; label: string };
  reply: { to: string; originatingTo: string };
  message: {
    rawBody: string;
    bodyForAgent: string;
    commandBody: string;
    inboundEventKind: string;
    inboundHistory?: { sender: string; body: string }[];
  };
  access: { commands: { authorized: boolean }; toolPolicy?: object };
  media?: { path?: string; contentType?: string; fileName?: string }[];
  supplemental: { channelStructuredContext?: { payload: Record<string, unknown> }[] };
  extra: Record<string, unknown>;
};

type Dispatch = {
  cfg: unknown;
  route: { agentId: string; sessionKey: string };
  ctxPayload: TurnFacts;
  botLoopProtection?: object;
  replyOptions: {
    turnAdoptionLifecycle: Lifecycle;
    onToolStart: (payload: { name: string }) => void;
    onAssistantMessageStart: () => void;
    onPartialReply?: (payload: { text: string }) => void;
    sourceReplyDeliveryMode?: string;
    suppressTyping?: boolean;
  };
  delivery: {
    preparePayload: (
      payload: { text: string },
      info: { kind: string },
    ) => Promise<{ text: string } | null>;
    durable: (
      payload: { text: string; mediaUrl?: string },
      info: { kind: string },
    ) => false | { to: string; deps: Record<string, unknown> };
    deliver: (
      payload: { text: string; replyToId?: string },
      info: { kind?: string; participant?: { name: string } },
    ) => Promise<unknown>;
    onError: (error: unknown, info: { kind: string }) => void;
  };
};

export type RoadInOptions = {
  /** What stands under `channels.xmpp`, in place of `policy` and `settings`. */
  keys?: object;
  policy?: Partial<XmppAccountPolicy>;
  settings?: Partial<ReturnType<ReceiverContext["readConfig"]>["settings"]>;
  cfg?: object;
  context?: Partial<ReceiverContext>;
  /** How often the host is busy before it takes a message. */
  failures?: number;
  /** Where messages wait; default: in memory. */
  file?: string;
  /** The host trusts this plugin, and lets it have this queue. */
  hostsQueue?: MessageQueue;
  /** Pages of 4 KiB that there is room for. */
  maxPages?: number;
  /** What the host does before it takes a turn. */
  dispatch?: (dispatch: Dispatch) => Promise<void>;
  /** What the host makes of a turn. */
  admission?: { kind: string; reason?: string };
  /** What the host's protection against loops lets through; default: all. */
  isWithinBudget?: (text: string) => boolean;
};

/** Everything that an account says of itself where it says nothing: nobody is let in, rooms are. */
const POLICY: XmppAccountPolicy = {
  dmPolicy: "disabled",
  groupPolicy: "disabled",
  allowFrom: [],
  groupAllowFrom: [],
  rooms: [],
  roomSettings: {},
  roomOwnerBypass: false,
  autoJoin: "off",
  sharedSessions: "off",
  catchUp: DEFAULT_CATCH_UP,
  limits: DEFAULT_LIMITS,
};

/** As host/account-road-in.ts reads the configuration, for each message anew. */
function configOf({ keys, policy, settings, cfg }: RoadInOptions) {
  if (!keys) {
    return {
      cfg: { ...cfg },
      policy: { ...POLICY, ...policy },
      settings: { streaming: {}, ...settings },
    };
  }
  const config = withKeys(keys, cfg);
  const account = resolveAccount(config);
  if (account.problems.length > 0) throw new Error(describeProblems(account.problems));
  const { config: own } = account;
  return { cfg: config, policy: account, settings: { ...own, streaming: own } };
}

/** A whole configuration with `keys` for the account of the fixture. */
export function withKeys(keys: object, cfg: object = {}) {
  const account = { jid: "bot@example", password: "secret", server: "localhost" };
  const channels = "channels" in cfg ? (cfg.channels as object) : {};
  // As several people need it: each has a conversation of their own.
  const session = { dmScope: "per-channel-peer" };
  const config = { session, ...cfg, channels: { ...channels, xmpp: { ...account, ...keys } } };
  return config as Parameters<typeof resolveAccount>[0];
}

/** `options` are read anew for each message, except `context` and `failures`. */
export function createRoadIn(options: RoadInOptions = {}) {
  const session = createFakeSession();
  const log = createFakeLog();
  const rooms = createRooms({ session, log, nick: "bot" });
  session.goOnline();
  const turns: TurnFacts[] = [];
  const dispatches: Dispatch[] = [];
  const challenged: string[] = [];
  let busy = options.failures ?? 0;
  let readings = 0;
  const configs: unknown[] = [];
  const events: string[] = [];
  const runtime = {
    system: { enqueueSystemEvent: (text: string) => void events.push(text) },
    channel: {
      mentions: { matchesMentionPatterns, buildMentionRegexes },
      commands: { shouldHandleTextCommands: () => true },
      text: {
        hasControlCommand: (text: string) => text.startsWith("/"),
        convertMarkdownTables: (text: string) => text,
        resolveMarkdownTableMode: () => "off",
      },
      inbound: {
        ingress: { resolve: resolveChannelMessageIngress },
        buildContext: (facts: unknown) => facts,
        dispatch: async (dispatch: Dispatch) => {
          configs.push(dispatch.cfg);
          if (busy-- > 0) throw new Error("another OpenClaw process owns state-lifecycle");
          await options.dispatch?.(dispatch);
          const { rawBody } = dispatch.ctxPayload.message;
          if (options.isWithinBudget?.(rawBody) === false) {
            return { admission: { kind: "drop", reason: "bot-loop-protection" } };
          }
          dispatches.push(dispatch);
          turns.push(dispatch.ctxPayload);
          return { admission: options.admission ?? { kind: "dispatch" } };
        },
      },
    },
  };
  const database = createIngressDatabase(options.file ?? ":memory:", {
    log,
    ...(options.maxPages === undefined ? {} : { maxPages: options.maxPages }),
  });
  const now = options.context?.now ?? (() => Date.now());
  const eventNames = createEventNames(database, now);
  const outbox = {
    ...createOutbox(session, rooms),
    recent: createRecentMessages(eventNames),
  };
  const tally = createTally();
  const untrusted = Object.assign(new Error("not in the catalogue"), {
    name: "PluginTrustRefusalError",
  });
  const state = {
    openChannelIngressQueue() {
      if (options.hostsQueue) return options.hostsQueue;
      throw untrusted;
    },
  };
  const queue = openMessageQueue({
    runtime: { ...runtime, state } as unknown as Parameters<typeof openMessageQueue>[0]["runtime"],
    accountId: "default",
    database,
    readLimits: () => configOf(options).policy.limits,
    tally,
    log,
    now,
  });
  const context = {
    accountId: "default",
    readConfig: () => {
      const config = configOf(options);
      return { ...config, cfg: { reading: ++readings, ...config.cfg } };
    },
    runtime,
    queue,
    givesIds: () => true,
    approvals: {
      prompts: createApprovalPrompts(),
      isApprover: () => false,
      resolve: async () => await Promise.reject(new Error("nobody approves anything")),
    },
    once: async (_eventId: string, _effect: string, run: () => Promise<void>) => await run(),
    outbox,
    findOutbox: () => outbox,
    isSibling: () => false,
    isOfSibling: () => false,
    isBelieved: () => true,
    originOf: () => undefined,
    isProgram: async () => false,
    findReaders: async () => [],
    onInvitation: () => undefined,
    knownUsers: {
      know: () => undefined,
      learn: () => undefined,
      byOccupantId: () => undefined,
      nickOf: () => undefined,
    },
    history: createRoomHistory(10),
    acknowledging: createAcknowledging(() => true),
    revisions: createRevisions(queue, eventNames, now),
    pairing: {
      approved: async () => [],
      challenge: async ({ sender }: { sender: { id: string } }) => void challenged.push(sender.id),
      tell: async () => undefined,
      stop: () => undefined,
    },
    settling: createSettling(),
    owed: createOwedAnswers("default", database, log),
    growing: createGrowingAnswers(database, { now, log }),
    sessionTurns: createSessionTurns(),
    tally,
    turnLimits: createTurnLimits(),
    log,
    now,
    onInbound: () => undefined,
    onOutbound: () => undefined,
    ...options.context,
  } as unknown as ReceiverContext;
  const strangers = createStrangers({
    readConfig: context.readConfig,
    approved: context.pairing.approved,
    originOf: context.originOf,
    now,
  });
  context.strangers ??= strangers;
  const receiver = createReceiver(context);
  const errors: unknown[] = [];
  session.onStanza(async (stanza) => {
    await receiver.receive(stanza).catch((error: unknown) => void errors.push(error));
  });
  receiver.start();
  return {
    session,
    rooms,
    receiver,
    context,
    turns,
    dispatches,
    challenged,
    errors,
    log,
    outbox,
    strangers,
    configs,
    tally,
    queue,
    database,
    events,
  };
}

/** The same where everybody may speak to the agent, also in ROOM. */
export function createOpenRoadIn(options: RoadInOptions) {
  const open = { dmPolicy: "open", allowFrom: ["*"], groupPolicy: "open", rooms: [ROOM] };
  return createRoadIn({ ...options, keys: { ...open, ...options.keys } });
}

/** Enters ROOM (room-xml.ts) as "bot". `features`: what the room announces. */
export function enterRoom(
  { session, rooms }: Pick<ReturnType<typeof createRoadIn>, "session" | "rooms">,
  features: readonly string[] = [],
  self: { item?: string; codes?: readonly number[] } = {},
): void {
  session.onRequest(DISCO_INFO, description(...features));
  rooms.join(ROOM);
  session.receive(presence("bot", (self.item ?? item()) + codes(110, ...(self.codes ?? []))));
  session.takeSent();
}

export const message = (from: string, inside: string, type = "chat") =>
  `<message xmlns="jabber:client" from="${from}" to="${OWN_JID}" type="${type}">${inside}</message>`;
export const body = (text: string) => `<body>${text}</body>`;
