import { describe, expect, it } from "vitest";
import { XmppConnectionError, XmppStanzaError } from "../errors.ts";
import type { BareJid } from "../protocol/jid.ts";
import { createFakeLog, createFakeSession, OWN_JID } from "../../test/support/fake-session.ts";
import { type Bookmark, MAX_BOOKMARKS, createBookmarks } from "./bookmarks.ts";

const NODE = "urn:xmpp:bookmarks:1";
const PUBSUB = "http://jabber.org/protocol/pubsub";
const PRIVATE = "jabber:iq:private";
const DISCO = "http://jabber.org/protocol/disco#info";
const OWN = "bot@example";
const CAVE = "cave@rooms.example" as BareJid;
const HEATH = "heath@rooms.example" as BareJid;
const CAMP = "camp@rooms.example" as BareJid;

const item = (room: string, attributes = "", children = "") =>
  `<item id="${room}"><conference xmlns="${NODE}" ${attributes}>${children}</conference></item>`;
const items = (...all: string[]) =>
  `<iq type="result"><pubsub xmlns="${PUBSUB}"><items node="${NODE}">${all.join("")}</items></pubsub></iq>`;
const event = (children: string, from = `from="${OWN}"`) =>
  `<message ${from} type="headline"><event xmlns="${PUBSUB}#event">${children}</event></message>`;
const changed = (...all: string[]) => event(`<items node="${NODE}">${all.join("")}</items>`);
const storage = (children: string) =>
  `<iq type="result"><query xmlns="${PRIVATE}"><storage xmlns="storage:bookmarks">${children}</storage></query></iq>`;
const RESULT = '<iq type="result"/>';
const PUBLISH_OPTIONS = `<iq type="result"><query xmlns="${DISCO}"><feature var="${PUBSUB}#publish-options"/></query></iq>`;

/** Lets what was promised happen. */
const settle = async () => await new Promise((resolve) => setImmediate(resolve));

function open() {
  const session = createFakeSession();
  const log = createFakeLog();
  const bookmarks = createBookmarks({ session, log });
  const told: (readonly Bookmark[])[] = [];
  bookmarks.onChange((list) => void told.push(list));
  session.onRequest(DISCO, PUBLISH_OPTIONS);
  const login = async (answer: string | Error) => {
    session.onRequest(PUBSUB, answer);
    session.goOnline();
    await settle();
  };
  return {
    session,
    bookmarks,
    log,
    told,
    login,
    rooms: () => bookmarks.list().map(({ room }) => room),
  };
}

