import { expect, test } from "vitest";
import { bareJid, type BareJid } from "../protocol/jid.ts";
import { createRecentMessages } from "./recent-messages.ts";

const ALICE = bareJid("alice@example") as BareJid;
const BOB = bareJid("bob@example") as BareJid;
const said = (id: string, senderId: string | undefined = "alice@example", text = id) => ({
  ids: [id],
  reference: id,
  from: ALICE,
  senderId,
  author: "alice",
  text,
});

test("finds a message in its own conversation, by each of its names", () => {
  const recent = createRecentMessages();
  recent.add(ALICE, { ...said("a"), ids: ["a", "origin"] });
  recent.name(ALICE, "a", "of the room");
  for (const id of ["a", "origin", "of the room"]) {
    expect(recent.find(ALICE, id)?.text).toBe("a");
  }
  expect(recent.find(ALICE, "a")?.reference).toBe("of the room");
  expect(recent.find(BOB, "a")).toBeUndefined();
  recent.remove("bob@example", ALICE, "origin");
  expect(recent.find(ALICE, "a")).toBeDefined();
  recent.remove("alice@example", ALICE, "origin");
  expect(recent.find(ALICE, "a")).toBeUndefined();
});

test("the last with an id counts: senders begin to count anew", () => {
  const recent = createRecentMessages();
  recent.add(ALICE, said("1", ALICE, "first"));
  recent.add(ALICE, said("1", ALICE, "second"));
  expect(recent.find(ALICE, "1")?.text).toBe("second");
});

test("what others say comes in between, what we say does not", () => {
  const recent = createRecentMessages();
  recent.add(ALICE, said("a"));
  recent.add(ALICE, { ...said("ours"), senderId: undefined });
  expect([recent.isLast(ALICE, "a"), recent.isLast(ALICE, "ours")]).toEqual([true, true]);
  recent.touch(ALICE);
  expect([recent.isLast(ALICE, "a"), recent.isLast(ALICE, "ours")]).toEqual([false, false]);
});

test("keeps 100 messages of a conversation, 300 conversations, 2000 characters", () => {
  const recent = createRecentMessages();
  for (let n = 0; n < 101; n += 1) recent.add(ALICE, said(String(n)));
  expect(recent.find(ALICE, "0")).toBeUndefined();
  expect(recent.find(ALICE, "1")).toBeDefined();
  for (let n = 0; n < 300; n += 1) recent.add(`p${n}@example` as BareJid, said("x"));
  expect(recent.find(ALICE, "1")).toBeUndefined();
  recent.add(BOB, said("x".repeat(1_001)));
  expect(recent.find(BOB, "x".repeat(1_001))).toBeUndefined();
  recent.add(BOB, said("long", BOB, "x".repeat(3_000)));
  expect(recent.find(BOB, "long")?.text).toHaveLength(2_000);
});
