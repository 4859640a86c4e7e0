/**
 * What a person sees when a command of our pages has done what the page says of it: of one that looks, what it prints;
 * of one that changes something, the change, at the other end of it.
 */
import { expect } from "vitest";
import type { ConfigObject, Gateway } from "./gateway.ts";
import { wordsOf } from "./page-commands.ts";
import type { Prosody } from "./prosody.ts";
import type { SlixmppClient } from "./slixmpp.ts";
import { pairingCode } from "./stage.ts";
import { waitFor } from "./wait.ts";

export interface Surroundings {
  readonly gateway: Gateway;
  readonly prosody: Prosody;
  /** Of the domain of the pages; the agent may be written to by alice, and both sit in the room `team`. */
  readonly bot: string;
  readonly alice: SlixmppClient;
  /** Logs in somebody whom the agent does not know. */
  stranger(): Promise<SlixmppClient>;
}

/** Checks what a command printed, and what it did. @throws AssertionError, WaitTimeoutError */
type Check = (printed: string) => unknown;
/** Called before the command runs, for what has to be so then. */
type Effect = (line: string) => Promise<Check>;

/** What each command that only looks prints, by how it begins; of several that fit the first counts. */
const PRINTS: readonly (readonly [begins: string, pattern: RegExp])[] = [
  ["openclaw plugins list", /\bxmpp\b.*\b(?:enabled|loaded)\b/],
  ["openclaw channels status --probe --json", /"xmpp": [\s\S]*"accountId": "default"/],
  ["openclaw channels status", /XMPP default.*mode:tcp TLS.*works/],
  ["openclaw channels capabilities", /XMPP default[\s\S]*Probe: ok/],
  ["openclaw channels logs", /^Log file: /m],
  ["openclaw channels resolve", /Team Room -> team@\S+[\s\S]*alice@example\.com -> alice@/],
  ["openclaw directory self", /bot@example\.com/],
  ["openclaw directory peers list", /alice@example\.com/],
  ["openclaw directory groups list", /team@conference\.example\.com/],
  ["openclaw directory groups members", /alice/],
  ["openclaw xmpp status", /^state: +online$/m],
  ["openclaw xmpp rooms", /team@conference\.example\.com +joined/],
  ["openclaw xmpp roster", /alice@example\.com/],
  ["openclaw xmpp poll", /^waiting: 0$/m],
  ["openclaw xmpp --help", /Usage: openclaw xmpp[\s\S]* {2}rooms\b/],
  ["openclaw xmpp join --help", /Usage: openclaw xmpp join/],
];

/** Whether a command changes nothing that another one shows. */
export const looksOnly = (line: string) => PRINTS.some(([begins]) => line.startsWith(begins));

/** `--name value` of a command line. */
function optionOf(line: string, name: string): string | undefined {
  const words = wordsOf(line);
  const at = words.indexOf(`--${name}`);
  return at === -1 ? undefined : words[at + 1];
}

export interface Effects {
  /** What to do before a command; undefined where nobody has said yet what it does. */
  of(line: string): Effect | undefined;
  /** A pairing code that waits for an approval. */
  code(): Promise<string>;
}

