/**
 * The interactive set-up as a person sees it: `openclaw channels add` and `openclaw onboard` in a terminal,
 * against a real Prosody. What counts in the end is the configuration file, and that the Gateway logs in with it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { mechanismsFeature, startFakeServer } from "../support/fake-server.ts";
import { createOpenClawHome, startGateway, type OpenClawHome } from "../support/gateway.ts";
import { startProsody, type Prosody } from "../support/prosody.ts";
import { PACKAGE } from "../support/stage.ts";
import { startWizard, type Wizard } from "../support/wizard.ts";

const PASSWORD = "pencil-and-paper";
const ADD = ["channels", "add", "--channel", "xmpp"];

let prosody: Prosody;
const cleanUp: (() => unknown)[] = [];

beforeAll(async () => {
  prosody = await startProsody({ extraHost: "  allow_registration = true\n" });
  await prosody.register("bot", PASSWORD);
  await prosody.room("lobby", { name: "The Lobby" });
  await prosody.room("kitchen", { name: "The Kitchen" });
  await prosody.room("vault", { hidden: true, password: "sesame" });
});
afterEach(async () => {
  for (const task of cleanUp.splice(0).toReversed()) await task();
});
afterAll(async () => {
  await prosody?.stop();
});

async function openHome(config: Record<string, unknown> = {}): Promise<OpenClawHome> {
  const home = await createOpenClawHome({
    plugins: [{ kind: "path", path: PACKAGE }],
    env: { NODE_EXTRA_CA_CERTS: prosody.caFile },
    config,
  });
  cleanUp.push(() => home.remove());
  return home;
}

async function start(
  home: OpenClawHome,
  args: readonly string[],
  env?: Record<string, string>,
): Promise<Wizard> {
  const wizard = await startWizard(home, args, env);
  cleanUp.push(() => wizard.stop());
  return wizard;
}

const server = () => `127.0.0.1:${prosody.ports.c2s}`;
const channel = (home: OpenClawHome) =>
  (home.readConfig() as { channels?: { xmpp?: Record<string, unknown> } }).channels?.xmpp;

/** From the JID to the password; localhost has no server on the usual port. */
async function giveAccount(wizard: Wizard, password = PASSWORD): Promise<void> {
  await wizard.text("JID of the agent's account", "bot@localhost");
  await wizard.text("Server address", server());
  await wizard.pick("Is bot@localhost there already?", "Yes");
  await wizard.pick("Password of the agent's account", "Type it");
  await wizard.text("Password (hidden)", password);
}

/** The questions about people, each left at what it offers. */
async function keepAccess(wizard: Wizard): Promise<void> {
  await wizard.pick("Who may write to the agent directly?", "Whoever you approve");
  await wizard.text("Who needs no code?", "");
  await wizard.pick("In which rooms does the agent answer?", "In every room");
  await wizard.text("Who may address it in rooms?", "");
}

/** What the host asks after the channel's own questions. */
async function finish(wizard: Wizard): Promise<void> {
  await wizard.pick("Set up administration", "Skip for now");
}

