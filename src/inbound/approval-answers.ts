/**
 * Answers to requests for approval: a reaction to the message that asks (XEP-0444), a reply to it (XEP-0461) that is
 * one plain word, or `/approve <id> <decision>` for a request that was shown here. They wait for no turn: one may be
 * waiting for them.
 *
 * | who                                         | gets                                              |
 * | ------------------------------------------- | ------------------------------------------------- |
 * | an approver, in time                        | their decision recorded, by the host, once        |
 * | an approver, too late                       | a sentence that says what it came to              |
 * | anybody else whom policy lets speak         | a sentence that they may not; nothing on reactions |
 * | anybody else                                | nothing                                           |
 *
 * An approver is who a server vouches for by their bare JID: in rooms only where the room shows it and is believed.
 * There what is answered has to be named by the id that the room gave it (XEP-0359): any other could be forged.
 */
import { randomUUID } from "node:crypto";
import { messageOf } from "../errors.ts";
import type {
  Approval,
  ApprovalPrompts,
  KnownApproval,
  Outcome,
} from "../outbound/approval-prompts.ts";
import { placeOfConversation } from "../outbound/recent-messages.ts";
import { replyTarget } from "../outbound/reply-target.ts";
import { sendText } from "../outbound/send.ts";
import { DEFAULT_TEXT_CHUNK_LIMIT } from "../policy/account-policy.ts";
import {
  decisionOfSigns,
  decisionOfWords,
  readApproveCommand,
  type Decision,
} from "../policy/approval-answer.ts";
import type { Conversation } from "../policy/admission.ts";
import { createRate } from "../policy/rate.ts";
import type { BareJid } from "../protocol/jid.ts";
import type { Message } from "../protocol/stanza.ts";
import { stripFallback } from "../protocol/xep-0428-fallback.ts";
import { REPLY } from "../protocol/xep-0461-reply.ts";
import { nameOf } from "./agent-events.ts";
import { senderKey, type Sender } from "./sender.ts";
import { findHeard } from "./standing.ts";
import type { ReceiverContext } from "./types.ts";

/** Sentences that one sender gets, and all. */
const PER_MINUTE = { each: 5, total: 60 };

/** Who may answer, and how an answer is recorded; by the host's configuration and Gateway. */
export type ApprovalDesk = {
  prompts: ApprovalPrompts;
  /** By the configuration of now. */
  isApprover(jid: BareJid, approval: Pick<Approval, "isUnbound" | "kind">): boolean;
  /**
   * Records a decision, where nobody else was first.
   * @returns what the request came to, and whether it was this answer that decided; `isOpen` where it may wait still
   * @throws where the host cannot say
   */
  resolve(
    approval: Approval,
    decision: Decision,
    sender: BareJid,
  ): Promise<{ isApplied: boolean; isOpen?: boolean; outcome: Outcome }>;
};

export type Said = {
  message: Message;
  conversation: Conversation;
  sender: Sender;
  /** What we are called in the room. */
  ownNick?: string | undefined;
};

export type ApprovalAnswers = {
  /** @returns whether it is an answer to such a request, which nobody else is to hear then */
  take(said: Said, isArchived: boolean): boolean;
  /** Resolves when all that was taken has been recorded or refused. */
  idle(): Promise<void>;
};

type Answer = {
  approval: KnownApproval;
  decision: Decision | "unavailable" | undefined;
  isReaction: boolean;
};

