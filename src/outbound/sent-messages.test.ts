import { expect, it } from "vitest";
import { XmppStanzaError } from "../errors.ts";
import type { BareJid, FullJid } from "../protocol/jid.ts";
import { createSentMessages } from "./sent-messages.ts";

const ALICE = "alice@example" as FullJid;
const OCCUPANT = "team@muc.example/alice" as FullJid;
const ROOM = "team@muc.example" as BareJid;
const error = new XmppStanzaError("cancel", "service-unavailable");

it("knows what was refused, by whom it was sent to only", () => {
  const sent = createSentMessages();
  sent.add("a", ALICE);
  sent.add("b", OCCUPANT);
  expect(sent.refuse("a", "mallory@example" as FullJid, error)).toBe(false);
  expect(sent.refuse("b", "team@muc.example/mallory" as FullJid, error)).toBe(false);
  expect(sent.refuse("unknown", ALICE, error)).toBe(false);
  sent.assertNotRefused("a");
  expect(sent.refuse("a", ALICE, error)).toBe(true);
  expect(sent.refuse("b", "team@muc.example" as FullJid, error)).toBe(true);
  expect(() => sent.assertNotRefused("a")).toThrow(error);
  expect(() => sent.assertNotRefused("b")).toThrow(error);
});

it("tells of a refusal once, however often it comes", () => {
  const refused: string[] = [];
  const sent = createSentMessages(
    ({ to, error: { condition } }) => void refused.push(`${to} ${condition}`),
  );
  sent.add("a", ALICE);
  const all = Array.from({ length: 50 }, () => sent.refuse("a", ALICE, error));
  expect(all.filter(Boolean)).toHaveLength(1);
  expect(refused).toEqual([`${ALICE} ${error.condition}`]);
});

it("tells apart what its sender still hears of", () => {
  const late: [string, string, boolean][] = [];
  const sent = createSentMessages(({ to, kind, isLate }) => void late.push([to, kind, isLate]));
  sent.add("a", ALICE);
  sent.add("b", OCCUPANT, "room-private");
  sent.settle("b");
  sent.refuse("a", ALICE, error);
  sent.refuse("b", OCCUPANT, error);
  expect(late).toEqual([
    [ALICE, "direct", false],
    [OCCUPANT, "room-private", true],
  ]);
});

it("waits for what comes back", async () => {
  const sent = createSentMessages();
  sent.add("a", ROOM);
  let isBack = false;
  const returned = sent.returned("a").then(() => (isBack = true));
  await new Promise(setImmediate);
  expect(isBack).toBe(false);
  sent.reflect("a", "other@muc.example" as BareJid, "stolen");
  await new Promise(setImmediate);
  expect(isBack).toBe(false);
  sent.reflect("a", ROOM, "s1");
  await returned;
});

it("forgets the oldest", () => {
  const sent = createSentMessages();
  for (let id = 0; id < 1001; id++) sent.add(`${id}`, ALICE);
  expect(sent.refuse("0", ALICE, error)).toBe(false);
  expect(sent.refuse("1", ALICE, error)).toBe(true);
});

it("knows its own by our id and by the room's, in that room only", () => {
  const sent = createSentMessages();
  sent.add("a", ROOM);
  sent.add("b", ALICE);
  sent.reflect("a", ROOM, "s1");
  const other = "other@muc.example" as BareJid;
  expect(["a", "s1", "b", "s2"].map((id) => sent.isOurs(id, ROOM))).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect(sent.isOurs("s1", other)).toBe(false);
});
