/**
 * Bookmarks on a real Prosody: our client beside slixmpp as another client of the same account, with PEP
 * (XEP-0402) and without it (XEP-0048).
 */
import { Element } from "ltx";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  type Bookmark,
  type Bookmarks,
  BOOKMARKS_NOTIFY,
  createBookmarks,
} from "../../src/client/bookmarks.ts";
import { botIdentity, registerResponders } from "../../src/client/responders.ts";
import { createRoster } from "../../src/client/roster.ts";
import { createSession } from "../../src/client/session.ts";
import { type BareJid, bareJid } from "../../src/protocol/jid.ts";
import { encodeRequest } from "../../src/protocol/rfc-6120-iq.ts";
import { createFakeLog } from "../support/fake-session.ts";
import { type Prosody, startProsody } from "../support/prosody.ts";
import { type SlixmppClient, type StanzaEvent, startSlixmpp } from "../support/slixmpp.ts";
import { waitFor } from "../support/wait.ts";

const NODE = "urn:xmpp:bookmarks:1";
const PUBSUB = "http://jabber.org/protocol/pubsub";
const PUBLISH_OPTIONS = `<publish-options><x xmlns='jabber:x:data' type='submit'>
  <field var='FORM_TYPE' type='hidden'><value>${PUBSUB}#publish-options</value></field>
  <field var='pubsub#persist_items'><value>true</value></field>
  <field var='pubsub#max_items'><value>max</value></field>
  <field var='pubsub#send_last_published_item'><value>never</value></field>
  <field var='pubsub#access_model'><value>whitelist</value></field>
</x></publish-options>`;
const CAVE = jid("cave@conference.localhost");
const HEATH = jid("heath@conference.localhost");
const CAMP = jid("camp@conference.localhost");

vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 });

function jid(text: string): BareJid {
  const bare = bareJid(text);
  if (!bare) throw new Error(`not a JID: ${text}`);
  return bare;
}

type Bot = {
  bookmarks: Bookmarks;
  /** What listeners were told, newest last. */
  changes: (readonly Bookmark[])[];
  log: string[];
  /** Senders of the notifications that reached us. */
  notifiers: string[];
  until(what: string, holds: (list: Bookmark[]) => boolean): Promise<Bookmark[]>;
  /** Makes a round trip: what the server had sent before was handled afterwards. */
  settle(): Promise<void>;
  stop(): Promise<void>;
};

/** Logs the plugin's client in and waits for its bookmarks. */
async function startBot(prosody: Prosody, account: BareJid): Promise<Bot> {
  const log = createFakeLog();
  const session = createSession({
    jid: account,
    resource: "openclaw",
    password: () => "secret",
    server: {
      kind: "endpoint",
      endpoint: { transport: "tcp", host: "127.0.0.1", port: prosody.ports.c2s },
    },
    caFile: prosody.caFile,
    log,
  });
  const { caps } = registerResponders(session, {
    software: { name: "OpenClaw XMPP", version: "0.0.0-test" },
    identity: botIdentity("Claw"),
    features: [BOOKMARKS_NOTIFY],
  });
  const roster = createRoster({ session, log, caps, decideSubscription: () => "accept" });
  const bookmarks = createBookmarks({ session, log, onReady: roster.onReady });
  const changes: Bot["changes"] = [];
  bookmarks.onChange((list) => void changes.push(list));
  const notifiers: string[] = [];
  session.onStanza((stanza) => {
    const isEvent = stanza.getName() === "message" && stanza.getChild("event", `${PUBSUB}#event`);
    if (isEvent) notifiers.push(String(stanza.attrs["from"]));
  });
  session.start();
  const until: Bot["until"] = async (what, holds) =>
    await waitFor(() => bookmarks.loaded && holds(bookmarks.list()) && bookmarks.list(), {
      what,
      evidence: () => `${JSON.stringify(bookmarks.list())}\n${log.lines.join("\n")}`,
    });
  await until("the bookmarks", () => true);
  return {
    bookmarks,
    changes,
    log: log.lines,
    notifiers,
    until,
    settle: async () => void (await session.request(ping())),
    async stop() {
      bookmarks.stop();
      roster.stop();
      await session.stop();
    },
  };
}