describe("the bookmarks", () => {
  it("are read after each login, and told", async () => {
    const { session, bookmarks, login, told } = open();
    expect(bookmarks.loaded).toBe(false);
    await login(items(item(CAVE, "autojoin='1' name='Cave'", "<nick>puck</nick>"), item(HEATH)));
    expect(bookmarks.loaded).toBe(true);
    expect(bookmarks.list()).toMatchObject([
      { room: CAVE, autojoin: true, name: "Cave", nick: "puck" },
      { room: HEATH, autojoin: false },
    ]);
    session.goOffline();
    expect(bookmarks.loaded).toBe(false);
    expect(bookmarks.list()).toHaveLength(2);
    await login(items(item(HEATH)));
    expect(told.map((list) => list.map(({ room }) => room))).toEqual([[CAVE, HEATH], [HEATH]]);
  });

  it("stay known over a stream that is resumed, and are read again after one that is not", async () => {
    const { session, bookmarks, login, told, rooms } = open();
    await login(items(item(CAVE)));
    session.takeSent();
    session.goOffline({ resumable: true });
    expect(bookmarks.loaded).toBe(true);
    session.goOnline({ resumed: true });
    session.receive(changed(item(HEATH)));
    await settle();
    expect(session.takeSent()).toEqual([]);
    expect(bookmarks.loaded).toBe(true);
    expect(rooms()).toEqual([CAVE, HEATH]);
    expect(told).toHaveLength(2);
    session.goOffline({ resumable: true });
    session.goOffline();
    expect(bookmarks.loaded).toBe(false);
    await login(items(item(CAMP)));
    expect(rooms()).toEqual([CAMP]);
  });

  it("that could not be read are read over a resumed stream", async () => {
    const { session, bookmarks, login, rooms } = open();
    await login(new XmppConnectionError("timeout", "the server did not answer in 30 s"));
    session.goOffline({ resumable: true });
    session.onRequest(PUBSUB, items(item(CAVE)));
    session.goOnline({ resumed: true });
    await settle();
    expect(bookmarks.loaded).toBe(true);
    expect(rooms()).toEqual([CAVE]);
  });

  it("are read when told that it is time", async () => {
    const session = createFakeSession();
    let ready: () => void = () => undefined;
    const onReady = (listener: () => void) => ((ready = listener), () => undefined);
    const bookmarks = createBookmarks({ session, log: createFakeLog(), onReady });
    session.onRequest(PUBSUB, items());
    session.goOnline();
    await settle();
    expect(session.takeSent()).toEqual([]);
    ready();
    await settle();
    expect(bookmarks.loaded).toBe(true);
  });

  it.each([
    ["a refusal", new XmppStanzaError("auth", "forbidden")],
    ["a full disk", new XmppStanzaError("wait", "resource-constraint")],
    ["silence", new XmppConnectionError("timeout", "the server did not answer in 30 s")],
    ["an answer without items", RESULT],
    ["another node's items", items().replace(NODE, "urn:other")],
  ])("stay unknown, not empty, after %s", async (_, answer) => {
    const { session, bookmarks, login, told, log, rooms } = open();
    await login(items(item(CAVE)));
    session.goOffline();
    await login(answer);
    expect(bookmarks.loaded).toBe(false);
    expect(rooms()).toEqual([CAVE]);
    session.receive(changed(item(HEATH)));
    expect(told).toHaveLength(1);
    session.goOffline();
    await login(answer);
    expect(log.lines).toEqual([expect.stringContaining("cannot be read")]);
    session.goOffline();
    await login(items(item(HEATH)));
    expect(told.at(-1)).toMatchObject([{ room: HEATH }]);
  });

  it("are not complained about when the connection ends meanwhile", async () => {
    const { session, bookmarks, login, log } = open();
    const request = session.request.bind(session);
    session.request = async () => {
      session.goOffline();
      throw new XmppConnectionError("network", "the connection was lost");
    };
    await login(items());
    session.request = async (iq) => {
      const answer = await request(iq);
      session.goOffline();
      return answer;
    };
    await login(items());
    expect(bookmarks.loaded).toBe(false);
    expect(log.lines).toEqual([]);
  });

  it("are none where the node does not exist yet", async () => {
    const { session, bookmarks, login, told } = open();
    await login(new XmppStanzaError("cancel", "item-not-found"));
    expect(bookmarks.loaded).toBe(true);
    expect(told).toEqual([[]]);
    expect(session.takeSent().join("")).not.toContain(PRIVATE);
  });

  it("are bounded, with one line in the log", async () => {
    const { session, login, log, rooms, bookmarks } = open();
    const many = Array.from({ length: MAX_BOOKMARKS + 5 }, (_, n) => item(`r${n}@rooms.example`));
    await login(items(...many));
    expect(rooms()).toHaveLength(1000);
    session.receive(changed(item(CAVE)));
    expect(rooms()).toHaveLength(1000);
    await expect(bookmarks.set({ room: CAVE, autojoin: true })).rejects.toThrow("1000 bookmarks");
    expect(log.lines).toHaveLength(1);
    session.receive(changed(item("r7@rooms.example", "autojoin='1'")));
    expect(bookmarks.list().filter(({ autojoin }) => autojoin)).toHaveLength(1);
  });

  it("are not touched any more after stop", async () => {
    const { session, bookmarks, login, told } = open();
    await login(items(item(CAVE)));
    bookmarks.stop();
    session.receive(changed(item(HEATH)));
    expect(session.listenerCount()).toBe(0);
    expect(told).toHaveLength(1);
  });

  it("survive a listener that throws", async () => {
    const { session, bookmarks, login, log, told } = open();
    bookmarks.onChange(() => {
      throw new Error("oops");
    });
    await login(items());
    session.receive(changed(item(CAVE)));
    expect(told).toHaveLength(2);
    expect(log.lines).toHaveLength(2);
  });
});

