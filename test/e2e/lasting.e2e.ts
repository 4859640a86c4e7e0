/** Nothing is lost and nothing is doubled when connections end: the server's, the account's, ours. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { askMarker, bodiesFrom, hasReachedModel, think } from "../support/conversation.ts";
import { mergeConfig } from "../support/gateway.ts";
import type { SlixmppClient } from "../support/slixmpp.ts";
import { waitFor } from "../support/wait.ts";
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
  await maria.stop();
  await stage.gateway.waitForChannel("xmpp");
});

/** Ends the agent's streams and lets maria write to it, before it can be back. */
function closeAndSay(text: string): string {
  const sender = `prosody.full_sessions["${maria.jid}"]`;
  const message = `require "util.stanza".message({ to = "${BOT}", from = "${maria.jid}", type = "chat" }, "${text}")`;
  return `> (function() for _, s in pairs(prosody.hosts["localhost"].sessions["openbot"].sessions) do s:close() end; prosody.core_post_stanza(${sender}, ${message}); return "said" end)()`;
}

/** All that the agent has said to this person by the time that it answered something new. */
async function answersOf(person: SlixmppClient, since = 0): Promise<string[]> {
  stage.model.setReply();
  const marker = await askMarker(person, BOT);
  return bodiesFrom(person, BOT, since).filter((body) => body !== `echo: ${marker}`);
}

it("what was said while the agent was away is answered once it is back", async () => {
  await stage.prosody.shell(closeAndSay("are you asleep?"));
  await maria.waitForBody(BOT, { timeoutMs: 90_000 });
  expect(await answersOf(maria)).toEqual(["echo: are you asleep?"]);
});

it("an answer that is ready when the account is about to restart arrives once", async () => {
  const since = maria.stanzas.length;
  const thinking = think(stage.model);
  await maria.send({ to: BOT, body: "mind the restart" });
  await thinking.asked();
  const isOnline = /openbot@localhost\/openclaw is online/g;
  const logins = () => stage.gateway.log().match(isOnline)?.length ?? 0;
  const before = logins();
  const name = { accounts: { open: { name: "Restarted" } } };
  const config = mergeConfig(stage.gateway.readConfig(), { channels: { xmpp: name } });
  stage.gateway.writeConfig(config);
  await stage.gateway.waitForLog(/config change requires channel reload \(xmpp\)/);
  thinking.answer(() => "I minded");
  await maria.waitForBody(BOT, { since, timeoutMs: 60_000 });
  await waitFor(() => logins() > before, { what: "the new login" });
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
