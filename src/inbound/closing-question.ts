/**
 * A question of the agent's that is over: the message that asked says so, and what was chosen (XEP-0308). The host tells
 * of the end, whoever answered, and wherever.
 */
import { questionGatewayRuntime } from "openclaw/plugin-sdk/question-gateway-runtime";
import { deliverText } from "../outbound/deliver.ts";
import type { MessageFacts } from "../outbound/send.ts";
import { conversationOf, type Target } from "../outbound/target.ts";
import type { InboundContext } from "./types.ts";

/** How long that waits for a connection, ms. */
const PATIENCE_MS = 30_000;

export type AskedQuestion = Pick<MessageFacts, "thread" | "reply"> & {
  /** The host's. */
  questionId: string;
  target: Target;
  /** Of the messages that it took. */
  messageIds: readonly string[];
  /** Markdown, as it was sent. */
  text: string;
  /** Plain text before that. */
  prefix?: string | undefined;
  /** Characters a message at most. */
  textLimit: number;
};

/** Sees to that once; a question that took several messages stays as it is. */
export function closeOnceAnswered(context: InboundContext, question: AskedQuestion): void {
  const [messageId, ...others] = question.messageIds;
  if (messageId === undefined || others.length > 0) return;
  const { questionId, target, text, textLimit, prefix, thread, reply } = question;
  questionGatewayRuntime.registerChannelDelivery({
    questionId,
    deliveryId: messageId,
    async finalize(statusLine) {
      if (!(await isFollowed(context, target))) return;
      const { departures, limits } = context.outbox;
      const road = { find: context.findOutbox, departures, limits };
      await deliverText(road, target, `${text}\n\n${statusLine}`, {
        textLimit,
        prefix,
        patienceMs: PATIENCE_MS,
        thread,
        reply,
        replaceId: messageId,
      });
    },
  });
}

/** To others a correction is the whole question once more; in a room nobody knows who they are. */
async function isFollowed({ findReaders }: InboundContext, target: Target): Promise<boolean> {
  if (target.kind !== "direct") return target.kind === "room";
  return (await findReaders(conversationOf(target))).length > 0;
}
