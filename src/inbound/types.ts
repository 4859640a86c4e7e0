import type { OpenClawConfig, PluginRuntime } from "openclaw/plugin-sdk/channel-core";
import type { ChannelBotLoopProtectionFacts } from "openclaw/plugin-sdk/channel-inbound";
import type { AckReactionScope } from "openclaw/plugin-sdk/channel-feedback";
import type { ChannelPreviewStreamingConfig } from "openclaw/plugin-sdk/channel-outbound";
import type { LookupFn } from "openclaw/plugin-sdk/ssrf-runtime";
import type { ContextVisibilityMode } from "openclaw/plugin-sdk/config-contracts";
import type { FindReaders } from "../client/correction-readers.ts";
import type { IsProgram } from "../client/programs.ts";
import type { Logger } from "../client/types.ts";
import type { XmppAccountPolicy } from "../policy/account-policy.ts";
import type { FindOutbox } from "../outbound/reach.ts";
import type { Outbox } from "../outbound/send.ts";
import type { Conversation } from "../policy/admission.ts";
import type { ReplyChatType, ReplyMode } from "../policy/reply-mode.ts";
import type { RoomOrigin } from "../policy/room.ts";
import type { RoomTrust } from "../policy/room-trust.ts";
import type { BareJid, Jid } from "../protocol/jid.ts";
import type { Invitation } from "../protocol/xep-0045-invitation.ts";
import type { Message } from "../protocol/stanza.ts";
import type { FileShare } from "../protocol/xep-0447-file-sharing.ts";
import type { Acknowledging } from "./acknowledging.ts";
import type { ApprovalDesk } from "./approval-answers.ts";
import type { OwnAgents } from "./own-agent.ts";
import type { Pairing } from "./pairing.ts";
import type { MessageQueue } from "./ingress-queue.ts";
import type { Revisions } from "./revisions.ts";
import type { SavedFile } from "./save-file.ts";
import type { RoomHistory } from "./room-history.ts";
import type { KnownUsers } from "../state/known-users.ts";
import type { GrowingAnswers } from "../state/growing-answers.ts";
import type { OwedAnswers } from "../state/owed-answers.ts";
import type { SessionTurns } from "./session-turns.ts";
import type { Strangers } from "./strangers.ts";
import type { Settling } from "./settling.ts";
import type { Tally } from "./tally.ts";
import type { TurnLimits } from "./turn-limits.ts";
import type { Sender } from "./sender.ts";

/** An account's keys that concern what comes in, besides the policy. */
export type InboundSettings = {
  /** The account's keys, of which `streaming` counts. */
  streaming: { streaming?: ChannelPreviewStreamingConfig | undefined };
  contextVisibility?: ContextVisibilityMode | undefined;
  allowBots?: boolean | "mentions" | undefined;
  botLoopProtection?: ChannelBotLoopProtectionFacts["config"] | undefined;
  reactionNotifications?: "off" | "own" | "all" | "allowlist" | undefined;
  reactionAllowlist?: (string | number)[] | undefined;
  ackReactionScope?: AckReactionScope | undefined;
  removeAckAfterReply?: boolean | undefined;
  replyToMode?: ReplyMode | undefined;
  replyToModeByChatType?: Partial<Record<ReplyChatType, ReplyMode | undefined>> | undefined;
  mediaMaxMb?: number | undefined;
  /** Owners of this account, besides the host's. */
  adminJid?: string | string[] | undefined;
};

/** What the operator may change while the account runs: read anew for each message. */
export type InboundConfig = {
  /** The host's configuration as it is now, not as it was when the account started. */
  cfg: OpenClawConfig;
  policy: XmppAccountPolicy;
  settings: InboundSettings;
};

