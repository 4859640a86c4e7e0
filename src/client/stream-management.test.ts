import { Element } from "ltx";
import { describe, expect, it } from "vitest";
import { XmppUnconfirmedError } from "../errors.ts";
import { createLedger, MAX_KEPT, MAX_KEPT_BYTES } from "./stream-management.ts";
import type { Line } from "./stream-management.ts";

function stanza(name: string, bytes = 10) {
  return { stanza: new Element(name), bytes };
}

function setUp({ keeps = true, start = 0 } = {}) {
  let questions = 0;
  let pauses = 0;
  const written: string[] = [];
  const line: Line = {
    write: ({ name }) => written.push(name),
    ask(fruitless) {
      questions += 1;
      if (fruitless) pauses += 1;
    },
  };
  const ledger = createLedger(keeps, start);
  ledger.attach(line);
  const confirmed: string[] = [];
  return {
    ledger,
    line,
    written,
    confirmed,
    questions: () => questions,
    pauses: () => pauses,
    send(name: string): void {
      ledger.send(stanza(name));
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

  it("counts what it received", () => {
    const { ledger } = setUp();
    ledger.receive();
    ledger.receive();
    expect(ledger.handled).toBe(2);
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
    const cause = new Error("reset");
    ledger.end({ cause });
    const error: unknown = await ledger.confirmation().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(XmppUnconfirmedError);
    expect(error).toMatchObject({ cause });
    expect(confirmed).toEqual(["a: XmppUnconfirmedError"]);
    expect(ledger.send(stanza("b"))).toBe(false);
  });

  it("knows what did not arrive once the server has told its last count", async () => {
    const { ledger, confirmed, send } = setUp();
    send("a");
    send("b");
    ledger.acknowledged(1);
    ledger.end({ isFinal: true });
    await Promise.resolve();
    await Promise.resolve();
    expect(confirmed).toEqual(["a", "b: XmppNotSentError"]);
  });

  it("is satisfied by an answered ping where there is no stream management", async () => {
    const { ledger, confirmed, send } = setUp({ keeps: false });
    send("a");
    ledger.send(stanza("ping"));
    const mark = ledger.sent;
    send("b");
    ledger.confirmedUpTo(mark);
    await Promise.resolve();
    expect(confirmed).toEqual(["a"]);
  });
});

describe("the count of what is handled", () => {
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

  it("follows the order of the stream, whatever is handled first", async () => {
    const { ledger } = setUp();
    const slow = Promise.withResolvers<void>();
    const quick = Promise.withResolvers<void>();
    ledger.receive();
    ledger.receive(slow.promise);
    ledger.receive(quick.promise);
    ledger.receive();
    quick.resolve();
    await settled();
    expect(ledger.handled).toBe(1);
    slow.resolve();
    await settled();
    expect(ledger.handled).toBe(4);
  });

  it("stops before a stanza that could not be handled", async () => {
    const { ledger } = setUp();
    ledger.receive(Promise.resolve());
    ledger.receive(Promise.reject(new Error("no space")));
    ledger.receive();
    await settled();
    expect(ledger.handled).toBe(1);
  });

  it("says when what was received until then is handled, and not what came later", async () => {
    const { ledger } = setUp();
    const first = Promise.withResolvers<void>();
    expect(ledger.caughtUp()).toBeUndefined();
    ledger.receive(first.promise);
    let count: number | undefined;
    void ledger.caughtUp()?.then(() => (count = ledger.handled));
    ledger.receive(new Promise(() => {}));
    await settled();
    expect(count).toBeUndefined();
    first.resolve();
    await settled();
    expect(count).toBe(1);
  });

  it("counts a stanza that comes again on the next connection, and no longer its first copy", async () => {
    const { ledger } = setUp();
    const first = Promise.withResolvers<void>();
    ledger.receive();
    ledger.receive(first.promise);
    ledger.detach();
    expect(ledger.rewind()).toBe(1);
    first.resolve();
    await settled();
    expect(ledger.handled).toBe(1);
    ledger.receive();
    expect(ledger.handled).toBe(2);
  });
});

describe("over the loss of a connection", () => {
  it("writes again what is not acknowledged, in order, before anything new", async () => {
    const { ledger, line, written, confirmed, send } = setUp();
    for (const name of ["a", "b", "c"]) send(name);
    ledger.detach();
    send("said in between");
    expect(written.splice(0)).toEqual(["a", "b", "c"]);
    expect(ledger.canBe(1)).toBe(true);
    ledger.acknowledged(1);
    ledger.attach(line);
    send("new");
    expect(written).toEqual(["b", "c", "said in between", "new"]);
    ledger.acknowledged(5);
    await Promise.resolve();
    expect(confirmed).toEqual(["a", "b", "c", "said in between", "new"]);
  });

  it("asks again what the last connection did not answer", () => {
    const { ledger, line, questions, send } = setUp();
    send("a");
    ledger.detach();
    ledger.probe();
    expect(questions()).toBe(1);
    ledger.attach(line);
    ledger.probe();
    expect(questions()).toBe(2);
  });

  it("knows what the server cannot have: more than was sent, less than it had", () => {
    const { ledger, send } = setUp();
    for (const name of ["a", "b", "c"]) send(name);
    ledger.acknowledged(2);
    expect([0, 1, 2, 3, 4, 2 ** 32 - 1].filter((h) => ledger.canBe(h))).toEqual([2, 3]);
  });

  it("goes on where the counters wrap", () => {
    const { ledger, line, written, send } = setUp({ start: 2 ** 32 - 2 });
    for (const name of ["a", "b", "c", "d"]) send(name);
    for (let i = 0; i < 3; i += 1) ledger.receive();
    expect(ledger.handled).toBe(1);
    ledger.detach();
    expect([2 ** 32 - 3, 2 ** 32 - 1, 0, 2, 3].filter((h) => ledger.canBe(h))).toEqual([
      2 ** 32 - 1,
      0,
      2,
    ]);
    ledger.acknowledged(1);
    written.length = 0;
    ledger.attach(line);
    expect(written).toEqual(["d"]);
  });

  it.each([
    ["stanzas", MAX_KEPT, 10],
    ["bytes", 8, MAX_KEPT_BYTES / 8],
  ])("keeps so many %s, and can do again once the server has them", (_what, count, bytes) => {
    const { ledger, line, written } = setUp();
    for (let i = 0; i < count; i += 1) ledger.send(stanza("x", bytes));
    expect(ledger.isComplete).toBe(true);
    ledger.send(stanza("x", bytes));
    expect(ledger.isComplete).toBe(false);
    ledger.send(stanza("y"));
    ledger.acknowledged(count);
    expect(ledger.isComplete).toBe(false);
    ledger.acknowledged(count + 1);
    expect(ledger.isComplete).toBe(true);
    written.length = 0;
    ledger.attach(line);
    expect(written).toEqual(["y"]);
  });

  it("asks before it keeps too much, though nobody waits for an answer", () => {
    const { ledger, questions } = setUp();
    for (let i = 0; i < 49; i += 1) ledger.send(stanza("x"));
    expect(questions()).toBe(0);
    ledger.send(stanza("x"));
    expect(questions()).toBe(1);
    ledger.acknowledged(0);
    expect(questions()).toBe(2);
    ledger.acknowledged(50);
    expect(questions()).toBe(2);
  });

  it("keeps nothing where it cannot be resumed", () => {
    const { ledger, line, written, send } = setUp({ keeps: false });
    send("a");
    expect(ledger.isComplete).toBe(false);
    ledger.attach(line);
    expect(written).toEqual(["a"]);
  });
});
