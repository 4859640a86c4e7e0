/** `openclaw message send` and `openclaw xmpp …`: through the Gateway's one session, or a clear refusal. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createOpenClawHome, type OpenClawHome } from "../support/gateway.ts";
import type { CommandResult } from "../support/process.ts";
import type { SlixmppClient, StanzaEvent } from "../support/slixmpp.ts";
import { BOTS, getStage, PACKAGE, type Stage } from "../support/stage.ts";

let stage: Stage;
let erin: SlixmppClient;
/** What ran beside each other costs less than one after the other, but only so far on few cores. */
const AT_ONCE = 2;

beforeAll(async () => {
  stage = await getStage();
  erin = await stage.person("erin");
  await erin.join(stage.rooms.team, "Erin");
});
afterAll(async () => {
  await erin.stop();
});

const cli = async (...args: string[]): Promise<CommandResult> => await stage.gateway.openclaw(args);

/** Runs commands, a few at a time, and returns the results in order. */
async function all(commands: readonly (readonly string[])[]): Promise<CommandResult[]> {
  const results: CommandResult[] = [];
  for (let at = 0; at < commands.length; at += AT_ONCE) {
    const batch = commands.slice(at, at + AT_ONCE);
    results.push(...(await Promise.all(batch.map(async (args) => await cli(...args)))));
  }
  return results;
}

const message = (target: string, text: string, ...more: string[]) => [
  ...["message", "send", "--channel", "xmpp", "--target", target, "--message", text],
  ...more,
];

async function arrival(body: string): Promise<StanzaEvent> {
  return await erin.waitFor((stanza) => stanza.body === body, { timeoutMs: 5_000 });
}

describe("openclaw message send", () => {
  it("reaches each kind of target and returns the stanza's id, by the session that is there", async () => {
    const { team } = stage.rooms;
    const loginsBefore = logins();
    const targets = [
      ["erin@localhost", "chat", BOTS.default],
      ["xmpp:erin@localhost", "chat", BOTS.default],
      [team, "groupchat", `${team}/bot`],
      [`xmpp:${team}?join`, "groupchat", `${team}/bot`],
      [`${team}/Erin`, "chat", `${team}/bot`],
    ] as const;
    const results = await all(targets.map(([to], index) => message(to, `to ${index}`, "--json")));
    for (const [index, [to, type, from]] of targets.entries()) {
      const { code, stdout } = results[index] ?? { code: -1, stdout: "" };
      expect({ to, code }).toEqual({ to, code: 0 });
      const stanza = await arrival(`to ${index}`);
      expect(stanza).toMatchObject({ type });
      expect(stanza.from.startsWith(from)).toBe(true);
      expect(stdout).toContain(`"${stanza.stanzaId}"`);
      expect(JSON.parse(stdout).payload.result.messageId).toBe(stanza.stanzaId);
    }
    expect(logins()).toBe(loginsBefore);
    const sessions = await stage.prosody.shell("c2s:show()");
    expect(sessions.match(/(?<!\S)bot@localhost\/\S+/g)).toEqual(["bot@localhost/openclaw"]);
  });

  it("refuses with a clear error what cannot be sent", async () => {
    const { team, mute } = stage.rooms;
    const cases: Array<[string, string, RegExp]> = [
      ["localhost", "x", /target "localhost".*<user@domain/],
      ["xmpp:unknown@conference.localhost?join", "x", /not in room unknown@conference\.localhost/],
      [`${team}/Nobody`, "x", /nobody called "Nobody" is in room/],
      ["erin@localhost", "", /message|text/i],
      ["nobody-there@localhost", "x", /nobody-there@localhost refused.*service-unavailable/],
      [mute, "x", /mute@conference\.localhost refused.*forbidden/],
      ["unlisted@conference.localhost", "x", /not in room unlisted@conference\.localhost/],
      [BOTS.default, "x", /own account/],
    ];
    const results = await all(cases.map(([to, text]) => message(to, text)));
    for (const [index, [to, , expected]] of cases.entries()) {
      const { code, stdout, stderr } = results[index] ?? { code: 0, stdout: "", stderr: "" };
      expect({ to, failed: code !== 0 }).toEqual({ to, failed: true });
      expect(`${to}: ${stderr}${stdout}`).toMatch(expected);
    }
  });
});

