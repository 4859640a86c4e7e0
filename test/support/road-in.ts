/**
 * The road in without a Gateway and a server: stanzas are said by the test, rooms are ours, the policy is
 * decided by the host's own resolver. What would be handed to the agent is written down.
 */
import { resolveChannelMessageIngress } from "openclaw/plugin-sdk/channel-ingress-runtime";
import { createRooms } from "../../src/client/rooms.ts";
import { createReceiver } from "../../src/inbound/receive.ts";
import { createRoomHistory } from "../../src/inbound/room-history.ts";
import { createSessionTurns } from "../../src/inbound/session-turns.ts";
import { createSettling } from "../../src/inbound/settling.ts";
import type { ReceiverContext } from "../../src/inbound/types.ts";
import { createSentMessages } from "../../src/outbound/sent-messages.ts";
import type { XmppAccountPolicy } from "../../src/policy/account-policy.ts";
import { createFakeLog, createFakeSession, OWN_JID } from "./fake-session.ts";

/** What buildContext got, as far as tests look at it. */
export type TurnFacts = {
  from: string;
  sender: { id: string; name: string; isBot: boolean; roles?: string[] };
  conversation: { kind: string; id: string; label: string };
  reply: { to: string; originatingTo: string };
  message: {
    rawBody: string;
    bodyForAgent: string;
    inboundEventKind: string;
    inboundHistory?: { sender: string; body: string }[];
  };
  access: { commands: { authorized: boolean }; toolPolicy?: object };
  supplemental: { channelStructuredContext?: { payload: Record<string, unknown> }[] };
  extra: Record<string, unknown>;
};

type Dispatch = { cfg: unknown; ctxPayload: TurnFacts; botLoopProtection?: object };

export type RoadInOptions = {
  policy?: Partial<XmppAccountPolicy>;
  settings?: Partial<ReturnType<ReceiverContext["readConfig"]>["settings"]>;
  cfg?: object;
  context?: Partial<ReceiverContext>;
  /** How often the host is busy before it takes a message. */
  failures?: number;
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
};

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
  const runtime = {
    channel: {
      mentions: { matchesMentionPatterns: () => false, buildMentionRegexes: () => [] },
      commands: { shouldHandleTextCommands: () => true },
      text: { hasControlCommand: (text: string) => text.startsWith("/") },
      inbound: {
        ingress: { resolve: resolveChannelMessageIngress },
        buildContext: (facts: unknown) => facts,
        dispatch: async (dispatch: Dispatch) => {
          configs.push(dispatch.cfg);
          if (busy-- > 0) throw new Error("another OpenClaw process owns state-lifecycle");
          dispatches.push(dispatch);
          turns.push(dispatch.ctxPayload);
        },
      },
    },
  };
  const outbox = { session, rooms, sent: createSentMessages() };
  const context = {
    accountId: "default",
    readConfig: () => ({
      cfg: { reading: ++readings, ...options.cfg },
      policy: { ...POLICY, ...options.policy },
      settings: { streaming: {}, ...options.settings },
    }),
    runtime,
    outbox,
    findOutbox: () => outbox,
    isSibling: () => false,
    isBelieved: () => true,
    originOf: () => undefined,
    isProgram: async () => false,
    onInvitation: () => undefined,
    knownUsers: {
      know: () => undefined,
      learn: () => undefined,
      byOccupantId: () => undefined,
      nickOf: () => undefined,
    },
    history: createRoomHistory(10),
    pairing: {
      approved: async () => [],
      challenge: async ({ sender }: { sender: { id: string } }) => void challenged.push(sender.id),
      tell: async () => undefined,
      stop: () => undefined,
    },
    settling: createSettling(),
    sessionTurns: createSessionTurns(),
    log,
    now: () => Date.now(),
    onInbound: () => undefined,
    onOutbound: () => undefined,
    ...options.context,
  } as unknown as ReceiverContext;
  const receiver = createReceiver(context);
  const errors: unknown[] = [];
  session.onStanza((stanza) => {
    try {
      receiver.receive(stanza);
    } catch (error) {
      errors.push(error);
    }
  });
  return { session, rooms, receiver, turns, dispatches, challenged, errors, log, outbox, configs };
}

export const message = (from: string, inside: string, type = "chat") =>
  `<message xmlns="jabber:client" from="${from}" to="${OWN_JID}" type="${type}">${inside}</message>`;
export const body = (text: string) => `<body>${text}</body>`;
