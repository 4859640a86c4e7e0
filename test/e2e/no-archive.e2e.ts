/** On a server without archives: what it keeps for who is offline is answered, once, and status says what is missing. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, askMarker, bodiesFrom, hasReachedModel } from "../support/conversation.ts";
import type { Gateway } from "../support/gateway.ts";
import { startOwnStage, type OwnStage } from "../support/own-stage.ts";
import type { SlixmppClient } from "../support/slixmpp.ts";
import type { StubModel } from "../support/stub-model.ts";

const BOT = "bot@localhost";
const HANDLED_MS = 90_000;

let stage: OwnStage;
let model: StubModel;
let gateway: Gateway;
let alice: SlixmppClient;
let eve: SlixmppClient;

beforeAll(async () => {
  const channel = { dmPolicy: "allowlist", allowFrom: ["alice@localhost"] };
  stage = await startOwnStage(BOT, async () => ({ channel }), { without: ["mam"] });
  ({ gateway, model } = stage);
  [alice, eve] = await Promise.all([stage.person("alice"), stage.person("eve")]);
}, 120_000);
afterAll(async () => await stage?.stop());

test("what was said during an absence is answered once, in order, to who may ask", async () => {
  await ask(alice, BOT, "before");
  await gateway.halt();
  const since = alice.stanzas.length;
  for (const body of ["one", "two", "three"]) await alice.send({ to: BOT, body });
  await eve.send({ to: BOT, body: "eve wants in" });
  await Promise.all([alice.ping(), eve.ping()]);
  await gateway.resume();
  const marker = await askMarker(alice, BOT, HANDLED_MS);
  const expected = ["one", "two", "three", marker].map((text) => `echo: ${text}`);
  expect(bodiesFrom(alice, BOT, since)).toEqual(expected);
  expect(hasReachedModel(model, "eve wants in")).toBe(false);
});

test("status says that there is no archive, and what to do", async () => {
  const { stdout } = await gateway.openclaw(["channels", "status", "--probe"]);
  expect(stdout).toContain("no archive");
  expect(stdout).toContain("XEP-0313");
  expect(await gateway.accounts("xmpp")).toMatchObject([{ archive: false }]);
});
