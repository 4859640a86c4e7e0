/** The clients that room tests put beside ours understand each other: three of them, three libraries. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startMcabber } from "../support/mcabber.ts";
import { startProfanity } from "../support/profanity.ts";
import { type Prosody, startProsody } from "../support/prosody.ts";
import { type SlixmppClient, startSlixmppUser } from "../support/slixmpp.ts";
import type { TerminalClient } from "../support/terminal.ts";

const PASSWORD = "sesame";

let prosody: Prosody;
let alice: SlixmppClient;
let clients: TerminalClient[] = [];

beforeAll(async () => {
  prosody = await startProsody();
  const login = async (user: string) => ({
    jid: await prosody.register(user, user),
    password: user,
    port: prosody.ports.c2s,
  });
  alice = await startSlixmppUser(prosody, "alice");
  clients = [await startProfanity(await login("petra")), await startMcabber(await login("mac"))];
});

afterAll(async () => {
  await Promise.all([alice?.stop(), ...clients.map((client) => client.stop())]);
  await prosody?.stop();
});

test("people on slixmpp, profanity and mcabber talk in a room with a password", async () => {
  const room = await prosody.room("den", { password: PASSWORD });
  await alice.join(room, "queen", PASSWORD);
  const [profanity, mcabber] = clients;
  await profanity?.join(room, { nick: "pet", password: PASSWORD });
  await mcabber?.join(room, { nick: "mac", password: PASSWORD });
  await alice.send({ to: room, type: "groupchat", body: "who is there?" });
  for (const client of clients) await client.see(room, /queen\W.*who is there\?/);
  await profanity?.say(room, "it is pet");
  expect((await alice.waitForBody(`${room}/pet`)).body).toBe("it is pet");
  await mcabber?.say(room, "it is mac");
  expect((await alice.waitForBody(`${room}/mac`)).body).toBe("it is mac");
  await profanity?.see(room, /mac\W.*it is mac/);
  await mcabber?.see(room, /pet\W.*it is pet/);
});
