import { describe, expect, it } from "vitest";
import { createFakeLog, createFakeSession } from "../../test/support/fake-session.ts";
import { createOutbox } from "../../test/support/outbox.ts";
import { codes, item, presence, ROOM } from "../../test/support/room-xml.ts";
import { createRooms } from "../client/rooms.ts";
import { XmppNotSentError } from "../errors.ts";
import type { FullJid } from "../protocol/jid.ts";
import { DISCO_INFO } from "../protocol/xep-0030-disco.ts";
import { acknowledge, changeReactions, endAcknowledgement, sendReaction } from "./reactions.ts";
import type { Target } from "./target.ts";

const PEER = "alice@example" as FullJid;
const DIRECT: Target = { kind: "direct", to: PEER };
const IN_ROOM: Target = { kind: "room", room: ROOM, to: ROOM };

const restricted = (fields: string) =>
  `<iq type="result"><query xmlns="http://jabber.org/protocol/disco#info"><identity category="conference" type="text"/><feature var="muc_open"/><x xmlns="jabber:x:data" type="result"><field var="FORM_TYPE" type="hidden"><value>urn:xmpp:reactions:0:restrictions</value></field>${fields}</x></query></iq>`;

function setUp(description?: string) {
  const session = createFakeSession();
  const rooms = createRooms({ session, log: createFakeLog(), nick: "bot" });
  session.goOnline();
  if (description !== undefined) session.onRequest(DISCO_INFO, description);
  rooms.join(ROOM);
  void session.receive(presence("bot", item() + codes(110)));
  session.takeSent();
  const { send } = session;
  session.send = async (stanza) => {
    await send(stanza);
    const id = String(stanza.attrs["id"]);
    if (stanza.attrs["type"] === "groupchat") outbox.sent.reflect(id, ROOM, undefined);
  };
  const outbox = createOutbox(session, rooms);
  for (const [place, id] of [
    [PEER, "theirs"],
    [ROOM, "of-room"],
  ] as const) {
    outbox.recent.add(place as never, {
      ids: [id],
      reference: id,
      from: PEER,
      senderId: PEER,
      author: "alice",
      text: "hello",
    });
  }
  const sent = () =>
    session
      .takeSent()
      .map((xml) => [...xml.matchAll(/<reaction>([^<]+)/g)].map((match) => match[1]));
  return { session, outbox, sent };
}

describe("a reaction of ours", () => {
  it("is the whole set, is kept, and says nothing in words", async () => {
    const { session, outbox } = setUp();
    await sendReaction(outbox, DIRECT, { id: "theirs", reactions: ["👍", "👍", " "] });
    const [xml = ""] = session.takeSent();
    expect(xml).toContain(
      '<reactions xmlns="urn:xmpp:reactions:0" id="theirs"><reaction>👍</reaction></reactions>',
    );
    expect(xml).toContain('to="alice@example" type="chat"');
    expect(xml).toContain('<store xmlns="urn:xmpp:hints"/>');
    expect(xml).not.toContain("<body");
  });

  it("is added to and taken from what we had", async () => {
    const { outbox, sent } = setUp();
    await changeReactions(outbox, DIRECT, "theirs", { add: ["👀"] });
    await changeReactions(outbox, DIRECT, "theirs", { add: ["👍"] });
    await changeReactions(outbox, DIRECT, "theirs", { remove: ["👀"] });
    await changeReactions(outbox, DIRECT, "theirs", { remove: ["👍"] });
    expect(sent()).toEqual([["👀"], ["👀", "👍"], ["👍"], []]);
  });

  it("is said once, and again where it did not arrive", async () => {
    const { session, outbox, sent } = setUp();
    const { send } = session;
    session.send = async () => await Promise.reject(new XmppNotSentError("offline"));
    const add = async (emoji: string) =>
      await changeReactions(outbox, DIRECT, "theirs", { add: [emoji] });
    await expect(add("👍")).rejects.toThrow("offline");
    session.send = send;
    await add("👍");
    await add("👍");
    await changeReactions(outbox, DIRECT, "theirs", { remove: ["👀"] });
    await sendReaction(outbox, DIRECT, { id: "theirs", reactions: ["👍", "👍"] });
    expect(sent()).toEqual([["👍"]]);
    // What we had on it before a restart nobody knows: all is taken away.
    await sendReaction(outbox, DIRECT, { id: "unknown", reactions: [] });
    await sendReaction(outbox, DIRECT, { id: "unknown", reactions: [] });
    expect(sent()).toEqual([[], []]);
  });

  it("takes the place of the sign that the agent is at work, where the room allows but one", async () => {
    const one = '<field var="max_reactions_per_user"><value>1</value></field>';
    const { outbox, sent } = setUp(restricted(one));
    await acknowledge(outbox, IN_ROOM, "of-room", "👀");
    await changeReactions(outbox, IN_ROOM, "of-room", { add: ["👍"] });
    await endAcknowledgement(outbox, IN_ROOM, "of-room", "👀");
    expect(sent()).toEqual([["👀"], ["👍"]]);
    await expect(changeReactions(outbox, IN_ROOM, "of-room", { add: ["🎉"] })).rejects.toThrow(
      "allows 1 reactions a person",
    );
  });

  it("stands beside that sign elsewhere, and stays where it is the same", async () => {
    const { outbox, sent } = setUp();
    await acknowledge(outbox, DIRECT, "theirs", "👀");
    await changeReactions(outbox, DIRECT, "theirs", { add: ["👍"] });
    await endAcknowledgement(outbox, DIRECT, "theirs", "👀");
    expect(sent()).toEqual([["👀"], ["👀", "👍"], ["👍"]]);
    await acknowledge(outbox, DIRECT, "theirs", "👀");
    await changeReactions(outbox, DIRECT, "theirs", { add: ["👀"] });
    await endAcknowledgement(outbox, DIRECT, "theirs", "👀");
    await acknowledge(outbox, DIRECT, "theirs", "👍");
    await endAcknowledgement(outbox, DIRECT, "theirs", "👍");
    expect(sent()).toEqual([["👍", "👀"]]);
  });

  it("is only what the room allows", async () => {
    const allow =
      '<field var="allowlist"><value>👍</value><value>❤️</value></field><field var="max_reactions_per_user"><value>1</value></field>';
    const { outbox, sent } = setUp(restricted(allow));
    await sendReaction(outbox, IN_ROOM, { id: "r1", reactions: ["❤️"] });
    expect(sent()).toEqual([["❤️"]]);
    await expect(sendReaction(outbox, IN_ROOM, { id: "r1", reactions: ["👀"] })).rejects.toThrow(
      "does not allow the reaction 👀",
    );
    await expect(
      sendReaction(outbox, IN_ROOM, { id: "r1", reactions: ["👍", "❤️"] }),
    ).rejects.toThrow("allows 1 reactions a person");
    expect(sent()).toEqual([]);
  });
});
