import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createFakeLog, createFakeSession } from "../../test/support/fake-session.ts";
import { XmppStanzaError } from "../errors.ts";
import { type BareJid, bareJid } from "../protocol/jid.ts";
import { createRoster } from "./roster.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const jid = (text: string) => bareJid(text) as BareJid;
const ROSTER = "jabber:iq:roster";

function rosterResult(items: string): string {
  return `<iq type="result"><query xmlns="${ROSTER}">${items}</query></iq>`;
}

function push(item: string, from = ""): string {
  return `<iq type="set" id="p"${from && ` from="${from}"`}><query xmlns="${ROSTER}">${item}</query></iq>`;
}

const FRIEND = `<item jid="friend@example" subscription="both"/>`;

async function setUp(answer: string | Error = rosterResult(FRIEND)) {
  const session = createFakeSession();
  session.onRequest(ROSTER, answer);
  const decided: string[] = [];
  const log = createFakeLog();
  const roster = createRoster({
    session,
    log,
    decideSubscription: (who) => {
      decided.push(who);
      return who.endsWith("@evil.example") ? "refuse" : "accept";
    },
    caps: { node: "n", ver: "v", hash: "sha-1" },
  });
  const ready = vi.fn();
  roster.onReady(ready);
  session.goOnline();
  await vi.advanceTimersByTimeAsync(0);
  return { session, roster, ready, decided, log };
}

test("asks for the roster, then sends presence with caps, then is ready", async () => {
  const { session, roster, ready } = await setUp();
  const [query, presence, ...more] = session.takeSent();
  expect(query).toContain(`<query xmlns="${ROSTER}"/>`);
  expect(presence).toBe(
    '<presence><c xmlns="http://jabber.org/protocol/caps" hash="sha-1" node="n" ver="v"/></presence>',
  );
  expect(more).toEqual([]);
  expect(ready).toHaveBeenCalledOnce();
  expect(roster.contacts().map((contact) => contact.jid)).toEqual(["friend@example"]);
});

test("is reachable on a server without rosters", async () => {
  const { session, ready } = await setUp(new XmppStanzaError("cancel", "service-unavailable"));
  expect(session.takeSent()[1]).toMatch(/^<presence>/);
  expect(ready).toHaveBeenCalledOnce();
});

test("does it all again after each login, and nothing when the connection was lost meanwhile", async () => {
  const { session, ready } = await setUp();
  session.takeSent();
  session.goOffline();
  session.goOnline();
  session.goOffline();
  await vi.advanceTimersByTimeAsync(0);
  expect(ready).toHaveBeenCalledOnce();
  session.goOnline();
  await vi.advanceTimersByTimeAsync(0);
  expect(ready).toHaveBeenCalledTimes(2);
});

test.each([
  ["no from", ""],
  ["our bare JID", "bot@example"],
  ["our bare JID, written otherwise", "BOT@EXAMPLE"],
])("takes a push with %s", async (_name, from) => {
  const { session, roster } = await setUp();
  const answer = await session.ask(push(`<item jid="new@example" subscription="to"/>`, from));
  expect(answer).toMatch(/^<iq type="result"/);
  expect(roster.contact(jid("new@example"))?.subscription).toBe("to");
  await session.ask(push(`<item jid="new@example" subscription="remove"/>`, from));
  expect(roster.contact(jid("new@example"))).toBeUndefined();
});

test.each([
  "mallory@evil.example",
  "bot@example/other",
  "example",
  "@",
  "bot@example.evil.example",
])("a push from %s is a forgery", async (from) => {
  const { session, roster } = await setUp();
  const forged = push(`<item jid="mallory@evil.example" subscription="both"/>`, from);
  expect(await session.ask(forged)).toBe("unanswered");
  expect(roster.contacts()).toHaveLength(1);
});

test("a push with two items is a bad request", async () => {
  const { session, roster } = await setUp();
  expect(await session.ask(push(`<item jid="a@x"/><item jid="b@x"/>`))).toBe("bad-request");
  expect(roster.contacts()).toHaveLength(1);
});

test("an accepted request is granted and returned, once", async () => {
  const { session } = await setUp();
  session.takeSent();
  session.receive(`<presence from="Alice@example" type="subscribe"/>`);
  expect(session.takeSent()).toEqual([
    '<presence type="subscribed" to="alice@example"/>',
    '<presence type="subscribe" to="alice@example"/>',
  ]);
  session.receive(`<presence from="alice@example" type="unsubscribed"/>`);
  session.receive(`<presence from="alice@example" type="subscribe"/>`);
  expect(session.takeSent()).toEqual(['<presence type="subscribed" to="alice@example"/>']);
});

test("whom we see already is not asked back", async () => {
  const { session } = await setUp();
  session.takeSent();
  session.receive(`<presence from="friend@example" type="subscribe"/>`);
  expect(session.takeSent()).toEqual(['<presence type="subscribed" to="friend@example"/>']);
});

test("a refused request is denied", async () => {
  const { session } = await setUp();
  session.takeSent();
  session.receive(`<presence from="eve@evil.example/x" type="subscribe"/>`);
  expect(session.takeSent()).toEqual(['<presence type="unsubscribed" to="eve@evil.example"/>']);
});

test.each(["subscribed", "unsubscribe", "unsubscribed"])(
  "%s is not answered, so that two bots come to an end",
  async (type) => {
    const { session } = await setUp();
    session.takeSent();
    session.receive(`<presence from="alice@example" type="${type}"/>`);
    expect(session.takeSent()).toEqual([]);
  },
);

test("our own other resource asks for nothing", async () => {
  const { session, decided } = await setUp();
  session.receive(`<presence from="bot@example/phone" type="subscribe"/>`);
  session.receive(`<presence from="@" type="subscribe"/>`);
  expect(decided).toEqual([]);
});

