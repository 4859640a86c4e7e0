/** What the message tool does with messages of ours is tested in host/actions.test.ts. */
import { parse } from "ltx";
import { expect, it } from "vitest";
import { createFakeLog, createFakeSession } from "../../test/support/fake-session.ts";
import { createOutbox } from "../../test/support/outbox.ts";
import { createRooms } from "../client/rooms.ts";
import { XmppStanzaError } from "../errors.ts";
import type { FullJid } from "../protocol/jid.ts";
import { editOwn, retractOwn } from "./own-messages.ts";
import { encodeBody, sendMessage, type Outbox } from "./send.ts";
import type { Target } from "./target.ts";

const ALICE = "alice@far.example" as FullJid;
const DIRECT: Target = { kind: "direct", to: ALICE };

it.each<[string, (outbox: Outbox) => Promise<unknown>]>([
  ["a correction", (outbox) => editOwn(outbox, DIRECT, "m1", "uno", { textLimit: 100 })],
  ["a retraction", (outbox) => retractOwn(outbox, DIRECT, "m1")],
])("the agent hears of %s that came back after it was said to be sent", async (_, act) => {
  const session = createFakeSession();
  session.goOnline();
  const rooms = createRooms({ session, log: createFakeLog(), nick: "bot" });
  const late: unknown[] = [];
  const outbox = createOutbox(session, rooms, ({ to, isLate }) => isLate && late.push(to));
  await sendMessage(outbox, DIRECT, encodeBody(DIRECT, "m1", "one", {}));
  session.takeSent();
  await act(outbox);
  const [sent = ""] = session.takeSent();
  const gone = new XmppStanzaError("cancel", "gone");
  expect(outbox.sent.refuse(String(parse(sent).attrs["id"]), ALICE, gone)).toBe(true);
  expect(late).toEqual([ALICE]);
});