describe("a notification", () => {
  it("adds, changes and removes, and is told when it is news", async () => {
    const { session, bookmarks, login, told, rooms } = open();
    await login(items(item(CAVE)));
    session.receive(changed(item(CAVE)));
    expect(told).toHaveLength(1);
    session.receive(changed(item(CAVE, "autojoin='true'"), item(HEATH)));
    expect(told).toHaveLength(2);
    expect(bookmarks.list()[0]?.autojoin).toBe(true);
    session.receive(changed(`<retract id="${CAVE}"/>`));
    session.receive(changed(`<retract id="${CAVE}"/>`));
    expect(told).toHaveLength(3);
    expect(rooms()).toEqual([HEATH]);
  });

  it.each([
    ["", true],
    [`from="${OWN}"`, true],
    ['from="BOT@example"', true],
    [`from="${OWN_JID}"`, false],
    ['from="example"', false],
    ['from="mallory@example"', false],
    ['from="bot@example.evil"', false],
    ['from="@"', false],
    ['from=""', false],
  ])("with %s counts: %s", async (from, counts) => {
    const { session, login, rooms } = open();
    await login(items(item(CAVE)));
    session.takeSent();
    session.receive(event(`<items node="${NODE}">${item(HEATH)}</items>`, from));
    session.receive(event(`<items node="${NODE}"><retract id="${CAVE}"/></items>`, from));
    expect(rooms()).toEqual(counts ? [HEATH] : [CAVE]);
    session.receive(event(`<purge node="${NODE}"/>`, from));
    await settle();
    expect(session.takeSent()).toHaveLength(counts ? 1 : 0);
  });

  it.each(["purge", "delete"])("of a %s makes us read again", async (name) => {
    const { session, login, rooms, told } = open();
    await login(items(item(CAVE)));
    session.onRequest(PUBSUB, items());
    session.receive(event(`<${name} node="urn:other"/>`));
    await settle();
    expect(rooms()).toEqual([CAVE]);
    session.receive(event(`<${name} node="${NODE}"/>`));
    await settle();
    expect(rooms()).toEqual([]);
    expect(told.at(-1)).toEqual([]);
  });

  it.each([
    ["autojoin='1'", ""],
    ["name='Cave'", ""],
    ["", "<nick>puck</nick>"],
    ["", "<password>hush</password>"],
    ["", "<extensions><a xmlns='b'/></extensions>"],
  ])("of %s %s is news", async (attributes, children) => {
    const { session, login, told } = open();
    await login(items(item(CAVE)));
    session.receive(changed(item(CAVE, attributes, children)));
    session.receive(changed(item(CAVE, attributes, children)));
    expect(told).toHaveLength(2);
  });

  it("that we cannot follow by reading leaves the bookmarks unknown", async () => {
    const { session, bookmarks, login, told } = open();
    await login(items(item(CAVE)));
    session.onRequest(PUBSUB, new XmppStanzaError("wait", "internal-server-error"));
    session.receive(event(`<purge node="${NODE}"/>`));
    await settle();
    expect(bookmarks.loaded).toBe(false);
    expect(told).toHaveLength(1);
  });

  it("that comes while we read is newer than the answer", async () => {
    const { session, login, rooms, told } = open();
    const request = session.request.bind(session);
    session.request = async (iq) => {
      const answer = await request(iq);
      session.receive(changed(item(HEATH), `<retract id="${CAVE}"/>`));
      return answer;
    };
    await login(items(item(CAVE), item(CAMP)));
    expect(rooms()).toEqual([HEATH, CAMP]);
    expect(told).toHaveLength(1);
  });

  it("that comes while we write is newer than what we wrote", async () => {
    const { session, bookmarks, login } = open();
    await login(items());
    session.onRequest(PUBSUB, RESULT);
    const request = session.request.bind(session);
    session.request = async (iq) => {
      const answer = await request(iq);
      session.receive(changed(item(CAVE, "", "<nick>other</nick>")));
      return answer;
    };
    await bookmarks.set({ room: CAVE, autojoin: true, nick: "mine" });
    expect(bookmarks.list()).toMatchObject([{ room: CAVE, nick: "other" }]);
  });
});

