import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);
/** Nothing is lost and nothing is doubled when connections end: the server's, the account's, ours. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { askMarker, bodiesFrom, hasReachedModel, think } from "../support/conversation.ts";
import { mergeConfig } from "../support/gateway.ts";
import type { SlixmppClient, StanzaEvent } from "../support/slixmpp.ts";
import { BOTS, getStage, type Stage } from "../support/stage.ts";

const BOT = BOTS.open;

let stage: Stage;
let maria: SlixmppClient;

beforeAll(async () => {
  stage = await getStage();
  maria = await stage.person("maria");
});
beforeEach(() => stage.model.clear());
afterEach(() => stage.model.setReply());
afterAll(async () => {
  require("node:fs").writeFileSync("/tmp/gw.log", stage.gateway.log());
  await maria.stop();
  await stage.gateway.waitForChannel("xmpp");
});

/** All that the agent has said to this person by the time that it answered something new. */
async function answersOf(person: SlixmppClient, since = 0): Promise<string[]> {
  stage.model.setReply();
  const marker = await askMarker(person, BOT);
  return bodiesFrom(person, BOT, since).filter((body) => body !== `echo: ${marker}`);
}

it("what was said while the agent was away is answered once it is back", async () => {
  const isPresence =
    (type: string) =>
    ({ event, from, type: kind }: StanzaEvent) =>
      event === "presence" && from === `${BOT}/openclaw` && kind === type;
  await maria.presence({ to: BOT, type: "subscribe" });
  await maria.waitFor(isPresence(""));
  const since = maria.stanzas.length;
  await stage.prosody.closeSessions(BOT);
  await maria.waitFor(isPresence("unavailable"), { since });
  await maria.send({ to: BOT, body: "are you asleep?" });
  expect(maria.stanzas.slice(since).some(isPresence(""))).toBe(false);
  await maria.waitForBody(BOT, { since, timeoutMs: 30_000 });
  expect(await answersOf(maria, since)).toEqual(["echo: are you asleep?"]);
});

it("an answer that is ready while the account restarts arrives once", async () => {
  const since = maria.stanzas.length;
  const thinking = think(stage.model);
  await maria.send({ to: BOT, body: "mind the restart" });
  await thinking.asked();
  const config = stage.gateway.readConfig();
  const name = { accounts: { open: { name: "Restarted" } } };
  const online = (stage.gateway.log().match(/openbot@localhost\/openclaw is online/g) ?? []).length;
  stage.gateway.writeConfig(mergeConfig(config, { channels: { xmpp: name } }));
  const again = new RegExp(`(?:openbot@localhost/openclaw is online[\\s\\S]*){${online + 1}}`);
  await stage.gateway.waitForLog(again, 30_000).catch((e) => console.log(String(e).slice(-3000)));
  thinking.answer(() => "I minded");
  await maria.waitForBody(BOT, { since, timeoutMs: 60_000 });
  expect(await answersOf(maria, since)).toEqual(["I minded"]);
});

it("an answer that is ready while the server is down arrives once it is up", async () => {
  const thinking = think(stage.model);
  await maria.send({ to: BOT, body: "mind the server" });
  await thinking.asked();
  await stage.prosody.kill();
  await maria.stop();
  thinking.answer(() => "I waited");
  await stage.prosody.restart();
  maria = await stage.person("maria");
  await maria.waitForBody(BOT, { timeoutMs: 60_000 });
  expect(await answersOf(maria)).toEqual(["I waited"]);
  expect(hasReachedModel(stage.model, "mind the server")).toBe(true);
});