test("a flood of requests is answered at a bounded rate, and one domain's takes only its share", async () => {
  const { session, decided, log } = await setUp();
  for (let i = 0; i < 500; i++)
    session.receive(`<presence from="u${i}@flood.example" type="subscribe"/>`);
  expect(decided).toHaveLength(10);
  session.receive(`<presence from="friend@example" type="subscribe"/>`);
  expect(decided.at(-1)).toBe("friend@example");
  for (let i = 0; i < 500; i++)
    session.receive(`<presence from="u${i}@d${i % 9}.example" type="subscribe"/>`);
  expect(decided).toHaveLength(30);
  for (let i = 0; i < 500; i++)
    session.receive(`<presence from="u@d${i}.flood.example" type="subscribe"/>`);
  expect(log.lines.filter((line) => line.includes("too many"))).toHaveLength(1);
  vi.advanceTimersByTime(60_000);
  session.receive(`<presence from="late@flood.example" type="subscribe"/>`);
  expect(decided.at(-1)).toBe("late@flood.example");
});

test("knows which contacts are online, and keeps nothing of strangers", async () => {
  const { session, roster } = await setUp();
  session.receive(`<presence from="friend@example/a"><show>away</show></presence>`);
  session.receive(`<presence from="friend@example/b"><priority>5</priority></presence>`);
  session.receive(`<presence from="room@chat.example/nick"/>`);
  expect(roster.presenceOf(jid("friend@example"))).toMatchObject({ priority: 5 });
  expect(roster.presenceOf(jid("room@chat.example"))).toBeUndefined();
  session.receive(`<presence from="friend@example/b" type="unavailable"/>`);
  expect(roster.presenceOf(jid("friend@example"))).toMatchObject({ show: "away" });
  for (let i = 0; i < 100; i++) session.receive(`<presence from="friend@example/r${i}"/>`);
  session.receive(`<presence from="friend@example" type="unavailable"/>`);
  expect(roster.presenceOf(jid("friend@example"))).toBeUndefined();
});

test("presence does not outlive the connection", async () => {
  const { session, roster } = await setUp();
  session.receive(`<presence from="friend@example/a"/>`);
  session.goOffline();
  expect(roster.presenceOf(jid("friend@example"))).toBeUndefined();
});

test("a resumed stream: the server kept our presence, and tells what changed", async () => {
  const { session, roster, ready } = await setUp();
  session.receive(`<presence from="friend@example/a"/>`);
  session.takeSent();
  session.goOffline({ resumable: true });
  expect(roster.presenceOf(jid("friend@example"))).toBeDefined();
  session.goOnline({ resumed: true });
  await vi.advanceTimersByTimeAsync(0);
  expect(session.takeSent()).toEqual([]);
  expect(ready).toHaveBeenCalledOnce();
  expect(roster.presenceOf(jid("friend@example"))).toBeDefined();
});

test("a stream that is not resumed after all is begun anew", async () => {
  const { session, roster, ready } = await setUp();
  session.receive(`<presence from="friend@example/a"/>`);
  session.takeSent();
  session.goOffline({ resumable: true });
  session.goOffline();
  expect(roster.presenceOf(jid("friend@example"))).toBeUndefined();
  session.goOnline();
  await vi.advanceTimersByTimeAsync(0);
  expect(session.takeSent()).toHaveLength(2);
  expect(ready).toHaveBeenCalledTimes(2);
});

test("a stream that is resumed before our presence was out gets it then", async () => {
  const session = createFakeSession();
  const decideSubscription = () => "refuse" as const;
  const roster = createRoster({ session, log: createFakeLog(), decideSubscription });
  const ready = vi.fn();
  roster.onReady(ready);
  session.goOnline(); // the roster stays away
  session.goOffline({ resumable: true });
  session.onRequest(ROSTER, rosterResult(FRIEND));
  session.goOnline({ resumed: true });
  await vi.advanceTimersByTimeAsync(0);
  expect(session.takeSent().at(-1)).toBe("<presence/>");
  expect(ready).toHaveBeenCalledOnce();
});

test("stop leaves no listener", async () => {
  const { session, roster } = await setUp();
  roster.stop();
  expect(session.listenerCount()).toBe(0);
});

test("names a contact without changing its groups, and makes a contact of who is none", async () => {
  const { session, roster } = await setUp(
    rosterResult('<item jid="friend@example" subscription="both"><group>Work</group></item>'),
  );
  session.takeSent();
  await roster.rename(jid("friend@example"), 'the "best" <friend>\u0000');
  await roster.rename(jid("new@example"), "New");
  await roster.rename(jid("friend@example"), "");
  expect(session.takeSent()).toEqual([
    expect.stringMatching(
      /type="set".*<item jid="friend@example" name="the &quot;best&quot; &lt;friend(&gt;|>)"><group>Work<\/group><\/item>/,
    ),
    expect.stringContaining('<item jid="new@example" name="New"/>'),
    expect.stringContaining('<item jid="friend@example"><group>Work</group></item>'),
  ]);
  // What counts is what the server makes of it.
  expect(roster.contact(jid("new@example"))).toBeUndefined();
  await session.ask(push('<item jid="new@example" name="New" subscription="none"/>'));
  expect(roster.contact(jid("new@example"))).toMatchObject({ name: "New" });
});

test("a server that refuses a name says so", async () => {
  const { session, roster } = await setUp();
  session.onRequest(ROSTER, new XmppStanzaError("modify", "not-acceptable"));
  await expect(roster.rename(jid("friend@example"), "x")).rejects.toThrow("not-acceptable");
});
