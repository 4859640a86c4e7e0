import { expect, test } from "vitest";
import { createFakeLog, createFakeSession } from "../../test/support/fake-session.ts";
import type { FullJid } from "../protocol/jid.ts";
import { DISCO_INFO, encodeDiscoInfo, type DiscoInfo } from "../protocol/xep-0030-disco.ts";
import { capsNode, capsOf } from "../protocol/xep-0115-caps.ts";
import { createProgramFinder } from "./programs.ts";

const OWN = "https://own.example";
const NODE = "https://other.example";
const describe = (type: string): DiscoInfo => ({
  identities: [{ category: "client", type }],
  features: [DISCO_INFO],
  forms: [],
});
const occupant = (caps?: string, stay = "s1") => ({
  occupantJid: "room@chat.example/x" as FullJid,
  caps,
  stay,
});

function setUp(answer: DiscoInfo | Error) {
  const session = createFakeSession();
  session.goOnline();
  const reply =
    answer instanceof Error
      ? answer
      : `<iq type="result">${encodeDiscoInfo(answer).toString()}</iq>`;
  session.onRequest(DISCO_INFO, reply);
  return { session, isProgram: createProgramFinder(session, OWN, createFakeLog()) };
}

const capsOfType = (type: string) => capsNode(capsOf(describe(type), NODE));

test.each([
  ["bot", true],
  ["phone", false],
])("a client of type %s, asked once for all of its kind", async (type, expected) => {
  const { session, isProgram } = setUp(describe(type));
  const caps = capsOfType(type);
  expect(await Promise.all([isProgram(occupant(caps)), isProgram(occupant(caps))])).toEqual([
    expected,
    expected,
  ]);
  expect(await isProgram(occupant(caps, "s2"))).toBe(expected);
  expect(session.takeSent()).toHaveLength(1);
});

test("an agent of this plugin is known without asking; who announces nothing is a person", async () => {
  const { session, isProgram } = setUp(describe("phone"));
  expect(await isProgram(occupant(`${OWN}#anything`))).toBe(true);
  expect(await isProgram(occupant(`${OWN}.evil#anything`))).toBe(false);
  expect(await isProgram(occupant())).toBe(false);
  expect(session.takeSent()).toHaveLength(1);
});

test("an answer that does not fit the caps makes nobody else a program", async () => {
  const { session, isProgram } = setUp(describe("bot"));
  const caps = capsOfType("phone");
  const liar = isProgram(occupant(caps, "liar"));
  session.onRequest(DISCO_INFO, `<iq>${encodeDiscoInfo(describe("phone")).toString()}</iq>`);
  // Asked while the liar's answer is on its way, and after it.
  const honest = isProgram(occupant(caps, "honest"));
  expect(await Promise.all([liar, honest])).toEqual([true, false]);
  expect(await isProgram(occupant(caps, "another"))).toBe(false);
});

test("nor does one that came alone", async () => {
  const { session, isProgram } = setUp(describe("bot"));
  const caps = capsOfType("phone");
  expect(await isProgram(occupant(caps, "liar"))).toBe(true);
  session.onRequest(DISCO_INFO, `<iq>${encodeDiscoInfo(describe("phone")).toString()}</iq>`);
  expect(await isProgram(occupant(caps, "honest"))).toBe(false);
});

test("who does not answer is asked once for their stay, and no more", async () => {
  const { session, isProgram } = setUp(new Error("gone"));
  const caps = capsOfType("bot");
  expect(await isProgram(occupant(caps))).toBe(false);
  expect(await isProgram(occupant(caps))).toBe(false);
  expect(session.takeSent()).toHaveLength(1);
  session.onRequest(DISCO_INFO, `<iq>${encodeDiscoInfo(describe("bot")).toString()}</iq>`);
  expect(await isProgram(occupant(caps, "s2"))).toBe(true);
});