export function createApprovalAnswers(context: ReceiverContext): ApprovalAnswers {
  const { approvals, log, now, outbox, tally } = context;
  const { prompts } = approvals;
  const rate = createRate(60_000);
  const logged = createRate(60_000);
  const running = new Set<Promise<void>>();
  /** Being recorded, by the request. */
  const answering = new Map<string, Promise<void>>();

  /** The request that the message called `id` asks for. */
  function find(conversation: Conversation, id: string): KnownApproval | undefined {
    const place = placeOfConversation(conversation);
    if (conversation.kind !== "room") return prompts.find(place, (own) => own === id);
    if (!outbox.rooms.get(conversation.room)?.stanzaIds) return undefined;
    return prompts.find(place, (own) => outbox.sent.nameOf(own) === id);
  }

  function read({ conversation, message }: Said): Answer | undefined {
    const { body = "", fallbacks, reactions, reply } = message;
    if (reactions) {
      const approval = find(conversation, reactions.id);
      const decision = approval && decisionOfSigns(reactions.reactions, approval.allowed);
      return approval && { approval, decision, isReaction: true };
    }
    const text = reply ? stripFallback(body, fallbacks, REPLY) : body;
    const command = readApproveCommand(text);
    const named = command && prompts.get(command.approvalId);
    if (command && named) {
      const decision = decisionOfWords(command.decision, named.allowed);
      return decision && { approval: named, decision, isReaction: false };
    }
    const approval = reply && find(conversation, reply.id);
    const decision = approval && decisionOfWords(text, approval.allowed);
    return approval && decision && { approval, decision, isReaction: false };
  }

  async function say({ conversation, sender }: Said, text: string): Promise<void> {
    if (rate.take(senderKey({ conversation, sender }), PER_MINUTE, now()) !== "granted") return;
    const live = context.findOutbox() ?? outbox;
    const prefix = conversation.kind === "room" ? `${sender.label}: ` : undefined;
    const options = { textLimit: DEFAULT_TEXT_CHUNK_LIMIT, prefix };
    await sendText(live, replyTarget(conversation, sender.stay), text, options);
  }

  async function refuse(said: Said, { decision, isReaction }: Answer): Promise<void> {
    if (decision === undefined) return;
    tally.add("not-admitted");
    if (logged.take(senderKey(said), PER_MINUTE, now()) === "granted") {
      log.info(`not an approver: ${said.sender.id}; see channels.xmpp.execApprovals.approvers`);
    }
    if (isReaction) return;
    const inbound = { ...said, body: "", isEncrypted: false, messageId: randomUUID() };
    const heard = await findHeard(
      { ...context, ...context.readConfig() },
      { ...inbound, timestamp: now(), waitsSince: now() },
    );
    if (heard) await say(said, "You may not answer this request: only its approvers can.");
  }

  async function record(said: Said, jid: BareJid, answer: Answer): Promise<void> {
    const { approval, decision, isReaction } = answer;
    // Two devices, or an approver who is quicker than the host: the second one waits for the first.
    for (let other; (other = answering.get(approval.approvalId));) await other;
    const { outcome } = approval;
    if (outcome) {
      // Whoever puts one more sign on it has said nothing new.
      const isSame = isReaction && (decision === undefined || decision === outcome.decision);
      return isSame ? undefined : await say(said, tooLate(outcome));
    }
    if (decision === undefined) return;
    if (decision === "unavailable") {
      const offered = approval.allowed.join(", ");
      return await say(said, `That cannot be answered here. You can answer: ${offered}.`);
    }
    const resolved = approvals.resolve(approval, decision, jid);
    // Not later: what is told of it may take its time, and who waits for what is over waits without an end.
    const settled = resolved
      .then(
        ({ isOpen, outcome: result }) =>
          isOpen ? undefined : prompts.settle(approval.approvalId, result),
        () => undefined,
      )
      .finally(() => answering.delete(approval.approvalId));
    answering.set(approval.approvalId, settled);
    try {
      const { isApplied, outcome: result } = await resolved;
      log.info(`an approval was answered by ${jid}: ${isApplied ? decision : "too late"}`);
      const place = placeOfConversation(said.conversation);
      const isShown = approval.messages.some((message) => message.place === place);
      if (!isApplied) await say(said, tooLate(result));
      // Where it was asked, the message that asked says it.
      else if (!isShown) await say(said, `Recorded: it ${result.text}.`);
    } catch (error) {
      log.warn(`an answer to an approval was not recorded: ${messageOf(error)}`);
      await say(
        said,
        "Your answer could not be recorded. Please try again, or use the Control UI.",
      );
    }
  }

  return {
    take(said, isArchived) {
      // Of those in a room's archive nobody vouches for as surely.
      if (isArchived && said.conversation.kind !== "direct") return false;
      const answer = read(said);
      if (!answer) return false;
      const { approval } = answer;
      const jid = said.sender.grade === "jid" ? said.sender.jid : undefined;
      const isApprover = jid !== undefined && approvals.isApprover(jid, approval);
      const done = (isApprover ? record(said, jid, answer) : refuse(said, answer))
        .catch((error: unknown) =>
          log.warn(`${nameOf(said)} could not be told: ${messageOf(error)}`),
        )
        .finally(() => running.delete(done));
      running.add(done);
      return true;
    },
    async idle() {
      await Promise.allSettled(running);
    },
  };
}

const tooLate = ({ text }: Outcome) => `Too late: it ${text}.`;
