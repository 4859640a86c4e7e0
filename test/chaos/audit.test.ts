import { describe, expect, it } from "vitest";

import type { ArchivedMessage } from "./archive-reader.ts";
import { audit, type AuditInput } from "./audit.ts";
import type { Question } from "./numbered-model.ts";
import { numbersIn } from "./numbers.ts";

const BOT = "bot@localhost";
const ALICE = "alice@localhost";

function archived(from: string, body: string, index: number): ArchivedMessage {
  const to = from === BOT ? ALICE : BOT;
  const id = `${index}`;
  return { id, stamp: "", from, to, type: "chat", stanzaId: `stanza-${body}`, body };
}

function asked(body: string, at: number): Question {
  return { at, kind: "turn", numbers: numbersIn(body), prompt: body };
}

/** What the archive says; `stored` leaves messages out that the server has lost. */
function given(
  lines: readonly string[],
  more: Partial<AuditInput> & { readonly stored?: readonly string[] } = {},
): AuditInput {
  const questions = lines.filter((line) => line.startsWith("#"));
  const own = more.stored ?? questions;
  const record = {
    name: "alice",
    user: "alice",
    to: BOT,
    isRoom: false,
    said: questions.map((body, index) => ({
      number: index + 1,
      id: `stanza-${body}`,
      acceptedAt: index,
    })),
    archived: lines
      .filter((line) => !line.startsWith("#") || own.includes(line))
      .map((line, index) => archived(line.startsWith("#") ? ALICE : BOT, line, index)),
    received: own,
  };
  return {
    conversations: [record],
    isAgent: ({ from }) => from === BOT,
    questions: [],
    gatewayEnds: [],
    ...more,
  };
}

const kinds = (input: AuditInput) =>
  audit(input).findings.map(({ kind, text }) => `${kind} ${text}`);

describe("the audit of a run", () => {
  it("finds nothing where each message has one answer, in order", () => {
    const verdict = audit(given(["#alice-1", "answer #alice-1", "#alice-2", "answer #alice-2"]));
    expect(verdict).toMatchObject({ said: 2, answered: 2, findings: [] });
  });

  it("takes one answer for two messages that were one turn", () => {
    expect(kinds(given(["#alice-1", "#alice-2", "answer #alice-1 #alice-2"]))).toEqual([]);
  });

  it("wants no order within one answer, but between answers", () => {
    const questions = ["#alice-1", "#alice-2", "#alice-3"];
    const both = "answer #alice-2 #alice-1";
    expect(kinds(given([...questions, both, "answer #alice-3"]))).toEqual([]);
    expect(kinds(given([...questions, "answer #alice-3", both]))).toEqual([
      "out of order #alice-2",
      "out of order #alice-1",
    ]);
  });

  it("finds what is lost, doubled and out of order", () => {
    const lines = ["#alice-1", "#alice-2", "#alice-3", "answer #alice-3", "answer #alice-2"];
    expect(kinds(given([...lines, "answer #alice-3"]))).toEqual([
      "out of order #alice-2",
      "lost #alice-1",
      "doubled #alice-3",
    ]);
  });

  it("says when the model was asked last for what is lost", () => {
    const questions = [asked("#alice-1", 5), asked("#alice-1", 7), asked("#alice-2", 9)];
    expect(audit(given(["#alice-1"], { questions, gatewayEnds: [6] })).findings).toMatchObject([
      { kind: "lost", at: 0, askedAt: 7 },
    ]);
  });

  it("tells apart what the server itself has lost", () => {
    expect(kinds(given(["#alice-1"], { stored: [] }))).toEqual(["lost by the server #alice-1"]);
  });

  it("finds a turn that ran twice although the Gateway lived, and names the others", () => {
    const lines = ["#alice-1", "answer #alice-1", "#alice-2", "answer #alice-2"];
    const questions = [asked("#alice-1", 10), asked("#alice-1", 20)];
    expect(kinds(given(lines, { questions }))).toEqual(["asked twice #alice-1"]);
    const verdict = audit(given(lines, { questions, gatewayEnds: [15] }));
    expect(verdict.findings).toEqual([]);
    expect(verdict.begunAgain).toHaveLength(1);
  });

  it("keeps apart what is no answer to a number", () => {
    const verdict = audit(given(["#alice-1", "answer #alice-1", "back again"]));
    expect(verdict.otherTexts).toEqual(["back again"]);
  });
});
