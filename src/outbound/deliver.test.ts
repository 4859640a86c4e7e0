import { isChannelPartialDeliveryError } from "openclaw/plugin-sdk/channel-inbound";
import { PlatformMessageNotDispatchedError } from "openclaw/plugin-sdk/error-runtime";
import { parse } from "ltx";
import { expect, it } from "vitest";
import { createFakeLog, createFakeSession } from "../../test/support/fake-session.ts";
import { createRooms } from "../client/rooms.ts";
import { XmppNotSentError, XmppUnconfirmedError } from "../errors.ts";
import type { BareJid } from "../protocol/jid.ts";
import { deliverText } from "./deliver.ts";
import type { Target } from "./target.ts";
import { createSentMessages } from "./sent-messages.ts";

const ALICE: Target = { kind: "direct", to: "alice@example.com" as BareJid };
const ROOM = "coven@chat.example" as BareJid;
const THREE = "one\n\ntwo\n\nthree";

/** `failures`: what the n-th send rejects with. */
function setUp(failures: (Error | undefined)[] = []) {
  const session = createFakeSession();
  session.goOnline();
  const send = session.send.bind(session);
  let count = 0;
  session.send = async (stanza) => {
    const failure = failures[count++];
    if (failure) throw failure;
    await send(stanza);
  };
  const rooms = createRooms({ session, log: createFakeLog(), nick: "bot" });
  const deliver = (text: string, target: Target = ALICE) =>
    deliverText({ session, rooms, sent: createSentMessages() }, target, text, { textLimit: 5 });
  return { session, deliver };
}

it("gives a receipt of every message that was confirmed", async () => {
  const { session, deliver } = setUp();
  const { messageIds, receipt } = await deliver(THREE);
  const sent = session.takeSent().map((xml) => parse(xml));
  expect(sent.map((message) => message.getChildText("body"))).toEqual(["one", "two", "three"]);
  expect(messageIds).toEqual(sent.map(({ attrs }) => String(attrs["id"])));
  expect(new Set(messageIds).size).toBe(3);
  expect(sent.map((message) => message.getChild("origin-id")?.attrs["id"])).toEqual(messageIds);
  expect(JSON.stringify(receipt)).toContain(messageIds[2]);
});

it("says that nothing left when nothing did", async () => {
  const { deliver } = setUp([new XmppNotSentError("offline")]);
  await expect(deliver(THREE)).rejects.toBeInstanceOf(PlatformMessageNotDispatchedError);
  const { deliver: toRoom } = setUp();
  await expect(toRoom("x", { kind: "room", room: ROOM, to: ROOM })).rejects.toThrow(/not in room/);
});

it.each([new XmppNotSentError("offline"), new XmppUnconfirmedError("lost")])(
  "says which part arrived when a later one failed: %s",
  async (failure) => {
    const { deliver } = setUp([undefined, failure]);
    const error: unknown = await deliver(THREE).catch((thrown: unknown) => thrown);
    expect(isChannelPartialDeliveryError(error)).toBe(true);
    expect(error).not.toBeInstanceOf(PlatformMessageNotDispatchedError);
  },
);

it("does not claim to know when it does not", async () => {
  const lost = new XmppUnconfirmedError("lost");
  const { deliver } = setUp([lost]);
  await expect(deliver("one")).rejects.toBe(lost);
});

it("sends nothing for nothing", async () => {
  const { session, deliver } = setUp();
  expect((await deliver(" \n\n ")).messageIds).toEqual([]);
  expect(session.takeSent()).toEqual([]);
});
