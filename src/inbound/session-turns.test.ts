import { expect, it } from "vitest";
import { createSessionTurns } from "./session-turns.ts";

async function isFree(turns: ReturnType<typeof createSessionTurns>, key: string, place: string) {
  const free = turns.free(key, place).then(() => true);
  const soon = new Promise<false>((resolve) => setTimeout(resolve, 5, false));
  return await Promise.race([free, soon]);
}

it("lets the same place and other sessions in, and holds back another place until the end", async () => {
  const turns = createSessionTurns();
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  turns.begin("s", "room", first.promise);
  turns.begin("s", "room", second.promise);
  expect(await isFree(turns, "s", "room")).toBe(true);
  expect(await isFree(turns, "other", "direct")).toBe(true);
  expect(await isFree(turns, "s", "direct")).toBe(false);
  first.resolve();
  expect(await isFree(turns, "s", "direct")).toBe(false);
  second.reject(new Error("a failed turn has ended, too"));
  expect(await isFree(turns, "s", "direct")).toBe(true);
});