/** Begins with the configuration that the Gateway has now. */
export function createEffects(around: Surroundings): Effects {
  const { gateway, prosody, bot, alice } = around;

  const section = (): ConfigObject => {
    const { channels } = gateway.readConfig() as { channels?: { xmpp?: ConfigObject } };
    return channels?.xmpp ?? {};
  };
  const accounts = () => (section()["accounts"] ?? {}) as Record<string, ConfigObject | undefined>;
  const own = (id: string): ConfigObject => accounts()[id] ?? (id === "default" ? section() : {});
  const isThere = async (id: string, connected = true) =>
    await gateway.waitForAccount(
      { channel: "xmpp", accountId: id },
      connected ? "online" : "not online",
      (status) => (status.connected === true) === connected,
    );

  /** The accounts of the page's section "Several", on this server. */
  const withOps = async (): Promise<void> => {
    if (accounts()["ops"] !== undefined) return;
    const { server, tls } = base;
    const one = (user: string) => ({ jid: `${user}@${prosody.domain}`, password: "secret" });
    const xmpp = { server, tls, accounts: { bot: one("bot"), ops: one("ops") } };
    gateway.writeConfig({ ...gateway.readConfig(), channels: { xmpp } });
    await isThere("ops");
  };
  const base = section();

  const heard: Effect = async (line) => {
    const to = optionOf(line, "target") ?? wordsOf(line)[3] ?? "";
    const body = optionOf(line, "message") ?? wordsOf(line).at(-1);
    const since = alice.stanzas.length;
    const from = to.includes("conference") ? `team@conference.${prosody.domain}/bot` : bot;
    return async () =>
      await alice.waitFor(
        (stanza) => stanza.body === body && (stanza.from ?? "").startsWith(from),
        { since, timeoutMs: 90_000 },
      );
  };

  const aliceWrites = async (): Promise<void> => {
    const since = alice.stanzas.length;
    await alice.send({ to: bot, body: "remember me" });
    await alice.waitForBody(bot, { since, timeoutMs: 90_000 });
  };

  /** Somebody who waits for an approval, and the code. */
  let asking: { person: SlixmppClient; code: string } | undefined;
  const whoAsks = async () => {
    if (asking !== undefined) return asking;
    const person = await around.stranger();
    await person.send({ to: bot, body: "hello" });
    const { body } = await person.waitForBody(bot, { timeoutMs: 90_000 });
    return (asking = { person, code: pairingCode(body) });
  };

  const isIn = async (room: string) => (await prosody.occupants(room))?.["bot"] === bot;
  const moved =
    (present: boolean): Effect =>
    async (line) => {
      const room = wordsOf(line)[3] ?? "";
      expect(await isIn(room)).toBe(!present);
      const what = `the agent ${present ? "in" : "out of"} ${room}`;
      return async () => await waitFor(async () => (await isIn(room)) === present, { what });
    };

  const added: Effect = async (line) => {
    const id = optionOf(line, "account") ?? "default";
    if (id === "ops") await withOps();
    return async () => {
      const account = own(id);
      const written = {
        jid: optionOf(line, "jid"),
        password: optionOf(line, "password"),
        passwordFile: optionOf(line, "password-file"),
        resource: optionOf(line, "resource"),
      };
      for (const [key, value] of Object.entries(written))
        if (value !== undefined) expect(account).toHaveProperty(key, value);
      const rooms = optionOf(line, "rooms")?.split(",");
      if (rooms !== undefined) expect(account).toMatchObject({ rooms });
      const status = await isThere(id);
      expect(status).toMatchObject({ configured: true, jid: account["jid"] });
      expect(status.lastError).toBeFalsy();
      const { resource } = written;
      if (resource === undefined) return;
      const session = `${String(account["jid"])}/${resource}`;
      const isKnown = async () => (await prosody.shell("c2s:show()")).includes(session);
      await waitFor(isKnown, { what: session, timeoutMs: 90_000 });
    };
  };

  const fromEnvironment: Effect = async () => {
    const { channels: _channels, ...rest } = gateway.readConfig();
    gateway.writeConfig(rest);
    return () => expect(section()).toEqual({ enabled: true });
  };

  const ofOps =
    (check: Check): Effect =>
    async () => {
      await withOps();
      return check;
    };

  const CHANGES: readonly (readonly [begins: string, effect: Effect])[] = [
    ["openclaw channels add --channel xmpp --use-env", fromEnvironment],
    ["openclaw channels add --channel xmpp", added],
    [
      "openclaw config set channels.xmpp.accounts.ops.password",
      ofOps(async () => {
        const password = { source: "env", provider: "default", id: "OPS_XMPP_PASSWORD" };
        expect(own("ops")).toMatchObject({ password });
        await isThere("ops");
      }),
    ],
    ["openclaw gateway call channels.start", ofOps(async () => await isThere("ops"))],
    [
      "openclaw config set channels.xmpp.accounts.ops.enabled false",
      ofOps(async () => await isThere("ops", false)),
    ],
    [
      "openclaw config set channels.xmpp.accounts.ops.enabled true",
      ofOps(async () => await isThere("ops")),
    ],
    [
      "openclaw channels remove --channel xmpp --account ops --delete",
      ofOps(async () => {
        expect(Object.keys(accounts())).toEqual(["bot"]);
        const isGone = async () =>
          (await gateway.accounts("xmpp")).every(({ accountId }) => accountId !== "ops");
        await waitFor(isGone, { what: "no account ops", timeoutMs: 90_000 });
      }),
    ],
    [
      "openclaw pairing list xmpp",
      async () => {
        const { person, code } = await whoAsks();
        return (printed) => {
          expect(printed).toContain(person.jid.split("/")[0]);
          expect(printed).toContain(code);
        };
      },
    ],
    [
      "openclaw pairing approve xmpp",
      async () => {
        const { person } = await whoAsks();
        return async () => {
          asking = undefined;
          await person.send({ to: bot, body: "may I?" });
          const isAnswer = ({ body }: { body?: string | undefined }) => body === "echo: may I?";
          await person.waitFor(isAnswer, { timeoutMs: 90_000 });
          await person.stop();
        };
      },
    ],
    ["openclaw message send", heard],
    ["openclaw xmpp msg", heard],
    ["openclaw xmpp join", moved(true)],
    ["openclaw xmpp leave", moved(false)],
    [
      "openclaw xmpp known",
      async () => {
        await aliceWrites();
        return (printed) => expect(printed).toContain("alice@example.com");
      },
    ],
    [
      "openclaw xmpp forget",
      async () => {
        await aliceWrites();
        return async () =>
          expect(JSON.stringify(await gateway.call("xmpp.known"))).not.toContain("alice@");
      },
    ],
    [
      "openclaw cron add",
      async (line) => async () => {
        const jobs = JSON.stringify(await gateway.call("cron.list", {}));
        for (const name of ["name", "cron", "to"])
          expect(jobs).toContain(JSON.stringify(optionOf(line, name)));
      },
    ],
  ];

  return {
    of(line) {
      const [, pattern] = PRINTS.find(([begins]) => line.startsWith(begins)) ?? [];
      if (pattern !== undefined) return async () => (printed) => expect(printed).toMatch(pattern);
      const [, effect] = CHANGES.find(([begins]) => line.startsWith(begins)) ?? [];
      return effect;
    },
    code: async () => (await whoAsks()).code,
  };
}
