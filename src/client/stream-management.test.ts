import { describe, expect, it } from "vitest";
import { XmppUnconfirmedError } from "../errors.ts";
import { createLedger } from "./stream-management.ts";

function setUp() {
  let questions = 0;
  let pauses = 0;
  const ledger = createLedger((fruitless) => {
    questions += 1;
    if (fruitless) pauses += 1;
  });
  const confirmed: string[] = [];
  return {
    ledger,
    confirmed,
    questions: () => questions,
    pauses: () => pauses,
    send(name: string): void {
      ledger.countSent();
      void ledger.confirmation().then(
        () => confirmed.push(name),
        (error: unknown) => confirmed.push(`${name}: ${error instanceof Error ? error.name : ""}`),
      );
    },
  };
}

describe("the ledger of stanzas", () => {
  it("confirms what the server acknowledges, in order", async () => {
    const { ledger, confirmed, send } = setUp();
    send("a");
    send("b");
    send("c");
    expect(ledger.acknowledged(2)).toBe(true);
    await Promise.resolve();
    expect(confirmed).toEqual(["a", "b"]);
    expect(ledger.acknowledged(3)).toBe(true);
    await Promise.resolve();
    expect(confirmed).toEqual(["a", "b", "c"]);
  });

  it("has one question open at a time, and the next one as soon as that is answered", () => {
    const { ledger, questions, send } = setUp();
    for (let i = 0; i < 1000; i += 1) send(`${i}`);
    expect(questions()).toBe(1);
    ledger.acknowledged(1);
    expect(questions()).toBe(2);
    ledger.acknowledged(1000);
    expect(questions()).toBe(2);
    send("later");
    expect(questions()).toBe(3);
  });

  it("counts what it received, and wraps at 2^32", () => {
    const { ledger } = setUp();
    ledger.countReceived();
    ledger.countReceived();
    expect(ledger.received).toBe(2);
  });

  it("does not spin where the server is slow to handle what it read", () => {
    const { ledger, pauses, send } = setUp();
    send("a");
    send("b");
    ledger.acknowledged(1);
    expect(pauses()).toBe(0);
    ledger.acknowledged(1);
    expect(pauses()).toBe(1);
  });

  it("takes an older h as nothing new", () => {
    const { ledger, send } = setUp();
    send("a");
    send("b");
    ledger.acknowledged(2);
    expect(ledger.acknowledged(1)).toBe(true);
    send("c");
    expect(ledger.acknowledged(3)).toBe(true);
  });

  it("tells when the server acknowledges more than was sent", async () => {
    const { ledger, confirmed, send } = setUp();
    send("a");
    expect(ledger.acknowledged(5)).toBe(false);
    await Promise.resolve();
    expect(confirmed).toEqual([]);
  });

  it("rejects what is open when the connection ends, and whatever comes after", async () => {
    const { ledger, confirmed, send } = setUp();
    send("a");
    ledger.end();
    await expect(ledger.confirmation()).rejects.toThrow(XmppUnconfirmedError);
    expect(confirmed).toEqual(["a: XmppUnconfirmedError"]);
  });

  it("is satisfied by an answered ping where there is no stream management", async () => {
    const { ledger, confirmed, send } = setUp();
    send("a");
    ledger.countSent(); // the ping
    const mark = ledger.sent;
    send("b");
    ledger.confirmedUpTo(mark);
    await Promise.resolve();
    expect(confirmed).toEqual(["a"]);
  });
});