/** All that the road in needs of the world; put together once an account, in host/account-road-in.ts. */
export type InboundContext = InboundConfig & {
  accountId: string;
  runtime: PluginRuntime;
  /** The session that this message came in by. */
  outbox: Outbox;
  /** The account's session at the time of asking: another one after a restart of the account. */
  findOutbox: FindOutbox;
  /** Whether another account of this process speaks there. */
  isSibling: (from: Jid) => boolean;
  /** Whether one of them wrote that message of a room's archive. */
  isOfSibling: (message: Message) => boolean;
  /** Whether a room is believed about who its occupants are. */
  isBelieved: RoomTrust;
  /** How the agent came into a room that is not in the configuration. */
  originOf: (room: BareJid) => RoomOrigin | undefined;
  isProgram: IsProgram;
  /** Who may see an answer while it grows. */
  findReaders: FindReaders;
  knownUsers: KnownUsers;
  history: RoomHistory;
  acknowledging: Acknowledging;
  revisions: Revisions;
  pairing: Pairing;
  settling: Settling;
  owed: Pick<OwedAnswers, "note" | "settle">;
  growing: Pick<GrowingAnswers, "note" | "settle">;
  sessionTurns: SessionTurns;
  /** What was said to the agent and not answered. */
  tally: Tally;
  turnLimits: TurnLimits;
  ownAgents?: OwnAgents | undefined;
  /** DNS for files; default: the system's. */
  lookup?: LookupFn;
  once: Once;
  log: Logger;
  now: () => number;
  /** A turn of the agent begins; the returned function ends it. */
  onWork?: (() => () => void) | undefined;
  onInbound: (at: number) => void;
  onOutbound: (at: number) => void;
};

/**
 * Does something that is seen, but is no part of a turn, at most once for each message, also where the
 * message comes again after a crash. Where it fails it may be done again.
 */
export type Once = (eventId: string, effect: string, run: () => Promise<void>) => Promise<void>;

/** The same before there is a message. */
export type ReceiverContext = Omit<InboundContext, keyof InboundConfig> & {
  /** Where messages wait for their turn. */
  queue: MessageQueue;
  strangers: Omit<Strangers, "find">;
  approvals: ApprovalDesk;
  /** Whether our own server says that it gives ids to our messages (XEP-0359). */
  givesIds: () => boolean;
  readConfig: () => InboundConfig;
  onInvitation: (invitation: Invitation) => void;
};

/** One message on its way in: what was said, where, and by whom. */
export type InboundMessage = {
  message: Message;
  body: string;
  /** The text is encrypted for somebody else's key: there is nothing to read, only to say so. */
  isEncrypted: boolean;
  conversation: Conversation;
  sender: Sender;
  /** What we were called in the room as it was said; undefined in a direct chat. */
  ownNick?: string | undefined;
  /**
   * Key of this message for the host, which drops a second one with the same. So it is the id that
   * the server or the room gave it (XEP-0359), or one of ours; never the stanza's own, which may
   * repeat. Where the server knows no XEP-0359, a sender can only make their own messages collide.
   */
  messageId: string;
  /** The id that the room gave to the message, where it announces that it does: what an answer refers to (XEP-0461). */
  reference?: string | undefined;
  /**
   * XEP-0308: the events whose message this one corrects, each of which it takes the place of as long as that one
   * waits; see revisions.ts.
   */
  revises?: string[] | undefined;
  /**
   * Files that came within the stream itself, and lie in the host's media store. Never part of the stanza: it is
   * the sender's, who could name any file of ours.
   */
  received?: readonly SavedFile[] | undefined;
  /** Files that an earlier message announced, and this one says where they are (XEP-0447 §3.3): announced-files.ts. */
  announced?: readonly FileShare[] | undefined;
  /** The messages that this one was made of, by their events; undefined where it is one. */
  parts?: readonly { eventId: string; message: Message }[] | undefined;
  /** The host took it over before, and stopped before it had begun; the agent may have read it. */
  isAgain?: boolean;
  /** ms since the epoch; when it was said, not when it arrived. */
  timestamp: number;
  /**
   * ms since the epoch; from when it may have waited for the agent. What anybody could write into a
   * message does not count, so that nobody's message has waited because it says so.
   */
  waitsSince: number;
};

/** Where a message lay that was read from an archive (XEP-0313). */
export type Archived = {
  /** Whose archive: our own account, or the room. */
  by: BareJid;
  /** The archive's id, which is the stanza-id (XEP-0359). */
  id: string;
  /** When it was said, as the archive has it. */
  stamp: Date;
};
