/** Those whom room tests put beside ours: people on three libraries, rooms and bookmarks of two servers. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Ejabberd, startEjabberd } from "../support/ejabberd.ts";
import { startMcabber } from "../support/mcabber.ts";
import { startProfanity } from "../support/profanity.ts";
import { type Prosody, startProsody } from "../support/prosody.ts";
import {
  ban,
  bookmarksXml,
  changeNick,
  configureRoom,
  destroyRoom,
  inviteDirect,
  inviteMediated,
  kick,
  privateBookmarksXml,
  publishBookmark,
  retractBookmark,
  setSubject,
  storePrivateBookmarks,
} from "../support/slixmpp-rooms.ts";
import { type SlixmppClient, startSlixmppUser } from "../support/slixmpp.ts";

let prosody: Prosody;
let ejabberd: Ejabberd;

beforeAll(async () => {
  [prosody, ejabberd] = await Promise.all([startProsody(), startEjabberd()]);
});

afterAll(async () => {
  await Promise.all([prosody?.stop(), ejabberd?.stop()]);
});

test("people on slixmpp, profanity and mcabber talk in a room with a password", async () => {
  const password = "sesame";
  const login = async (user: string) => ({
    jid: await prosody.register(user, user),
    password: user,
    port: prosody.ports.c2s,
  });
  const room = await prosody.room("den", { password });
  const slixmpp = await startSlixmppUser(prosody, "slick");
  const profanity = await startProfanity(await login("petra"));
  const mcabber = await startMcabber(await login("mac"));
  try {
    await slixmpp.join(room, "queen", password);
    await profanity.join(room, { nick: "pet", password });
    await mcabber.join(room, { nick: "mac", password });
    await slixmpp.send({ to: room, type: "groupchat", body: "who is there?" });
    for (const client of [profanity, mcabber]) await client.see(room, /queen\W.*who is there\?/);
    await profanity.say(room, "it is pet");
    expect((await slixmpp.waitForBody(`${room}/pet`)).body).toBe("it is pet");
    await mcabber.say(room, "it is mac");
    expect((await slixmpp.waitForBody(`${room}/mac`)).body).toBe("it is mac");
    await profanity.see(room, /mac\W.*it is mac/);
    await mcabber.see(room, /pet\W.*it is pet/);
  } finally {
    await Promise.all([slixmpp, profanity, mcabber].map((client) => client.stop()));
  }
});

describe.each(["prosody", "ejabberd"] as const)("on %s", (name) => {
  let alice: SlixmppClient;
  let bob: SlixmppClient;
  const server = () => (name === "prosody" ? prosody : ejabberd);
  const owned = { affiliations: { "alice@localhost": "owner" }, publicJids: false } as const;

  beforeAll(async () => {
    [alice, bob] = await Promise.all([
      startSlixmppUser(server(), "alice"),
      startSlixmppUser(server(), "bob"),
    ]);
  });
  afterAll(async () => {
    await Promise.all([alice?.stop(), bob?.stop()]);
  });

  test("an owner renames herself, invites, reconfigures, kicks, bans, and destroys", async () => {
    const room = await server().room("court", owned);
    await alice.join(room, "queen");
    await changeNick(alice, room, "king");
    const hears = async (pattern: RegExp) =>
      await bob.waitFor(({ event, xml }) => event !== "iq" && pattern.test(xml));
    await inviteMediated(alice, room, "bob@localhost", "do come");
    await hears(/<invite [^>]*from="[^"]+"[^>]*>.*do come/);
    await inviteDirect(alice, room, "bob@localhost", { reason: "by all means" });
    await hears(/jabber:x:conference[^>]*by all means/);
    await bob.join(room, "jack");
    await expect(changeNick(bob, room, "king")).rejects.toThrow(/conflict/);
    await setSubject(alice, room, "Croquet");
    await hears(/<subject>Croquet/);
    await configureRoom(alice, room, { "muc#roomconfig_whois": "anyone" });
    await hears(/code="172"/);
    await kick(alice, room, "jack", "off with his head");
    await hears(/code="307"/);
    await ban(alice, room, "bob@localhost");
    await expect(bob.join(room, "jack")).rejects.toThrow(/refused: forbidden/);
    await expect(kick(bob, room, "king")).rejects.toThrow(/refused/);
    await destroyRoom(alice, room, { reason: "rain" });
    await alice.waitFor(({ xml }) => xml.includes("<destroy"));
  });

  test("bookmarks are published, listed and retracted, and stored the old way", async () => {
    const room = await server().room("garden");
    await publishBookmark(bob, { room, nick: "jack", name: "The Garden", autojoin: true });
    expect(await bookmarksXml(bob)).toMatch(/<conference[^>]*autojoin="(true|1)"/);
    await retractBookmark(bob, room);
    expect(await bookmarksXml(bob)).not.toContain("<conference");
    await storePrivateBookmarks(bob, [{ room, nick: "jack", autojoin: true }]);
    expect(await privateBookmarksXml(bob)).toContain(room);
  });
});