describe("set and remove", () => {
  it("write one item each, privately, and tell", async () => {
    const { session, bookmarks, login, told } = open();
    await login(items());
    session.takeSent();
    session.onRequest(PUBSUB, RESULT);
    await bookmarks.set({ room: CAVE, autojoin: true, nick: "claw", password: "hush" });
    const [asked, published, ...more] = session.takeSent();
    expect(asked).toContain(DISCO);
    expect(published).toContain(`<item id="${CAVE}">`);
    expect(published).toContain("whitelist");
    expect(more).toEqual([]);
    await bookmarks.set({ room: HEATH, autojoin: false });
    expect(session.takeSent()).toHaveLength(1);
    await bookmarks.remove(CAVE);
    expect(session.takeSent().join("")).toContain("<retract");
    expect(told.map((list) => list.length)).toEqual([0, 1, 2, 1]);
  });

  it("write nothing when it is so already", async () => {
    const { session, bookmarks, login, told } = open();
    await login(
      items(item(CAVE, "autojoin='1' name='Cave'", "<extensions><a xmlns='b'/></extensions>")),
    );
    session.takeSent();
    await bookmarks.set({ room: CAVE, autojoin: true, name: "Cave" });
    await bookmarks.remove(HEATH);
    expect(session.takeSent()).toEqual([]);
    expect(told).toHaveLength(1);
  });

  it("keep what other clients have in the bookmark", async () => {
    const { session, bookmarks, login } = open();
    await login(items(item(CAVE, "autojoin='1'", "<extensions><a xmlns='b'/></extensions>")));
    session.onRequest(PUBSUB, RESULT);
    await bookmarks.set({ room: CAVE, autojoin: false });
    expect(session.takeSent().at(-1)).toContain('<a xmlns="b"/>');
    expect(bookmarks.list()[0]?.extensions?.toString()).toContain('<a xmlns="b"/>');
  });

  it("do not write where the server would show it to our contacts", async () => {
    const { session, bookmarks, login } = open();
    await login(items());
    session.onRequest(DISCO, `<iq type="result"><query xmlns="${DISCO}"/></iq>`);
    session.takeSent();
    await expect(bookmarks.set({ room: CAVE, autojoin: true })).rejects.toThrow("contacts");
    expect(session.takeSent().join("")).not.toContain("<publish");
    expect(bookmarks.list()).toEqual([]);
  });

  it("configure a node that is not private, and fail where that fails", async () => {
    const { session, bookmarks, login } = open();
    await login(items());
    session.takeSent();
    session.onRequest(PUBSUB, new XmppStanzaError("cancel", "conflict"));
    session.onRequest(`${PUBSUB}#owner`, RESULT);
    await expect(bookmarks.set({ room: CAVE, autojoin: true })).rejects.toThrow("conflict");
    const [, first, configure, second] = session.takeSent();
    expect(configure).toContain("whitelist");
    expect(second?.replace(/ id="[^"]*"/, "")).toBe(first?.replace(/ id="[^"]*"/, ""));
    expect(bookmarks.list()).toEqual([]);
  });

  it("pass on a refusal and leave the list as it is", async () => {
    const { session, bookmarks, login, rooms } = open();
    await login(items(item(HEATH)));
    session.onRequest(PUBSUB, new XmppStanzaError("wait", "resource-constraint"));
    await expect(bookmarks.set({ room: CAVE, autojoin: true })).rejects.toThrow("resource");
    await expect(bookmarks.remove(HEATH)).rejects.toThrow("resource");
    expect(rooms()).toEqual([HEATH]);
    session.onRequest(PUBSUB, new XmppStanzaError("cancel", "item-not-found"));
    await bookmarks.remove(HEATH);
    expect(rooms()).toEqual([]);
  });

  it("read first where the bookmarks are unknown, and do nothing when that fails", async () => {
    const { session, bookmarks, login, rooms } = open();
    await expect(bookmarks.set({ room: CAVE, autojoin: true })).rejects.toThrow("offline");
    await login(new XmppStanzaError("wait", "internal-server-error"));
    session.takeSent();
    await expect(bookmarks.remove(CAVE)).rejects.toThrow("internal-server-error");
    expect(session.takeSent()).toHaveLength(1);
    session.onRequest(PUBSUB, items(item(CAVE), item(HEATH)));
    await bookmarks.remove(CAVE);
    expect(rooms()).toEqual([HEATH]);
    expect(bookmarks.loaded).toBe(true);
  });
});

