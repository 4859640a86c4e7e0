/** Who may talk to the agent one to one, by dmPolicy; the person is slixmpp, the server Prosody. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ask, askMarker, bodiesFrom, hasReachedModel } from "../support/conversation.ts";
import { expectSilence, type SlixmppClient, type StanzaEvent } from "../support/slixmpp.ts";
import { BOTS, getStage, pairingCode, type Stage } from "../support/stage.ts";

let stage: Stage;
let alice: SlixmppClient;
const people: SlixmppClient[] = [];

/** A person who leaves when the file is done. */
async function person(user: string, options: Parameters<Stage["person"]>[1] = {}) {
  const client = await stage.person(user, options);
  people.push(client);
  return client;
}

const isTextFrom =
  (bot: string) =>
  ({ event, from, body }: StanzaEvent) =>
    event === "message" && from.startsWith(bot) && body !== undefined;

/** Says `text`, is not answered, and the model never hears of it. */
async function expectIgnored(client: SlixmppClient, bot: string, text: string): Promise<void> {
  const since = client.stanzas.length;
  await client.send({ to: bot, body: text });
  await expectSilence({
    client,
    since,
    breaks: isTextFrom(bot),
    marker: () => askMarker(alice, bot === BOTS.strict ? bot : BOTS.listed),
  });
  expect(hasReachedModel(stage.model, text)).toBe(false);
}

beforeAll(async () => {
  stage = await getStage();
  alice = await person("alice");
});
beforeEach(() => stage.model.clear());
afterAll(async () => {
  await Promise.all(people.map((client) => client.stop()));
});

describe("dmPolicy open", () => {
  it("answers anybody, of any host", async () => {
    const [eve, stranger] = await Promise.all([
      person("eve"),
      person("stranger", { host: stage.prosody.otherDomain }),
    ]);
    expect((await ask(eve, BOTS.open, "may I?")).body).toBe("echo: may I?");
    expect((await ask(stranger, BOTS.open, "may I too?")).body).toBe("echo: may I too?");
  });
});

describe("dmPolicy allowlist", () => {
  it("answers who is listed, from any device, whatever the case of their address", async () => {
    expect((await ask(alice, BOTS.strict, "it is me")).body).toBe("echo: it is me");
    const phone = await person("alice", { jid: "ALICE@localhost/listbot@localhost" });
    expect((await ask(phone, BOTS.strict, "my phone")).body).toBe("echo: my phone");
  });

  it("answers everybody of a listed domain", async () => {
    const stranger = await person("worker", { host: stage.prosody.otherDomain });
    expect((await ask(stranger, BOTS.listed, "we are many")).body).toBe("echo: we are many");
  });

  it.each([
    ["a longer name", "malice", {}],
    ["a shorter name", "lice", {}],
    ["the name at a longer domain", "alice", { host: "localhost.evil.test" }],
    ["the listed address as resource", "carol", { jid: "carol@localhost/alice@localhost" }],
    ["the listed address inside a local part", "alice\\40localhost", {}],
  ])("ignores %s", async (what, user, options) => {
    const lookAlike = await person(user, options);
    await expectIgnored(lookAlike, BOTS.strict, `open up, says ${what}`);
  });
});

describe("dmPolicy disabled", () => {
  it("answers nobody", async () => {
    await expectIgnored(alice, BOTS.closed, "nobody home?");
  });
});

describe("dmPolicy pairing", () => {
  it("gives each stranger a code of their own, once, and keeps their words from the model", async () => {
    // The host keeps three requests at most a channel: the third is left to the pairing journey.
    const [first, second] = await Promise.all([
      person("frida", { jid: `frida@localhost/alice@localhost` }),
      person("gustav"),
    ]);
    const [one, two] = await Promise.all([
      ask(first, BOTS.default, "frida's secret"),
      ask(second, BOTS.default, "gustav's secret"),
    ]);
    expect(one.body).toContain("frida@localhost");
    expect(two.body).toContain("gustav@localhost");
    expect(pairingCode(one.body)).not.toBe(pairingCode(two.body));

    const since = first.stanzas.length;
    for (const text of ["please", "/status", "/pair", "frida's third secret"]) {
      await first.send({ to: BOTS.default, body: text });
    }
    await expectSilence({
      client: first,
      since,
      breaks: isTextFrom(BOTS.default),
      marker: () => askMarker(alice, BOTS.listed),
    });
    for (const text of ["frida's", "gustav's"])
      expect(hasReachedModel(stage.model, text)).toBe(false);
  });
});

describe("a subscription request", () => {
  const answerOf = async (client: SlixmppClient, bot: string): Promise<string[]> => {
    const since = client.stanzas.length;
    await client.presence({ to: bot, type: "subscribe" });
    const isAnswer = ({ event, from, type }: StanzaEvent) =>
      event === "presence" && from.startsWith(bot) && /^(?:un)?subscribed$/.test(type);
    const { type } = await client.waitFor(isAnswer, { since });
    if (type === "unsubscribed") return [type];
    await client.waitFor(
      ({ event, from, type: kind }) =>
        event === "presence" && from.startsWith(bot) && kind === "subscribe",
      { since },
    );
    return [type, "subscribe"];
  };

  it.each([
    ["open", "ines", BOTS.open, ["subscribed", "subscribe"]],
    ["pairing", "ines", BOTS.default, ["subscribed", "subscribe"]],
    ["allowlist, of the listed", "alice", BOTS.strict, ["subscribed", "subscribe"]],
    ["allowlist, of others", "ines", BOTS.strict, ["unsubscribed"]],
    ["disabled", "ines", BOTS.closed, ["unsubscribed"]],
  ])("under dmPolicy %s", async (_policy, user, bot, expected) => {
    const client = await person(user);
    expect(await answerOf(client, bot)).toEqual(expected);
    expect(bodiesFrom(client, bot)).toEqual([]);
  });
});

describe("commands", () => {
  it("are run for the owner, without the model", async () => {
    const status = await ask(alice, BOTS.strict, "/status");
    expect(status.body).toContain("stub/stub-model");
    expect(stage.model.requests).toHaveLength(0);
  });

  it("of strangers go nowhere", async () => {
    const eve = await person("eve");
    const since = eve.stanzas.length;
    for (const command of ["/status", "/help", "/stop", "/new", "/whoami"]) {
      await eve.send({ to: BOTS.strict, body: command });
    }
    await expectSilence({
      client: eve,
      since,
      breaks: isTextFrom(BOTS.strict),
      marker: () => askMarker(alice, BOTS.strict),
    });
    expect(stage.model.requests.map(({ userText }) => userText)).toEqual([
      expect.stringMatching(/^marker/),
    ]);
  });

  it("are not run for who is not their owner, however open the policy", async () => {
    const eve = await person("eve");
    for (const command of ["/status", "/config show"]) {
      const refusal = await ask(eve, BOTS.open, command);
      expect(refusal.body).not.toMatch(/stub-model|commands\.config/);
    }
    expect(stage.model.requests).toHaveLength(0);
    expect((await ask(alice, BOTS.open, "/config show")).body).toContain("commands.config=true");
  });
});