function ping(): Element {
  return encodeRequest("get", new Element("ping", { xmlns: "urn:xmpp:ping" }));
}

/** An account, another client of it, and the plugin's own. */
async function openAccount(
  prosody: Prosody,
  user: string,
): Promise<{ own: BareJid; other: SlixmppClient; start(): Promise<Bot> }> {
  const own = jid(await prosody.register(user, "secret"));
  const { ports, caFile } = prosody;
  const other = await startSlixmpp({ jid: own, password: "secret", port: ports.c2s, caFile });
  running.push(other);
  return {
    own,
    other,
    async start() {
      const bot = await startBot(prosody, own);
      running.push(bot);
      return bot;
    },
  };
}

const running: { stop(): Promise<void> }[] = [];

async function expectResult(answer: Promise<{ type: string; xml: string }>): Promise<string> {
  const { type, xml } = await answer;
  expect({ type, xml }).toMatchObject({ type: "result" });
  return xml;
}

function conference(attributes: string, children = ""): string {
  return `<conference xmlns='${NODE}' ${attributes}>${children}</conference>`;
}

function item(room: BareJid, payload: string): string {
  return `<item id='${room}'>${payload}</item>`;
}

/** Publishes as XEP-0402 wants it; without `options` the node is what the server makes of it. */
const publish = async (
  client: SlixmppClient,
  to: BareJid,
  room: BareJid,
  payload: string,
  options = PUBLISH_OPTIONS,
) =>
  await expectResult(
    client.iq(
      to,
      "set",
      `<pubsub xmlns='${PUBSUB}'><publish node='${NODE}'>${item(room, payload)}</publish>${options}</pubsub>`,
    ),
  );

const itemsQuery = `<pubsub xmlns='${PUBSUB}'><items node='${NODE}'/></pubsub>`;

const read = async (client: SlixmppClient, to: BareJid) =>
  await expectResult(client.iq(to, "get", itemsQuery));

const nodeConfig = async (client: SlixmppClient, to: BareJid) => {
  const configure = `<pubsub xmlns='${PUBSUB}#owner'><configure node='${NODE}'/></pubsub>`;
  const config = await expectResult(client.iq(to, "get", configure));
  // Only what is chosen, not what could be.
  return config.replaceAll(/<([a-z0-9]+:)?option[^>]*>.*?<\/([a-z0-9]+:)?option>/g, "");
};

function privateStorage(children: string): string {
  return `<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'>${children}</storage></query>`;
}

