/** One action after the other. */
import { expect, it } from "vitest";
import { createTurns } from "./turns.ts";

it("runs an action once the one before is over, in the order asked for", async () => {
  const inTurn = createTurns();
  const first = Promise.withResolvers<string>();
  const seen: string[] = [];
  const act = (name: string, work?: Promise<string>) =>
    inTurn(async () => {
      seen.push(`${name} begins`);
      await work;
      seen.push(`${name} ends`);
      return name;
    });
  const all = Promise.all([act("one", first.promise), act("two"), act("three")]);
  expect(seen).toEqual([]);
  await Promise.resolve();
  expect(seen).toEqual(["one begins"]);
  first.resolve("now");
  expect(await all).toEqual(["one", "two", "three"]);
  expect(seen).toEqual(
    ["one", "two", "three"].flatMap((name) => [`${name} begins`, `${name} ends`]),
  );
});

it("tells of a failure whoever asked for that action, and goes on with the next", async () => {
  const inTurn = createTurns();
  const failing = inTurn(async () => await Promise.reject(new Error("refused")));
  const throwing = inTurn(() => {
    throw new Error("thrown");
  });
  const next = inTurn(() => "done");
  await expect(failing).rejects.toThrow("refused");
  await expect(throwing).rejects.toThrow("thrown");
  await expect(next).resolves.toBe("done");
});

it("lets those of another queue go before", async () => {
  const [inTurn, inOther] = [createTurns(), createTurns()];
  void inTurn(async () => await new Promise<never>(() => undefined));
  await expect(inOther(() => "at once")).resolves.toBe("at once");
});