describe("without PEP", () => {
  const CONFERENCE = `<conference jid="${CAVE}" autojoin="true" name="Cave"><x xmlns="urn:x"/></conference>`;

  it.each(["feature-not-implemented", "service-unavailable"])(
    "%s leads to private storage, at this login",
    async (condition) => {
      const { session, bookmarks, login, rooms } = open();
      session.onRequest(PRIVATE, storage(CONFERENCE));
      await login(new XmppStanzaError("cancel", condition));
      expect(bookmarks.list()).toMatchObject([{ room: CAVE, autojoin: true, name: "Cave" }]);
      session.receive(changed(item(HEATH)));
      expect(rooms()).toEqual([CAVE]);
      session.goOffline();
      await login(items(item(HEATH)));
      expect(rooms()).toEqual([HEATH]);
    },
  );

  it.each([new XmppStanzaError("cancel", "service-unavailable"), RESULT])(
    "private storage that fails leaves the bookmarks unknown",
    async (answer) => {
      const { session, bookmarks, login } = open();
      session.onRequest(PRIVATE, answer);
      await login(new XmppStanzaError("cancel", "service-unavailable"));
      expect(bookmarks.loaded).toBe(false);
    },
  );

  it("a change is made to the document as it is now, and keeps what else stands there", async () => {
    const { session, bookmarks, login, told } = open();
    session.onRequest(PRIVATE, storage(""));
    await login(new XmppStanzaError("cancel", "service-unavailable"));
    session.onRequest(PRIVATE, storage(`${CONFERENCE}<url name="a" url="b"/>`));
    session.takeSent();
    await bookmarks.set({ room: HEATH, autojoin: true });
    const [get, set, ...more] = session.takeSent();
    expect(get).toContain('type="get"');
    expect(set).toContain('<x xmlns="urn:x"/>');
    expect(set).toContain('<url name="a" url="b"/>');
    expect(set).toContain(HEATH);
    expect(more).toEqual([]);
    expect(told.map((list) => list.map(({ room }) => room))).toEqual([[], [CAVE], [CAVE, HEATH]]);
  });

  it("nothing is written when it is so already", async () => {
    const { session, bookmarks, login } = open();
    session.onRequest(PRIVATE, storage(CONFERENCE));
    await login(new XmppStanzaError("cancel", "service-unavailable"));
    session.takeSent();
    await bookmarks.set({ room: CAVE, autojoin: true, name: "Cave" });
    expect(session.takeSent().join("")).not.toContain('type="set"');
  });

  it("nothing is written when the document cannot be read", async () => {
    const { session, bookmarks, login } = open();
    session.onRequest(PRIVATE, storage(CONFERENCE));
    await login(new XmppStanzaError("cancel", "service-unavailable"));
    session.onRequest(PRIVATE, RESULT);
    session.takeSent();
    await expect(bookmarks.set({ room: HEATH, autojoin: true })).rejects.toThrow("storage");
    expect(session.takeSent().join("")).not.toContain('type="set"');
  });
});