describe("the commands beside it", () => {
  it("openclaw xmpp status, rooms, roster, msg", async () => {
    const { team } = stage.rooms;
    const [status, json, rooms, roster, msg, other] = await all([
      ["xmpp", "status"],
      ["xmpp", "status", "--json", "--account", "open"],
      ["xmpp", "rooms", "--json"],
      ["xmpp", "roster"],
      ["xmpp", "msg", "erin@localhost", "two", "words", "--json"],
      ["xmpp", "status", "--account", "wrok"],
    ]);
    expect(status?.stdout).toMatch(/^state: +online$/m);
    expect(status?.stdout).toContain(BOTS.default);
    expect(JSON.parse(json?.stdout ?? "")).toMatchObject({
      account: "open",
      jid: BOTS.open,
      state: "online",
      connection: { transport: "tcp" },
    });
    expect(JSON.parse(rooms?.stdout ?? "").rooms).toContainEqual(
      expect.objectContaining({ room: team, state: "joined" }),
    );
    expect(roster?.stdout).toMatch(/^contacts: \d+/);
    const stanza = await arrival("two words");
    expect(msg?.stdout).toContain(stanza.stanzaId);
    expect(other?.code).not.toBe(0);
    expect(other?.stderr).toMatch(/wrok.*no such account.*"default"/);
  });

  it("channels status --probe, directory", async () => {
    const { team } = stage.rooms;
    const [json, self, peers, groups] = await all([
      ["channels", "status", "--probe", "--json"],
      ["directory", "self", "--channel", "xmpp", "--json"],
      ["directory", "peers", "list", "--channel", "xmpp", "--json"],
      ["directory", "groups", "list", "--channel", "xmpp", "--json"],
    ]);
    const { channelAccounts } = JSON.parse(json?.stdout ?? "");
    expect(channelAccounts.xmpp).toContainEqual(
      expect.objectContaining({
        accountId: "default",
        connected: true,
        probe: expect.objectContaining({ ok: true, latencyMs: expect.any(Number) }),
      }),
    );
    expect(json?.stdout).not.toContain('"password"');
    expect(JSON.parse(self?.stdout ?? "")).toMatchObject({ kind: "user", id: BOTS.default });
    expect(peers?.stdout).toContain("alice@localhost");
    const listed = JSON.parse(groups?.stdout ?? "").map(({ id }: { id: string }) => id);
    expect(listed).toContain(team);
    expect(listed).not.toContain(stage.rooms.disabled);
  });
});

describe("without a Gateway", () => {
  let home: OpenClawHome;
  beforeAll(async () => {
    home = await createOpenClawHome({
      plugins: [{ kind: "path", path: PACKAGE }],
      config: { channels: { xmpp: { jid: BOTS.default, password: "bot" } } },
    });
  });
  afterAll(() => home.remove());

  it("nothing is sent, and the person is told what to start", async () => {
    // One after the other: the first command of an installation writes its registry of plugins.
    const results = [
      await home.openclaw(message("erin@localhost", "x")),
      await home.openclaw(["xmpp", "msg", "erin@localhost", "x"]),
    ];
    for (const { code, stderr } of results) {
      expect(code).toBe(1);
      expect(stderr).toMatch(/Gateway not reachable/);
      expect(stderr).toContain("openclaw gateway run");
    }
  });
});

/** Logins of the default account that the server saw. */
function logins(): number {
  return stage.prosody.log().match(/Authenticated as bot@localhost/g)?.length ?? 0;
}
