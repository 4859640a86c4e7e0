import { expect, it } from "vitest";
import type { BareJid } from "../protocol/jid.ts";
import { decideSubscription, type DmPolicy } from "./subscription.ts";

const ALICE = "alice@example.com" as BareJid;

it.each<[DmPolicy, string[], "accept" | "refuse"]>([
  ["open", [], "accept"],
  ["pairing", [], "accept"],
  ["allowlist", [], "refuse"],
  ["allowlist", ["alice@example.com"], "accept"],
  ["allowlist", ["*@example.com"], "accept"],
  ["allowlist", ["malice@example.com"], "refuse"],
  ["disabled", ["alice@example.com"], "refuse"],
  ["disabled", ["*"], "refuse"],
  ["unheard-of" as DmPolicy, ["*"], "refuse"],
])("%s with %j: %s", (dmPolicy, allowFrom, expected) => {
  expect(decideSubscription(ALICE, { dmPolicy, allowFrom })).toBe(expected);
});
