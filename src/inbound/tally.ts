/** What was said to the agent, or asked of it, and not answered; counted by reason since the account started; for status. */
export type TallyReason =
  /** Too many waited in the conversation, or in the account. */
  | "queue-full"
  /** Waited for too long. */
  | "expired"
  /** The host did not take it over, however often it was asked; or what was stored cannot be read. */
  | "given-up"
  /** Somebody said stop after it, and before its turn. */
  | "stopped"
  /** The operator cleared the queue. */
  | "cleared"
  /** Its sender corrected it, or took it back, before its turn; what it was corrected to is counted by itself. */
  | "revised"
  /** The sender asked for too many turns. */
  | "turns-limited"
  /** The sender gave too many commands. */
  | "commands-limited"
  /** Policy does not let the sender in, or the agent into the room to which they invite it. */
  | "not-admitted"
  /** The same message a second time. */
  | "duplicate"
  /** Older or more than catch-up takes. */
  | "catch-up-skipped"
  /** Too many questions (iq) by one, or by all. */
  | "iqs-limited"
  /** Too many wanted to subscribe to the agent's presence. */
  | "subscriptions-limited"
  /** Too many invitations to rooms waited. */
  | "invitations-limited"
  /** The sender reacted, or took back, too often: the agent is not told of it. */
  | "events-limited";

export type Tally = {
  add(reason: TallyReason, count?: number): void;
  read(): Partial<Record<TallyReason, number>>;
};

export function createTally(): Tally {
  const counts: Partial<Record<TallyReason, number>> = {};
  return {
    add(reason, count = 1) {
      counts[reason] = (counts[reason] ?? 0) + count;
    },
    read: () => ({ ...counts }),
  };
}
