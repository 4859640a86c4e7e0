/** What became of every message: pure, from what the server's archives and the model's log say. */
import type { ArchivedMessage } from "./archive-reader.ts";
import { numberedText, numbersIn } from "./numbers.ts";
import type { Question } from "./numbered-model.ts";
import type { Conversation, Said } from "./talker.ts";

export interface ConversationRecord extends Conversation {
  readonly said: readonly Said[];
  /** The archive that holds both sides: the person's own, or the room's. */
  readonly archived: readonly ArchivedMessage[];
  /** Bodies that the agent's side of the server holds: the agent's own archive, or the room's. */
  readonly received: readonly string[];
}

export interface AuditInput {
  readonly conversations: readonly ConversationRecord[];
  /** Who sent a message: true for the agent. */
  readonly isAgent: (message: ArchivedMessage) => boolean;
  readonly questions: readonly Question[];
  /** Times (ms) at which the Gateway was killed or ended. */
  readonly gatewayEnds: readonly number[];
}

export type FindingKind =
  /** Accepted, and never answered. */
  | "lost"
  /** Answered more than once. */
  | "doubled"
  /** Answered after a later one. */
  | "out of order"
  /** The model was asked again although the Gateway had lived on. */
  | "asked twice"
  /** Accepted, and then lost by the server's own storage. */
  | "lost by the server";

export interface Finding {
  readonly kind: FindingKind;
  readonly text: string;
  /** ms, when the message was said. */
  readonly at: number;
  /** ms, when the model was asked for it last; undefined: never. */
  readonly askedAt: number | undefined;
  readonly detail: string;
}

export interface Audit {
  readonly said: number;
  readonly answered: number;
  readonly findings: readonly Finding[];
  /** Messages whose turn was begun again after the Gateway had died in the midst of it. */
  readonly begunAgain: readonly string[];
  /** What the agent said besides answers to numbers: notices of the host, for example. */
  readonly otherTexts: readonly string[];
}

export function audit(input: AuditInput): Audit {
  const parts = input.conversations.map((record) => auditConversation(record, input));
  const turns = auditTurns(input);
  return {
    said: parts.reduce((sum, { said }) => sum + said, 0),
    answered: parts.reduce((sum, { answered }) => sum + answered, 0),
    findings: [...parts.flatMap(({ findings }) => findings), ...turns.findings],
    begunAgain: turns.begunAgain,
    otherTexts: parts.flatMap(({ otherTexts }) => otherTexts),
  };
}

function auditConversation(record: ConversationRecord, { isAgent, questions }: AuditInput) {
  const answers = record.archived.filter(
    (message) => message.body !== "" && message.from !== "" && isAgent(message),
  );
  const numbered = answers.map((message) => ({
    message,
    numbers: numbersIn(message.body)
      .filter(({ conversation }) => conversation === record.name)
      .map(({ number }) => number),
  }));
  const otherTexts = numbered
    .filter(({ numbers }) => numbers.length === 0)
    .map(({ message }) => message.body);
  const times = new Map<number, string[]>();
  const findings: Finding[] = [];
  const saidAt = (number: number): number =>
    record.said.find((one) => one.number === number)?.acceptedAt ?? 0;
  const find = (kind: FindingKind, number: number, detail: string): void => {
    const text = numberedText({ conversation: record.name, number });
    const askedAt = questions.findLast(({ numbers }) =>
      numbers.map(numberedText).includes(text),
    )?.at;
    findings.push({ kind, text, at: saidAt(number), askedAt, detail });
  };
  let highest = 0;
  for (const { message, numbers } of numbered) {
    // What one answer is for has no order.
    const before = highest;
    for (const number of numbers) {
      const known = times.get(number);
      const copy = `${message.stamp} ${message.stanzaId}`;
      if (known !== undefined) {
        known.push(copy);
        continue;
      }
      times.set(number, [copy]);
      if (number < before) find("out of order", number, `answered after ${before}, ${copy}`);
      highest = Math.max(highest, number);
    }
  }
  for (const { number, id } of record.said) {
    const copies = times.get(number);
    const text = numberedText({ conversation: record.name, number });
    const isKept = record.archived.some(({ stanzaId }) => stanzaId === id);
    const isReceived = record.received.some((body) =>
      numbersIn(body).some((one) => numberedText(one) === text),
    );
    if (copies === undefined) {
      if (isKept && isReceived) find("lost", number, `accepted as ${id}`);
      else find("lost by the server", number, `accepted as ${id}, in no archive`);
    } else if (copies.length > 1) find("doubled", number, copies.join(" and "));
  }
  return { said: record.said.length, answered: times.size, findings, otherTexts };
}

function auditTurns({ questions, gatewayEnds }: AuditInput) {
  const asked = new Map<string, Question[]>();
  for (const question of questions) {
    // What the host asks when it takes up an interrupted turn is that turn still.
    for (const one of question.numbers) {
      const text = numberedText(one);
      asked.set(text, [...(asked.get(text) ?? []), question]);
    }
  }
  const findings: Finding[] = [];
  const begunAgain: string[] = [];
  for (const [text, times] of asked) {
    if (times.length < 2) continue;
    const isExplained = times.every(
      ({ at }, index) =>
        index === 0 || gatewayEnds.some((end) => end >= (times[index - 1]?.at ?? 0) && end <= at),
    );
    const when = times.map(({ at, kind }) => `${kind} ${new Date(at).toISOString()}`).join(", ");
    if (isExplained) begunAgain.push(`${text}: ${when}`);
    else {
      const [first, last] = [times[0], times.at(-1)];
      const at = first?.at ?? 0;
      findings.push({ kind: "asked twice", text, at, askedAt: last?.at, detail: when });
    }
  }
  return { findings, begunAgain };
}
