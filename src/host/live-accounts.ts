/**
 * The accounts that run in this process. Only the Gateway has any: every send, probe and command
 * goes through the session that is found here, never through a second login.
 */
import type { Roster } from "../client/roster.ts";
import type { ServerServices } from "../client/server-services.ts";
import type { Outbox } from "../outbound/send.ts";
import type { CatchUp } from "../inbound/catch-up.ts";
import type { MayHear } from "../inbound/heard.ts";
import type { Pairing } from "../inbound/pairing.ts";
import { isOwnArchived } from "../inbound/sender.ts";
import type { Tally } from "../inbound/tally.ts";
import type { WaitingMessages } from "../inbound/waiting.ts";
import { XmppNotSentError } from "../errors.ts";
import type { RoomTrust } from "../policy/room-trust.ts";
import type { Jid } from "../protocol/jid.ts";
import type { Message } from "../protocol/stanza.ts";
import type { AnswerFactsStore } from "../state/answer-facts.ts";
import type { ChosenProfile } from "../state/chosen-profile.ts";
import type { GrowingAnswers } from "../state/growing-answers.ts";
import type { KnownUsers } from "../state/known-users.ts";
import type { ServerMemory } from "../state/server-memory.ts";
import type { AgentPresence } from "./agent-presence.ts";
import type { RoomMembership } from "./room-membership.ts";
import type { XmppAccount } from "./account.ts";
import { describeProblems } from "./account-problems.ts";
import type { Trouble } from "./live-facts.ts";

export type LiveAccount = Outbox & {
  account: XmppAccount;
  roster: Roster;
  pairing: Pairing;
  membership: RoomMembership;
  /** Whether a room is believed about who its occupants are. */
  isBelieved: RoomTrust;
  /** Whether the agent may be told what they said. */
  mayHear: MayHear;
  knownUsers: KnownUsers;
  growing: GrowingAnswers;
  answerFacts: AnswerFactsStore;
  /** What contacts and rooms see of the agent. */
  presence: Pick<AgentPresence, "choose" | "drain">;
  /** Chosen, kept, and published. @throws Error where it was not */
  setProfile: (change: ChosenProfile) => Promise<void>;
  catchUp: Pick<CatchUp, "hasArchive">;
  /** Tells the host that something was sent. */
  onOutbound: () => void;
  serverMemory: ServerMemory;
  /** What was said to the agent and not answered, since the account started. */
  tally: Tally;
  /** What waits for its turn. */
  waiting: WaitingMessages;
  /** The account as it is configured now; `account` is as it was at its start. */
  readAccount: () => XmppAccount;
  /** What the server has beside accounts, as far as it has said. */
  services: Pick<ServerServices, "roomServices" | "uploadService">;
  /** Why the connection last failed or was lost. */
  lastTrouble: () => Trouble | undefined;
};

const live = new Map<string, LiveAccount>();

/** Registers a running account; the returned function takes it out again. */
export function addLiveAccount(entry: LiveAccount): () => void {
  const { accountId } = entry.account;
  live.set(accountId, entry);
  return () => {
    if (live.get(accountId) === entry) live.delete(accountId);
  };
}

/** Whether this process is a Gateway where accounts run. */
export const hasLiveAccount = (): boolean => live.size > 0;

export function findLiveAccount(accountId: string): LiveAccount | undefined {
  return live.get(accountId);
}

/** @throws XmppNotSentError when the account does not run here, saying why and what to do */
export function requireLiveAccount(account: XmppAccount): LiveAccount {
  const { accountId, enabled, problems } = account;
  const found = live.get(accountId);
  if (found) return found;
  if (problems.length > 0) throw new XmppNotSentError(describeProblems(problems));
  throw new XmppNotSentError(
    enabled
      ? `XMPP account "${accountId}" is not running; see openclaw channels status --probe`
      : `XMPP account "${accountId}" is disabled; set its enabled (and channels.xmpp.enabled) to true`,
  );
}

/** Whether `jid` is one of these accounts, or the occupant that one of them is in a room. */
export function isLiveAccount({ bare, resource }: Jid): boolean {
  return listLiveAccounts().some(
    ({ account, rooms }) =>
      account.jid === bare || (resource !== undefined && rooms.isReflection(bare, resource)),
  );
}

/** Whether one of these accounts wrote that message of a room's archive. */
export function isOfLiveAccount(message: Message): boolean {
  return listLiveAccounts().some(
    ({ account: { jid }, rooms }) =>
      jid !== undefined &&
      (message.archivedAuthor?.realJid === jid || isOwnArchived(message, rooms, jid)),
  );
}

export function listLiveAccounts(): LiveAccount[] {
  return [...live.values()];
}