describe("with PEP", () => {
  let prosody: Prosody;

  beforeAll(async () => {
    prosody = await startProsody();
  });
  afterAll(async () => {
    await Promise.all(running.splice(0).map(async (one) => await one.stop()));
    await prosody?.stop();
  });

  test("what another client stored is read at login", async () => {
    const { own, other, start } = await openAccount(prosody, "reader");
    await publish(other, own, CAVE, conference("name='Cave' autojoin='true'", "<nick>puck</nick>"));
    await publish(other, own, HEATH, conference("", "<password>hush</password>"));
    const bot = await start();
    expect(bot.bookmarks.list()).toEqual([
      expect.objectContaining({ room: CAVE, name: "Cave", autojoin: true, nick: "puck" }),
      expect.objectContaining({ room: HEATH, autojoin: false, password: "hush" }),
    ]);
    expect(bot.changes).toHaveLength(1);
    expect(bot.log.join("\n")).not.toContain("hush");
  });

  test("an account without any has an empty list, and it is known", async () => {
    const { start } = await openAccount(prosody, "empty");
    const bot = await start();
    expect(bot.bookmarks.list()).toEqual([]);
    expect(bot.changes).toEqual([[]]);
  });

  test("what another client adds, changes and removes arrives live", async () => {
    const { own, other, start } = await openAccount(prosody, "live");
    const bot = await start();
    await publish(other, own, CAVE, conference("autojoin='1'"));
    await bot.until("the new one", ([one]) => one?.room === CAVE && one.autojoin);
    await publish(other, own, CAVE, conference("autojoin='0'"));
    await bot.until("the change", ([one]) => one?.room === CAVE && !one.autojoin);
    await expectResult(
      other.iq(
        own,
        "set",
        `<pubsub xmlns='${PUBSUB}'><retract node='${NODE}' notify='1'><item id='${CAVE}'/></retract></pubsub>`,
      ),
    );
    await bot.until("the removal", (list) => list.length === 0);
    expect(bot.changes.map((list) => list.length)).toEqual([0, 1, 1, 0]);
  });

  test("what an old client writes by XEP-0048 arrives through the server's conversion", async () => {
    const { own, other, start } = await openAccount(prosody, "converted");
    const bot = await start();
    const store = async (conferences: string) =>
      await expectResult(other.iq(own, "set", privateStorage(conferences)));
    await store(`<conference jid='${CAVE}' autojoin='true' name='Cave'/>`);
    await bot.until("the new one", ([one]) => one?.room === CAVE && one.name === "Cave");
    await store("");
    await bot.until("the removal of all", (list) => list.length === 0);
  });

  test("what we set and remove is there for the other client, and nobody else", async () => {
    const { own, other, start } = await openAccount(prosody, "writer");
    const bot = await start();
    await bot.bookmarks.set({ room: CAVE, name: "Cave", autojoin: true, nick: "claw" });
    await bot.bookmarks.set({ room: HEATH, autojoin: false, password: "hush" });
    const stored = await read(other, own);
    expect(stored).toContain(CAVE);
    expect(stored).toContain("<nick>claw</nick>");
    expect(stored).toContain("<password>hush</password>");
    const mallory = await openAccount(prosody, "writer-mallory");
    expect(await mallory.other.iq(own, "get", itemsQuery)).toMatchObject({ type: "error" });
    expect(await nodeConfig(other, own)).toContain("whitelist");

    await bot.bookmarks.remove(CAVE);
    const left = await read(other, own);
    expect(left).not.toContain(CAVE);
    expect(left).toContain(HEATH);
    await bot.settle();
    expect(bot.bookmarks.list().map(({ room }) => room)).toEqual([HEATH]);
    expect(bot.changes.map((list) => list.length)).toEqual([0, 1, 2, 1]);
    expect(bot.log.join("\n")).not.toContain("hush");
  });

  test("what another client keeps in a bookmark survives our change", async () => {
    const { own, other, start } = await openAccount(prosody, "keeper");
    const extensions = "<extensions><pinned xmlns='urn:example:pin' at='3'/></extensions>";
    await publish(other, own, CAVE, conference("autojoin='true'", extensions));
    const bot = await start();
    await bot.bookmarks.set({ room: CAVE, autojoin: false, nick: "claw" });
    const stored = await read(other, own);
    expect(stored).toContain("urn:example:pin");
    expect(stored).toContain("<nick>claw</nick>");
  });

  test("a node that another client made for its contacts to see is closed before we write to it", async () => {
    const { own, other, start } = await openAccount(prosody, "careless");
    await publish(other, own, CAVE, conference("autojoin='true'"), "");
    expect(await nodeConfig(other, own)).not.toContain("whitelist");
    const bot = await start();
    await bot.bookmarks.set({ room: HEATH, autojoin: true, password: "hush" });
    expect(await nodeConfig(other, own)).toContain("whitelist");
    const stored = await read(other, own);
    expect(stored).toContain(CAVE);
    expect(stored).toContain(HEATH);
  });

  test("somebody else's notifications count for nothing", async () => {
    const { own, other, start } = await openAccount(prosody, "victim");
    const mallory = await openAccount(prosody, "mallory");
    await publish(other, own, CAVE, conference("autojoin='true'"));
    const bot = await start();
    const event = (children: string) =>
      `<message to='${own}/openclaw' type='headline'><event xmlns='${PUBSUB}#event'>${children}</event></message>`;
    await mallory.other.presence({ to: own, type: "subscribe" });
    const isSubscribed = ({ event: kind, type, from }: StanzaEvent) =>
      kind === "presence" && type === "subscribe" && from === own;
    await mallory.other.waitFor(isSubscribed);
    await mallory.other.ping();
    const bad = item(HEATH, conference("autojoin='true'"));
    await mallory.other.raw(event(`<items node='${NODE}'>${bad}</items>`));
    await mallory.other.raw(event(`<items node='${NODE}'><retract id='${CAVE}'/></items>`));
    await mallory.other.raw(event(`<purge node='${NODE}'/>`));
    // A real node of hers: we are told because we see her presence.
    await publish(mallory.other, mallory.own, HEATH, conference("autojoin='true'"), "");
    await mallory.other.ping();
    await publish(other, own, CAMP, conference("autojoin='true'"));
    const list = await bot.until("our own", (all) => all.some(({ room }) => room === CAMP));
    expect(list.map(({ room }) => room)).toEqual([CAVE, CAMP]);
    expect(bot.changes).toHaveLength(2);
    const hers = bot.notifiers.filter((from) => bareJid(from) === mallory.own);
    expect(hers).toEqual([...Array(3).fill(mallory.other.jid), mallory.own]);
  });
});

