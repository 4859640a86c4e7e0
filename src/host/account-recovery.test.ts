import { expect, it, vi } from "vitest";
import { createFakeLog } from "../../test/support/fake-session.ts";
import type { AccountBasis } from "./account-basis.ts";
import { createAccountRecovery } from "./account-recovery.ts";

vi.mock("./kept-deliveries.ts", () => {
  const fail = () => {
    throw new Error("the host's store is broken");
  };
  return { createKeptDeliveries: () => ({ look: async () => fail(), onOnline: fail }) };
});

it("an account takes messages in, though what it still had to say cannot be looked at", async () => {
  const log = createFakeLog();
  const basis = { accountId: "work", log, stores: { owed: { left: () => [] } } };
  const recovery = createAccountRecovery(basis as unknown as AccountBasis);
  await expect(recovery.onOnline()).resolves.toBeUndefined();
  expect(log.lines.join("\n")).toContain("the host's store is broken");
});
