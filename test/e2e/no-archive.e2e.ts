/** On a server without archives: what it keeps for who is offline is answered, once, and status says what is missing. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, askMarker, bodiesFrom, hasReachedModel } from "../support/conversation.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { UNHURRIED } from "../support/limits.ts";
import { type Prosody, startProsody } from "../support/prosody.ts";
import { passwordFor } from "../support/secrets.ts";
import { type SlixmppClient, startSlixmppUser } from "../support/slixmpp.ts";
import { PACKAGE } from "../support/stage.ts";
import { type StubModel, startStubModel } from "../support/stub-model.ts";

const BOT = "bot@localhost";
const HANDLED_MS = 90_000;

let prosody: Prosody;
let model: StubModel;
let gateway: Gateway;
let alice: SlixmppClient;
let eve: SlixmppClient;

beforeAll(async () => {
  [prosody, model] = await Promise.all([startProsody({ without: ["mam"] }), startStubModel()]);
  const password = passwordFor(BOT);
  await prosody.register("bot", password);
  [alice, eve] = await Promise.all([
    startSlixmppUser(prosody, "alice"),
    startSlixmppUser(prosody, "eve"),
  ]);
  gateway = await startGateway({
    modelUrl: model.baseUrl,
    plugins: [{ kind: "path", path: PACKAGE }],
    config: {
      session: { dmScope: "per-account-channel-peer" },
      channels: {
        xmpp: {
          jid: BOT,
          password,
          server: `127.0.0.1:${prosody.ports.c2s}`,
          tls: { caFile: prosody.caFile },
          limits: UNHURRIED,
          dmPolicy: "allowlist",
          allowFrom: ["alice@localhost"],
        },
      },
    },
  });
}, 120_000);
afterAll(async () => {
  await Promise.all([alice, eve].map(async (client) => await client?.stop()));
  await gateway?.stop();
  await Promise.all([prosody?.stop(), model?.stop()]);
});

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