describe("without PEP", () => {
  let prosody: Prosody;

  beforeAll(async () => {
    // The vCard modules would load PEP all the same.
    prosody = await startProsody({ without: ["pep", "bookmarks", "vcard4", "vcard_legacy"] });
  });
  afterAll(async () => {
    await Promise.all(running.splice(0).map(async (one) => await one.stop()));
    await prosody?.stop();
  });

  test("private storage is read, changed, and keeps what other clients have there", async () => {
    const { own, other, start } = await openAccount(prosody, "old");
    const foreign = "<url name='Play' url='https://example.com/'/><pin xmlns='urn:example:pin'/>";
    const cave = `<conference jid='${CAVE}' autojoin='true' name='Cave'><x xmlns='urn:example:x'/></conference>`;
    await expectResult(other.iq(own, "set", privateStorage(foreign + cave)));
    const bot = await start();
    expect(bot.bookmarks.list()).toEqual([
      expect.objectContaining({ room: CAVE, autojoin: true, name: "Cave" }),
    ]);

    await bot.bookmarks.set({ room: CAVE, autojoin: false, name: "Cave" });
    await bot.bookmarks.set({ room: HEATH, autojoin: true, password: "hush" });
    const stored = await expectResult(other.iq(own, "get", privateStorage("")));
    for (const part of [
      "https://example.com/",
      "urn:example:pin",
      "urn:example:x",
      "hush",
      HEATH,
    ]) {
      expect(stored).toContain(part);
    }
    expect(stored).toMatch(/autojoin="false"/);

    await bot.bookmarks.remove(CAVE);
    const left = await expectResult(other.iq(own, "get", privateStorage("")));
    expect(left).not.toContain(CAVE);
    expect(left).toContain("urn:example:pin");
    expect(bot.bookmarks.list().map(({ room }) => room)).toEqual([HEATH]);
    expect(bot.log.join("\n")).not.toContain("hush");
  });

  test("what another client wrote meanwhile is not overwritten", async () => {
    const { own, other, start } = await openAccount(prosody, "both");
    const bot = await start();
    expect(bot.bookmarks.list()).toEqual([]);
    const conferences = `<conference jid='${CAVE}' name='Cave'/>`;
    await expectResult(other.iq(own, "set", privateStorage(conferences)));
    await bot.bookmarks.set({ room: HEATH, autojoin: true });
    const stored = await expectResult(other.iq(own, "get", privateStorage("")));
    expect(stored).toContain(CAVE);
    expect(stored).toContain(HEATH);
    expect(bot.bookmarks.list().map(({ room }) => room)).toEqual([CAVE, HEATH]);
  });
});
