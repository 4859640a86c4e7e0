/** What a number is to the agent where it has offered choices. */
import { expect, it } from "vitest";
import { body, createRoadIn, message } from "../../test/support/road-in.ts";
import type { Choice } from "../outbound/choices.ts";
import { offeredChoicesOf } from "../outbound/offered-choices.ts";
import { encodeBody, sendMessage } from "../outbound/send.ts";
import type { Target } from "../outbound/target.ts";
import { bareJid, type FullJid } from "../protocol/jid.ts";

const ALICE = bareJid("alice@example")!;
const TO_ALICE: Target = { kind: "direct", to: ALICE as string as FullJid };
const CHOICES: Choice[] = [
  { label: "Canary", value: "env:canary" },
  { label: "Production", value: "env:prod" },
  { label: "Allow", value: "/approve 1a allow-once" },
  { label: "Bare", value: "approve 1a allow-once" },
  { label: "Spaced", value: " /approve 1a allow-once" },
];

async function offered() {
  const road = createRoadIn({ keys: { dmPolicy: "allowlist", allowFrom: ["alice@example"] } });
  const { outbox, session, receiver, turns } = road;
  const send = async (id: string) =>
    await sendMessage(outbox, TO_ALICE, encodeBody(TO_ALICE, id, "Which?", {}));
  await send("offer");
  offeredChoicesOf("default").note(ALICE, "offer", CHOICES);
  const say = async (text: string, beside = "") => {
    await session.receive(message("alice@example/x", body(text) + beside));
    await receiver.idle();
    return turns.at(-1)?.message.rawBody;
  };
  return { say, send };
}
const reply = '<reply xmlns="urn:xmpp:reply:0" id="offer"/>';

it.each([
  ["2", "env:prod"],
  ["Canary", "env:canary"],
  ["env:prod", "env:prod"],
  ["3", "3"],
  ["4", "4"],
  ["5", "5"],
  ["6", "6"],
  ["2 of them", "2 of them"],
])("%j is %j", async (said, heard) => {
  const { say } = await offered();
  expect(await say(said)).toBe(heard);
});

it("is a number once something else was said, unless it replies to the offer", async () => {
  const { say, send } = await offered();
  await send("something else");
  expect(await say("2")).toBe("2");
  expect(await say("1", reply)).toBe("env:canary");
});
