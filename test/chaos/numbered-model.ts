/**
 * A model that answers numbered messages by their numbers, and remembers when it was asked which.
 *
 * It does what a model does: it answers all that was said since it last spoke, because the host puts what
 * comes during a turn beside the message that began it. After a crash the host asks it to go on where it
 * was, in words of the host's without any number; then it looks further back for what nobody has answered.
 */
import { setTimeout as delay } from "node:timers/promises";

import { startStubModel } from "../support/stub-model.ts";
import type { ModelRequest, StubModel } from "../support/stub-model.ts";
import { numberedText, numbersIn, type Numbered } from "./numbers.ts";
import { between, type Random } from "./schedule.ts";

export interface Question {
  /** ms, as `Date.now()`. */
  readonly at: number;
  /** `turn`: somebody's message. `recovery`: the host wants an interrupted turn to be finished. */
  readonly kind: "turn" | "recovery";
  readonly numbers: readonly Numbered[];
  readonly prompt: string;
}

export interface NumberedModel {
  readonly stub: StubModel;
  readonly questions: readonly Question[];
}

const GIVEN_AGAIN = /It is given to you again; it was said once/u;

function saidLast({ messages }: ModelRequest): Numbered[] {
  const spoke = messages.findLastIndex(({ role }) => role === "assistant");
  const said = messages.slice(spoke + 1).filter(({ role }) => role === "user");
  const numbers = new Map<string, Numbered>();
  const twice: Numbered[] = [];
  for (const { text } of said) {
    for (const one of numbersIn(text)) {
      // What says of itself that it was given before is not said twice.
      if (numbers.has(numberedText(one)) && !GIVEN_AGAIN.test(text)) twice.push(one);
      numbers.set(numberedText(one), one);
    }
  }
  return [...numbers.values(), ...twice];
}

function unanswered({ messages }: ModelRequest): Numbered[] {
  const answered = new Set(
    messages
      .filter(({ role }) => role === "assistant")
      .flatMap(({ text }) => numbersIn(text).map(numberedText)),
  );
  const asked = messages
    .filter(({ role }) => role === "user")
    .flatMap(({ text }) => numbersIn(text));
  const open = new Map(asked.map((one) => [numberedText(one), one]));
  return [...open].filter(([text]) => !answered.has(text)).map(([, one]) => one);
}

/** @param random decides how long it thinks: up to 800 ms */
export async function startNumberedModel(
  random: Random,
  onQuestion: (question: Question) => void,
): Promise<NumberedModel> {
  const questions: Question[] = [];
  const stub = await startStubModel({
    async reply(request) {
      const asked = saidLast(request);
      const isTurn = asked.length > 0;
      const numbers = isTurn ? asked : unanswered(request);
      const kind = isTurn ? "turn" : "recovery";
      const question = { at: Date.now(), kind, numbers, prompt: request.userText } as const;
      questions.push(question);
      onQuestion(question);
      await delay(between(random, 20, 800));
      if (numbers.length === 0) return "There is nothing left to answer.";
      return `answer ${numbers.map(numberedText).join(" ")}`;
    },
  });
  return { stub, questions };
}
