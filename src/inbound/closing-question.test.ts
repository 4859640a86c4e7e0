/** What becomes of the message that asked, once the question is answered. */
import { parse } from "ltx";
import { questionGatewayRuntime } from "openclaw/plugin-sdk/question-gateway-runtime";
import { afterEach, expect, it, vi } from "vitest";
import { body, createOpenRoadIn, enterRoom, message } from "../../test/support/road-in.ts";
import { item, presence, ROOM } from "../../test/support/room-xml.ts";
import type { Reader } from "../client/correction-readers.ts";
import { parseJid, type FullJid } from "../protocol/jid.ts";

const PHONE = parseJid("alice@example/phone")?.full as FullJid;
const FOLLOWS: Reader[] = [{ jid: PHONE, stay: "1", retracts: false }];
const QUESTION = {
  text: "Tea or coffee?",
  channelData: { askUser: { questionId: "q-1" } },
  presentation: {
    blocks: [
      {
        type: "buttons",
        buttons: ["Tea", "Coffee"].map((label) => ({
          label,
          action: { type: "question", questionId: "q-1", optionValue: label },
        })),
      },
    ],
  },
};

afterEach(() => vi.restoreAllMocks());

/** The agent has asked. @returns what it sent, and how the host ends the question */
async function asked({ readers = FOLLOWS, from = PHONE as string, text = QUESTION.text } = {}) {
  const register = vi.spyOn(questionGatewayRuntime, "registerChannelDelivery");
  const road = createOpenRoadIn({
    keys: { textChunkLimit: 100, mucRooms: { [ROOM]: { requireMention: false } } },
    context: { findReaders: async () => readers },
  });
  const { session, dispatches, receiver } = road;
  enterRoom(road);
  session.receive(presence("alice", item("alice@example/x")));
  const isInRoom = from.startsWith(ROOM);
  const { send } = session;
  session.send = async (stanza) => {
    await send(stanza);
    const { id, type } = stanza.attrs as Record<string, string>;
    if (type === "groupchat") {
      const echo = message(`${ROOM}/bot`, "<body>…</body>", "groupchat");
      void session.receive(echo.replace("<message ", `<message id="${id}" `));
    }
  };
  await session.receive(
    message(from, `${body("What do I get?")}<thread>t</thread>`, isInRoom ? "groupchat" : "chat"),
  );
  await receiver.idle();
  const said = () =>
    session
      .takeSent()
      .map((xml) => parse(xml))
      .filter((stanza) => stanza.getChildText("body"));
  said();
  await dispatches.at(-1)?.delivery.deliver({ ...QUESTION, text }, { kind: "tool" });
  const questions = said();
  const [call] = register.mock.calls;
  const end = async (statusLine: string) => {
    await call?.[0].finalize(statusLine);
    return said();
  };
  return { call: call?.[0], questions, end };
}

it.each([
  ["in a direct chat", {}],
  ["in a room, where nobody knows who follows", { from: `${ROOM}/alice`, readers: [] }],
])("says what was chosen, in place of the question, %s", async (_, options) => {
  const { call, questions, end } = await asked(options);
  const [question] = questions;
  const id = question?.attrs["id"] as string;
  expect(call).toMatchObject({ questionId: "q-1", deliveryId: id });
  expect(question?.getChildren("response")).toHaveLength(2);
  const [correction, ...none] = await end("Answered: Coffee");
  expect(none).toEqual([]);
  expect(correction?.getChild("replace")?.attrs["id"]).toBe(id);
  expect(correction?.getChildText("body")).toBe(
    `${question?.getChildText("body")}\n\nAnswered: Coffee`,
  );
  expect(correction?.attrs["to"]).toBe(question?.attrs["to"]);
  expect(correction?.getChildText("thread")).toBe("t");
  // Nothing is left to tap.
  expect(correction?.getChildren("response")).toEqual([]);
});

it("says nothing to whose clients would show the question again", async () => {
  const { call, end } = await asked({ readers: [] });
  expect(call).toBeDefined();
  expect(await end("Answered: Tea")).toEqual([]);
});

it("leaves a question that took several messages as it is", async () => {
  const { call, questions } = await asked({ text: "Tea or coffee? ".repeat(12) });
  expect(questions.length).toBeGreaterThan(1);
  expect(call).toBeUndefined();
});