describe("channels add, the first time", () => {
  it("asks, tests step by step, offers rooms, shows a summary and saves", async () => {
    const home = await openHome();
    const wizard = await start(home, ["channels", "add"]);
    await wizard.confirm("Set up a chat channel now?", true);
    await wizard.pick("Select a channel", "XMPP");
    await wizard.text("JID of the agent's account", "bot@localhost/phone");
    await wizard.says(/holds a resource; write "bot@localhost"/);
    await giveAccount(wizard);
    await wizard.asks("Rooms to join");
    const tested = await wizard.said();
    expect(tested).toContain("nobody answers at localhost:5222");
    expect(tested).toContain(`Resolve: as configured → ${server()}`);
    expect(tested).toContain("Connect: the port is open");
    expect(tested).toContain("TLS: encrypted, the certificate is localhost's");
    expect(tested).toMatch(/Login: bot@localhost at \S+ \(TLSv1\.3, SCRAM-SHA-256/);
    expect(tested).toContain("Rooms: 2 public rooms on conference.localhost");
    await wizard.mark("Rooms to join", "lobby");
    await wizard.text("Other rooms", "vault@conference.localhost");
    await wizard.text("Password of vault@conference.localhost", "sesame");
    expect(await wizard.said()).toContain("lobby@conference.localhost (open)");
    await wizard.pick("Who may write to the agent directly?", "Only whom you list");
    await wizard.text("Who may write?", "alice@localhost, *@friends.example");
    await wizard.pick("In which rooms does the agent answer?", "Only in rooms that you list");
    await wizard.text("Who may address it in rooms?", "affiliation:member");
    await wizard.confirm("In rooms, answer only what names the agent?", false);
    const summary = await wizard.asks("Save this?");
    expect(summary).toContain("Account: default, bot@localhost");
    expect(summary).toMatch(/tested, works \(TLSv1\.3, SCRAM-SHA-256/);
    expect(await wizard.said()).not.toContain(PASSWORD);
    expect(channel(home)).toBeUndefined();
    await wizard.confirm("Save this?", true);
    await wizard.pick("Select a channel", "Finished");
    await finish(wizard);
    await wizard.confirm("Name these channel accounts now?", false);
    await wizard.confirm("Route these channel accounts", false);
    expect(await wizard.ended()).toBe(0);
    expect(channel(home)).toEqual({
      enabled: true,
      jid: "bot@localhost",
      password: PASSWORD,
      server: server(),
      rooms: [
        "lobby@conference.localhost",
        { jid: "vault@conference.localhost", password: "sesame" },
      ],
      dmPolicy: "allowlist",
      allowFrom: ["alice@localhost", "*@friends.example"],
      groupPolicy: "allowlist",
      groupAllowFrom: ["affiliation:member"],
      mucRooms: {
        "lobby@conference.localhost": { requireMention: false },
        "vault@conference.localhost": { requireMention: false },
      },
    });
  });

  it("makes an account for the bot where the server lets it, with which one can log in", async () => {
    const home = await openHome();
    const wizard = await start(home, ADD);
    await wizard.text("JID of the agent's account", "newbot@localhost");
    await wizard.text("Server address", server());
    await wizard.pick("Is newbot@localhost there already?", "No: make an account");
    await wizard.mark("Rooms to join");
    await wizard.text("Other rooms", "");
    await keepAccess(wizard);
    await wizard.confirm("Save this?", true);
    await finish(wizard);
    expect(await wizard.ended()).toBe(0);
    const { password } = channel(home) ?? {};
    expect(password).toMatch(/^[\w-]{32}$/);
    expect(await wizard.said()).not.toContain(password);
    // The menu's test is a login with it.
    const again = await start(home, ADD);
    await again.pick("XMPP is set up", "Test the connection");
    await again.says(/newbot@localhost can log in/);
  });

  it("removes an account that it made when Ctrl-C comes before the end", async () => {
    const home = await openHome();
    const wizard = await start(home, ADD);
    await wizard.text("JID of the agent's account", "shortlived@localhost");
    await wizard.text("Server address", server());
    await wizard.pick("Is shortlived@localhost there already?", "No: make an account");
    await wizard.asks("Rooms to join");
    expect(await prosody.shell("user:list('localhost')")).toContain("shortlived@localhost");
    await wizard.press("C-c");
    await wizard.ended();
    expect(await wizard.said()).toContain("shortlived@localhost was removed from the server again");
    expect(await prosody.shell("user:list('localhost')")).not.toContain("shortlived@localhost");
  });

  it("takes a reference to the environment, and a file, instead of the password", async () => {
    const home = await openHome();
    const wizard = await start(home, ADD, { BOT_PASSWORD: PASSWORD });
    await wizard.text("JID of the agent's account", "bot@localhost");
    await wizard.text("Server address", server());
    await wizard.pick("Is bot@localhost there already?", "Yes");
    await wizard.pick("Password of the agent's account", "Reference");
    await wizard.pick("Where is this XMPP password stored?", "Environment variable");
    await wizard.text("Environment variable name", "BOT_PASSWORD");
    await wizard.mark("Rooms to join");
    await wizard.text("Other rooms", "");
    await keepAccess(wizard);
    expect(await wizard.asks("Save this?")).toContain("a reference (env:BOT_PASSWORD)");
    await wizard.confirm("Save this?", true);
    await finish(wizard);
    expect(await wizard.ended()).toBe(0);
    expect(channel(home)?.["password"]).toMatchObject({ source: "env", id: "BOT_PASSWORD" });
    expect(readFileSync(home.configFile, "utf8")).not.toContain(PASSWORD);
  });
});

describe("what can go wrong", () => {
  it("Ctrl-C in the middle leaves the configuration file as it was, byte for byte", async () => {
    const home = await openHome();
    const before = readFileSync(home.configFile);
    for (const question of ["Password (hidden)", "Rooms to join", "Save this?"]) {
      const wizard = await start(home, ADD);
      await giveAccount(wizard, question === "Password (hidden)" ? "" : PASSWORD);
      if (question === "Save this?") {
        await wizard.mark("Rooms to join");
        await wizard.text("Other rooms", "");
        await keepAccess(wizard);
      }
      await wizard.asks(question);
      await wizard.press("C-c");
      await wizard.ended();
      expect(readFileSync(home.configFile).equals(before)).toBe(true);
      await wizard.stop();
    }
  });

  it("a wrong password, an unreachable server and an untrusted certificate each say what to do", async () => {
    const home = await openHome();
    const wizard = await start(home, ADD, { NODE_EXTRA_CA_CERTS: "" });
    await wizard.text("JID of the agent's account", "bot@localhost");
    await wizard.text("Server address", "127.0.0.1:9");
    await wizard.pick("Password of the agent's account", "Type it");
    await wizard.text("Password (hidden)", "wrong");
    await wizard.asks("What now?");
    expect(await wizard.said()).toMatch(/Connect: failed .*Check that the server runs/);
    await wizard.pick("What now?", "Give the server's address");
    await wizard.text("Server address", server());
    await wizard.says(/TLS: failed/);
    await wizard.asks("What now?");
    expect(await wizard.said()).toMatch(/certificate of \S+ is not valid.*tls\.caFile/);
    await wizard.pick("What now?", "Name the file of its certificate authority");
    await wizard.text("PEM file of the authority", prosody.caFile);
    await wizard.says(/Login: failed/);
    await wizard.asks("What now?");
    expect(await wizard.said()).toMatch(/not-authorized.*Check the account's `jid` and `password`/);
    await wizard.pick("What now?", "Give the password again");
    await wizard.pick("Password of the agent's account", "Type it");
    await wizard.text("Password (hidden)", PASSWORD);
    await wizard.mark("Rooms to join");
    await wizard.text("Other rooms", "");
    await keepAccess(wizard);
    await wizard.confirm("Save this?", true);
    await finish(wizard);
    expect(await wizard.ended()).toBe(0);
    expect(channel(home)).toMatchObject({ password: PASSWORD, tls: { caFile: prosody.caFile } });
  });
});

describe("an account that is there, on a server that", () => {
  it("offers no TLS, or says nothing, cannot log in, and hears what to do", async () => {
    const open = await startFakeServer({
      async script(peer) {
        await peer.openStream(mechanismsFeature(["PLAIN"]));
        await peer.closed;
      },
    });
    const silent = await startFakeServer({ script: async (peer) => await peer.closed });
    cleanUp.push(open.stop, silent.stop);
    const account = (name: string, { port }: { port: number }) => ({
      jid: `${name}@localhost`,
      password: PASSWORD,
      server: `127.0.0.1:${port}`,
    });
    const accounts = { open: account("open", open), silent: account("silent", silent) };
    const home = await openHome({ channels: { xmpp: { enabled: true, accounts } } });
    const before = readFileSync(home.configFile);
    const wizard = await start(home, ADD);
    await wizard.pick("XMPP is set up", "Test the connection");
    await wizard.pick("Which account?", "open");
    await wizard.says(/TLS: failed.*offers no STARTTLS\. Enable TLS on the server/);
    expect(open.peers.map(({ received }) => received).join("")).not.toContain("<auth");
    await wizard.pick("XMPP is set up", "Test the connection");
    await wizard.pick("Which account?", "silent");
    await wizard.says(
      /did not complete the login within 20 s\. The server took the connection and said nothing: check the port/,
    );
    await wizard.pick("XMPP is set up", "Leave it as it is");
    expect(await wizard.ended()).toBe(0);
    expect(readFileSync(home.configFile).equals(before)).toBe(true);
  });
});

describe("an account that is there", () => {
  const configured = () => ({
    channels: {
      xmpp: {
        enabled: true,
        jid: "bot@localhost",
        password: PASSWORD,
        server: server(),
        rooms: ["lobby@conference.localhost"],
      },
    },
  });

  it("is tested beside the Gateway's live session, which stays", async () => {
    const gateway = await startGateway({
      plugins: [{ kind: "path", path: PACKAGE }],
      env: { NODE_EXTRA_CA_CERTS: prosody.caFile },
      config: configured(),
    });
    cleanUp.push(() => gateway.stop());
    await gateway.waitForChannel("xmpp");
    const before = (await gateway.accounts("xmpp"))[0]?.["lastConnectedAt"];
    const wizard = await start(gateway, ADD);
    await wizard.pick("XMPP is set up", "Test the connection");
    const said = await wizard.says(/bot@localhost can log in/);
    expect(said).toContain("lobby@conference.localhost: open");
    await wizard.pick("XMPP is set up", "Leave it as it is");
    expect(await wizard.ended()).toBe(0);
    const [after] = await gateway.accounts("xmpp");
    expect(after).toMatchObject({ connected: true, lastConnectedAt: before });
    expect(gateway.log()).not.toMatch(/bot@localhost is offline/);
  });

  it("is changed, joined by a second one, disabled, and removed", async () => {
    const home = await openHome(configured());
    await prosody.register("second", PASSWORD);
    const change = await start(home, ADD);
    await change.pick("XMPP is set up", "Change settings");
    await change.text("JID of the agent's account", "bot@localhost");
    await change.pick("Password of the agent's account", "Keep the one that is set");
    await change.mark("Rooms to join", "kitchen");
    await change.text("Other rooms", "");
    await change.pick("Who may write to the agent directly?", "Nobody");
    await change.pick("In which rooms does the agent answer?", "In none");
    await change.confirm("Save this?", true);
    await finish(change);
    expect(await change.ended()).toBe(0);
    expect(channel(home)).toMatchObject({
      password: PASSWORD,
      rooms: ["lobby@conference.localhost", "kitchen@conference.localhost"],
      dmPolicy: "disabled",
      groupPolicy: "disabled",
    });

    const add = await start(home, ADD);
    await add.pick("XMPP is set up", "Add an account");
    await add.text("Name of the new account", "second");
    await add.text("JID of the agent's account", "second@localhost");
    await add.text("Server address", server());
    await add.pick("Is second@localhost there already?", "Yes");
    const passwordFile = join(home.directory, "second-password");
    writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
    await add.pick("Password of the agent's account", "File that holds it");
    await add.text("File that holds the password", join(home.directory, "nowhere"));
    await add.says(/no password in \S+nowhere; write it into that file/);
    await add.text("File that holds the password", passwordFile);
    await add.mark("Rooms to join");
    await add.text("Other rooms", "");
    await keepAccess(add);
    expect(await add.asks("Save this?")).toContain(`in the file ${passwordFile}`);
    await add.confirm("Save this?", true);
    await finish(add);
    expect(await add.ended()).toBe(0);
    expect(channel(home)).toMatchObject({
      accounts: {
        default: { jid: "bot@localhost" },
        second: { jid: "second@localhost", passwordFile, server: server() },
      },
    });
    expect(readFileSync(home.configFile, "utf8").split(PASSWORD)).toHaveLength(2);

    const disable = await start(home, ADD);
    await disable.pick("XMPP is set up", "Disable or enable an account");
    await disable.pick("Which account?", "second");
    expect(await disable.ended()).toBe(0);
    expect(channel(home)).toMatchObject({
      enabled: true,
      accounts: {
        default: { jid: "bot@localhost" },
        second: { jid: "second@localhost", enabled: false },
      },
    });

    const remove = await start(home, ADD);
    await remove.pick("XMPP is set up", "Remove an account");
    await remove.pick("Which account?", "second");
    await remove.confirm('Remove the account "second"', true);
    await finish(remove);
    expect(await remove.ended()).toBe(0);
    expect(Object.keys((channel(home)?.["accounts"] ?? {}) as object)).toEqual(["default"]);
  });
});

describe("onboard", () => {
  it("asks the same within the host's own set-up", async () => {
    const home = await openHome({
      telemetry: { enabled: false, consentedAt: "2026-01-01T00:00:00.000Z" },
    });
    const wizard = await start(home, [
      "onboard",
      "--classic",
      "--agent-name",
      "robo",
      "--accept-risk",
      "--flow",
      "quickstart",
      "--auth-choice",
      "skip",
      "--skip-skills",
      "--skip-search",
      "--skip-hooks",
      "--skip-health",
      "--skip-ui",
      "--no-install-daemon",
    ]);
    await wizard.search("Select channel (QuickStart)", "XMPP");
    await giveAccount(wizard);
    await wizard.mark("Rooms to join", "lobby");
    await wizard.text("Other rooms", "");
    await keepAccess(wizard);
    await wizard.confirm("In rooms, answer only what names the agent?", true);
    await wizard.confirm("Save this?", true);
    await finish(wizard);
    expect(await wizard.ended()).toBe(0);
    expect(channel(home)).toMatchObject({ jid: "bot@localhost", password: PASSWORD });
  });
});
