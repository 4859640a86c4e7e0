import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Element } from "ltx";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type FakeItem, addFakeArchive } from "../../test/support/fake-archive.ts";
import { createFakeLog, createFakeSession } from "../../test/support/fake-session.ts";
import { ROOM, codes, description, item, presence } from "../../test/support/room-xml.ts";
import { createArchive } from "../client/archive.ts";
import { createRooms } from "../client/rooms.ts";
import { XmppStanzaError } from "../errors.ts";
import { DEFAULT_CATCH_UP } from "../policy/limits.ts";
import type { BareJid } from "../protocol/jid.ts";
import type { Message } from "../protocol/stanza.ts";
import { DISCO_INFO } from "../protocol/xep-0030-disco.ts";
import { createArchiveCursors } from "../state/archive-cursors.ts";
import { IngressFullError } from "./ingress-queue.ts";
import type { Standing } from "./archived-addressing.ts";
import { createCatchUp } from "./catch-up.ts";
import { MAX_WAITING } from "./live-messages.ts";
import { createTally } from "./tally.ts";
import type { Archived } from "./types.ts";

const OWN = "bot@example" as BareJid;
const NOON = Date.UTC(2026, 0, 1, 12);
const ago = (minutes: number) => new Date(NOON - minutes * 60_000).toISOString();

const chat = (from: string, text: string, inside = "", type = "chat") =>
  `<message xmlns='jabber:client' from='${from}' to='bot@example' type='${type}'><body>${text}</body>${inside}</message>`;
const said = (id: string, minutes: number, xml = chat("ann@example/x", id)): FakeItem => ({
  id,
  stamp: ago(minutes),
  xml,
});
const stanzaId = (id: string, by: string = OWN) =>
  `<stanza-id xmlns='urn:xmpp:sid:0' id='${id}' by='${by}'/>`;
const held = (minutes: number, by = "example") =>
  `<delay xmlns='urn:xmpp:delay' from='${by}' stamp='${ago(minutes)}'/>`;

let folder = "";
beforeEach(() => {
  vi.useFakeTimers({ now: NOON });
  folder = mkdtempSync(join(tmpdir(), "xmpp-catch-up-"));
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

type Handed = { text: string; at?: number; id?: string; by?: string; xml: string };

/** One life of an account. The folder is what it finds of earlier ones. */
function live(
  options: {
    features?: readonly string[];
    config?: object;
    isAddressed?: (message: Message) => boolean;
    standingOf?: (message: Message) => Standing;
  } = {},
) {
  const { isAddressed = () => true, standingOf = () => "listed" } = options;
  const session = createFakeSession();
  const log = createFakeLog();
  const rooms = createRooms({ session, log, nick: "bot" });
  const features = options.features ?? ["urn:xmpp:mam:2", "urn:xmpp:sid:0", "muc_nonanonymous"];
  session.onRequest(DISCO_INFO, description(...features));
  const tally = createTally();
  const cursors = createArchiveCursors(join(folder, "cursors.json"), { log });
  const handed: Handed[] = [];
  /** Set to let the receiver wait, or fail. */
  const disk: { write?: (text: string) => Promise<void> } = {};
  let ready = () => {};
  const catchUp = createCatchUp({
    session,
    rooms,
    archive: createArchive({ session }),
    cursors,
    receiver: {
      async receive(stanza: Element, archived?: Archived, wanted?: Promise<boolean>) {
        const text = stanza.getChildText("body");
        if (!text || (wanted && !(await wanted))) return;
        await disk.write?.(text);
        const where = archived && {
          at: archived.stamp.getTime(),
          id: archived.id,
          by: archived.by,
        };
        handed.push({ text, ...where, xml: stanza.toString() });
      },
      findAddressed: () => isAddressed,
      findAuthors: () => () => [],
      findStanding: () => standingOf,
    },
    onReady(listener) {
      ready = listener;
      return () => undefined;
    },
    roomServices: () => new Set(["muc.example"]),
    findStrangers: async () => (peer) => peer.endsWith("@evil.example"),
    readConfig: () => ({ ...DEFAULT_CATCH_UP, ...options.config }),
    tally,
    log,
    now: Date.now,
  });
  const failures: unknown[] = [];
  session.onStanza((stanza) => {
    if (stanza.is("message")) catchUp.receive(stanza).catch((error) => failures.push(error));
  });
  return {
    session,
    rooms,
    log,
    tally,
    catchUp,
    cursors,
    handed,
    disk,
    texts: () => handed.map(({ text }) => text),
    async login() {
      if (session.state.kind !== "online") session.goOnline();
      ready();
      await settle();
    },
    async enter(inside = item() + codes(110)) {
      rooms.join(ROOM);
      session.receive(presence("bot", inside));
      await settle();
    },
    async stop() {
      await settle();
      catchUp.stop();
    },
  };
}

const settle = async () => void (await vi.advanceTimersByTimeAsync(0));

/** A life that begins with these messages in the archive, and ends right after. */
async function earlierLife(items: FakeItem[] = [said("old", 600)]) {
  const life = live();
  addFakeArchive(life.session, items);
  await life.login();
  await life.stop();
  return life;
}

describe("the account", () => {
  test("the first start begins at now: what is in the archive is not answered", async () => {
    const { handed } = await earlierLife([said("a", 30), said("b", 20)]);
    expect(handed).toEqual([]);
    const next = live();
    addFakeArchive(next.session, [said("a", 30), said("b", 20), said("c", 10)]);
    await next.login();
    expect(next.texts()).toEqual(["c"]);
  });

  test("nor what the server stored offline meanwhile, which is the same", async () => {
    const life = live();
    addFakeArchive(life.session, [said("a", 30), said("b", 20)]);
    life.session.goOnline();
    const offline = (id: string, minutes: number) =>
      life.session.receive(chat("ann@example/x", id, stanzaId(id) + held(minutes)));
    offline("a", 30);
    offline("b", 19.99);
    await life.login();
    expect(life.texts()).toEqual([]);
  });

  test("nor is that taken for new where something new is in the archive already", async () => {
    const { session, login, texts } = live();
    const fake = addFakeArchive(session, [said("a", 30), said("b", 20)]);
    session.goOnline();
    await settle();
    fake.items.push(said("new", 0));
    // ejabberd stores a message offline some ms after it is in the archive.
    session.receive(chat("ann@example/x", "b", stanzaId("b") + held(19.999)));
    session.receive(chat("ann@example/x", "new", stanzaId("new")));
    await login();
    expect(new Set(texts())).toEqual(new Set(["new"]));
  });

  test("what is said between the first login and our presence is answered", async () => {
    const { session, login, texts } = live();
    const fake = addFakeArchive(session, [said("old", 30)]);
    session.goOnline();
    await settle();
    fake.items.push(said("new", 0));
    session.receive(chat("ann@example/x", "offline copy", stanzaId("new") + held(0)));
    await login();
    expect(texts()).toEqual(["new"]);
  });

  test("an archive that was empty at the first start is read whole at the next", async () => {
    await earlierLife([]);
    const { session, login, texts } = live();
    addFakeArchive(session, [said("a", 20), said("b", 10)]);
    await login();
    expect(texts()).toEqual(["a", "b"]);
  });

  test("what was said meanwhile is taken up in order, with its time and its id", async () => {
    await earlierLife();
    const { session, login, handed } = live();
    const items = Array.from({ length: 120 }, (_, index) => said(`m${index}`, 120 - index));
    addFakeArchive(session, [said("old", 600), ...items]);
    await login();
    expect(handed.map(({ id }) => id)).toEqual(items.map(({ id }) => id));
    expect(handed[7]).toMatchObject({ text: "m7", at: Date.parse(ago(113)), by: OWN });
  });

  test("what too many others wait before is taken up later, in order, and none of it is refused", async () => {
    await earlierLife();
    const { session, login, texts, disk, tally } = live();
    const items = [said("a", 9), said("b", 8), said("c", 7)];
    addFakeArchive(session, [said("old", 600), ...items]);
    let isFull = true;
    disk.write = async (text) => {
      if (text === "b" && isFull) throw new IngressFullError("full");
    };
    await login();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(texts()).toEqual(["a"]);
    isFull = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(texts()).toEqual(["a", "b", "c"]);
    expect(tally.read()).toEqual({});
  });

  test("a conversation in which too many wait holds up no other", async () => {
    await earlierLife();
    const { session, login, texts, disk, cursors } = live();
    const bob = (id: string) => chat("bob@example/x", id);
    addFakeArchive(session, [
      said("old", 600),
      said("a1", 9),
      said("a2", 8),
      said("b1", 7, bob("b1")),
      said("a3", 6),
      said("b2", 5, bob("b2")),
    ]);
    let isFull = true;
    disk.write = async (text) => {
      if (text === "a2" && isFull) throw new IngressFullError("full");
    };
    await login();
    session.receive(chat("ann@example/x", "a4", stanzaId("a4")));
    session.receive(chat("bob@example/x", "b3", stanzaId("b3")));
    await settle();
    expect(texts()).toEqual(["a1", "b1", "b2", "b3"]);
    // Whoever starts again now finds what is left.
    expect(cursors.get(OWN)?.id).toBe("a1");
    isFull = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(texts()).toEqual(["a1", "b1", "b2", "b3", "a2", "a3", "a4"]);
    expect(cursors.get(OWN)?.id).toBe("b3");
  });

  test("where there is no room for anybody nobody is asked for in vain", async () => {
    await earlierLife();
    const { session, login, texts, disk } = live();
    const items = Array.from({ length: 50 }, (_, index) =>
      said(`m${index}`, 50 - index / 2, chat(`p${index}@example/x`, `m${index}`)),
    );
    addFakeArchive(session, [said("old", 600), ...items]);
    let asked = 0;
    disk.write = async () => {
      asked += 1;
      if (asked <= 5) throw new IngressFullError("full", { isEverywhere: true });
    };
    await login();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(texts()).toEqual(items.map(({ id }) => id));
    expect(asked).toBe(55);
  });

  test("what waits for older messages is bounded in memory: they go first then", async () => {
    await earlierLife();
    const { session, login, texts, cursors } = live();
    const fake = addFakeArchive(session, [said("old", 600), said("a", 9)]);
    const { promise, resolve } = Promise.withResolvers<void>();
    fake.hold = () => promise;
    await login();
    const many = 8;
    const size = MAX_WAITING / many;
    const big = (n: number) => `${n} `.padEnd(size - 500, "x");
    for (let n = 0; n < many; n++) {
      session.receive(chat("ann@example/x", big(n), stanzaId(`${n}`)));
    }
    await settle();
    expect(texts()).toEqual([]);
    session.receive(chat("ann@example/x", big(many), stanzaId(`${many}`)));
    await settle();
    expect(texts().map((text) => text.split(" ", 1)[0])).toEqual(
      Array.from({ length: many + 1 }, (_, n) => `${n}`),
    );
    resolve();
    await settle();
    expect(texts().at(-1)).toBe("a");
    expect(cursors.get(OWN)?.id).toBe(`${many}`);
  });

  test("a message that is handled is not read again in the next life", async () => {
    await earlierLife();
    const items = [said("old", 600), said("a", 9)];
    const second = live();
    addFakeArchive(second.session, items);
    await second.login();
    second.session.receive(chat("ann@example/x", "b", stanzaId("b")));
    await second.stop();
    expect(second.texts()).toEqual(["a", "b"]);
    const third = live();
    addFakeArchive(third.session, [...items, said("b", 5), said("c", 3)]);
    await third.login();
    expect(third.texts()).toEqual(["c"]);
  });

  test("a live message waits for the older ones, and is not read in their place", async () => {
    await earlierLife();
    const { session, login, texts } = live();
    const fake = addFakeArchive(session, [said("old", 600), said("a", 9)]);
    const { promise, resolve } = Promise.withResolvers<void>();
    fake.hold = () => promise;
    await login();
    session.receive(chat("ann@example/x", "live", stanzaId("live")));
    await settle();
    expect(texts()).toEqual([]);
    resolve();
    await settle();
    expect(texts()).toEqual(["a", "live"]);
  });

  test("it waits for 20 s at most; what is older follows, and is not forgotten", async () => {
    await earlierLife();
    const { session, login, texts, cursors } = live();
    const fake = addFakeArchive(session, [said("old", 600), said("a", 9)]);
    const { promise, resolve } = Promise.withResolvers<void>();
    fake.hold = () => promise;
    await login();
    session.receive(chat("ann@example/x", "live", stanzaId("live")));
    await vi.advanceTimersByTimeAsync(19_999);
    expect(texts()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(texts()).toEqual(["live"]);
    // The cursor does not jump over the gap.
    expect(cursors.get(OWN)?.id).toBe("old");
    resolve();
    await settle();
    expect(texts()).toEqual(["live", "a"]);
    expect(cursors.get(OWN)?.id).toBe("live");
  });

  test("after a loss in the middle it goes on where it was", async () => {
    await earlierLife();
    const items = [said("old", 600), said("a", 9), said("b", 8), said("c", 7)];
    const second = live();
    addFakeArchive(second.session, items);
    second.disk.write = async (text) => {
      if (text === "b") second.session.goOffline();
    };
    await second.login();
    await second.stop();
    expect(second.texts()).toEqual(["a", "b"]);
    const third = live();
    addFakeArchive(third.session, items);
    await third.login();
    expect(third.texts()).toEqual(["c"]);
  });

  test("what cannot be written to disk is read again, and the cursor waits for it", async () => {
    await earlierLife();
    const { session, login, texts, disk, cursors, log } = live();
    addFakeArchive(session, [said("old", 600), said("a", 9), said("b", 8)]);
    disk.write = async (text) => {
      if (text === "b") throw new Error("disk full");
    };
    await login();
    expect(texts()).toEqual(["a"]);
    expect(cursors.get(OWN)?.id).toBe("a");
    expect(log.lines.at(-1)).toContain("disk full; trying again in 1 s");
    delete disk.write;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(texts()).toEqual(["a", "b"]);
    expect(cursors.get(OWN)?.id).toBe("b");
  });

  test("no live message overtakes what could not be written to disk, for 20 s", async () => {
    await earlierLife();
    const { session, login, texts, disk } = live();
    addFakeArchive(session, [said("old", 600), said("a", 9), said("b", 8)]);
    disk.write = async (text) => {
      if (text === "b") throw new Error("disk full");
    };
    await login();
    session.receive(chat("ann@example/x", "live", stanzaId("live")));
    await vi.advanceTimersByTimeAsync(8_000);
    expect(texts()).toEqual(["a"]);
    delete disk.write;
    await vi.advanceTimersByTimeAsync(8_000);
    expect(texts()).toEqual(["a", "b", "live"]);
  });

  test("where that lasts, who speaks now is heard after 20 s", async () => {
    await earlierLife();
    const { session, login, texts, disk } = live();
    addFakeArchive(session, [said("old", 600), said("a", 9)]);
    disk.write = async (text) => {
      if (text === "a") throw new Error("cannot be written");
    };
    await login();
    session.receive(chat("ann@example/x", "live", stanzaId("live")));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(texts()).toEqual(["live"]);
    delete disk.write;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(texts()).toEqual(["live", "a"]);
  });

  test("the cursor does not pass a live message that is not on disk yet", async () => {
    await earlierLife();
    const { session, login, disk, cursors } = live();
    addFakeArchive(session, [said("old", 600)]);
    await login();
    const { promise, resolve } = Promise.withResolvers<void>();
    disk.write = async (text) => (text === "slow" ? await promise : undefined);
    session.receive(chat("ann@example/x", "slow", stanzaId("slow")));
    session.receive(chat("ann@example/x", "fast", stanzaId("fast")));
    await settle();
    expect(cursors.get(OWN)?.id).toBe("old");
    resolve();
    await settle();
    expect(cursors.get(OWN)?.id).toBe("fast");
  });

  test("a live message that could not be written holds the cursor until it comes again", async () => {
    await earlierLife();
    const { session, login, disk, cursors } = live();
    addFakeArchive(session, [said("old", 600)]);
    await login();
    disk.write = async () => {
      throw new Error("disk full");
    };
    session.receive(chat("ann@example/x", "a", stanzaId("a")));
    await settle();
    delete disk.write;
    session.receive(chat("ann@example/x", "b", stanzaId("b")));
    await settle();
    expect(cursors.get(OWN)?.id).toBe("old");
    session.receive(chat("ann@example/x", "a", stanzaId("a")));
    await settle();
    expect(cursors.get(OWN)?.id).toBe("b");
  });

  test("a stanza-id that somebody else gave moves nothing", async () => {
    await earlierLife();
    const { session, login, cursors } = live();
    addFakeArchive(session, [said("old", 600)]);
    await login();
    session.receive(chat("eve@example/x", "a", stanzaId("forged", "eve@example")));
    await settle();
    expect(cursors.get(OWN)?.id).toBe("old");
  });

  test("own messages, errors, headlines and what says nothing are left out", async () => {
    await earlierLife();
    const { session, login, texts } = live();
    const ann = "ann@example/x";
    addFakeArchive(session, [
      said("old", 600),
      said("own", 9, chat("bot@example/openclaw", "own")),
      said("error", 9, chat(ann, "error", "", "error")),
      said("headline", 9, chat(ann, "headline", "", "headline")),
      said("groupchat", 9, chat("r@muc.example/ann", "groupchat", "", "groupchat")),
      said("marker", 9, `<message xmlns='jabber:client' from='${ann}' type='chat'/>`),
      said("normal", 8, chat(ann, "normal", "", "normal")),
    ]);
    await login();
    expect(texts()).toEqual(["normal"]);
  });

  test("private messages of rooms are left out, with a line in the log", async () => {
    await earlierLife();
    const { session, rooms, login, texts, log, tally } = live();
    rooms.join(ROOM);
    addFakeArchive(session, [
      said("old", 600),
      said("1", 9, chat(`${ROOM}/ann`, "of a room of ours")),
      said("2", 9, chat("r@muc.example/ann", "of a room of our server's")),
      said(
        "3",
        9,
        chat("r@far.example/ann", "marked", "<x xmlns='http://jabber.org/protocol/muc#user'/>"),
      ),
      said("4", 8),
    ]);
    await login();
    expect(texts()).toEqual(["4"]);
    expect(log.lines.filter((line) => line.includes("left 3 private messages"))).toHaveLength(1);
    expect(tally.read()).toEqual({ "catch-up-skipped": 3 });
  });

  test("what is too old is left, counted, and left too when the server stored it offline", async () => {
    await earlierLife([said("old", 9_000)]);
    const { session, login, texts, log, tally } = live({ config: { maxAgeMinutes: 60 } });
    addFakeArchive(session, [
      said("old", 9_000),
      ...Array.from({ length: 70 }, (_, index) => said(`x${index}`, 200 - index)),
      said("a", 59),
    ]);
    session.goOnline();
    session.receive(chat("ann@example/x", "x3", stanzaId("x3") + held(197)));
    await login();
    expect(texts()).toEqual(["a"]);
    expect(log.lines.filter((line) => line.includes("left 70 messages"))).toHaveLength(1);
    expect(tally.read()).toEqual({ "catch-up-skipped": 70 });
  });

  test("of more than may be taken up the newest count", async () => {
    await earlierLife();
    const { session, login, texts, log, tally, cursors } = live({ config: { maxMessages: 3 } });
    const many = Array.from({ length: 60 }, (_, index) => said(`m${index}`, 100 - index));
    addFakeArchive(session, [said("old", 600), ...many]);
    await login();
    expect(texts()).toEqual(["m57", "m58", "m59"]);
    expect(log.lines.filter((line) => line.includes("left 57 messages"))).toHaveLength(1);
    expect(tally.read()).toEqual({ "catch-up-skipped": 57 });
    expect(cursors.get(OWN)?.id).toBe("m59");
  });

  test("our own messages take nobody's place among those that may be taken up", async () => {
    await earlierLife();
    const { session, login, texts, tally } = live({ config: { maxMessages: 2 } });
    const own = Array.from({ length: 80 }, (_, index) =>
      said(`own${index}`, 90, chat("bot@example/openclaw", "own")),
    );
    addFakeArchive(session, [said("old", 600), said("a", 99), ...own, said("b", 9)]);
    await login();
    expect(texts()).toEqual(["a", "b"]);
    expect(tally.read()).toEqual({});
  });

  test("where the message of the cursor is gone, time decides, a little generously", async () => {
    await earlierLife();
    const { session, login, texts } = live();
    addFakeArchive(session, [said("older", 606), said("about then", 604), said("a", 9)]);
    await login();
    expect(texts()).toEqual(["about then", "a"]);
  });

  test("an archive that is closed to us is told once; live messages go on", async () => {
    await earlierLife();
    const { session, login, texts, log } = live();
    const fake = addFakeArchive(session, []);
    fake.tamper = () => {
      throw new XmppStanzaError("auth", "forbidden");
    };
    await login();
    session.receive(chat("ann@example/x", "live", stanzaId("live")));
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(texts()).toEqual(["live"]);
    expect(log.lines.filter((line) => line.includes("forbidden"))).toHaveLength(1);
    expect(fake.queries).toHaveLength(1);
  });

  test("an archive that cannot answer now is asked again", async () => {
    await earlierLife();
    const { session, login, texts } = live();
    const fake = addFakeArchive(session, [said("old", 600), said("a", 9)]);
    fake.tamper = (results, fin, count) => {
      if (count < 3) throw new XmppStanzaError("wait", "resource-constraint");
      return { results, fin };
    };
    await login();
    session.receive(chat("ann@example/x", "live", stanzaId("live")));
    await settle();
    expect(texts()).toEqual([]);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(texts()).toEqual(["a", "live"]);
  });

  test("a resumed stream asks for nothing", async () => {
    await earlierLife();
    const { session, login } = live();
    const fake = addFakeArchive(session, [said("old", 600)]);
    await login();
    const before = fake.queries.length;
    session.goOffline({ resumable: true });
    session.goOnline({ resumed: true });
    await settle();
    expect(fake.queries).toHaveLength(before);
  });

  test("without an archive what the server stored offline is answered, unless it is too old", async () => {
    const { session, login, texts, catchUp, log, tally } = live({ features: ["urn:xmpp:sid:0"] });
    addFakeArchive(session, []).tamper = () => {
      throw new XmppStanzaError("cancel", "service-unavailable");
    };
    session.goOnline();
    session.receive(chat("ann@example/x", "yesterday", held(25 * 60)));
    session.receive(chat("ann@example/x", "today", held(23 * 60)));
    session.receive(chat("ann@example/x", "of long ago, says ann", held(25 * 60, "elsewhere")));
    await login();
    expect(texts()).toEqual(["today", "of long ago, says ann"]);
    expect(catchUp.hasArchive).toBe(false);
    expect(log.lines.some((line) => line.includes("no archive"))).toBe(true);
    expect(tally.read()).toEqual({ "catch-up-skipped": 1 });
  });

  test("switched off nothing is asked, nobody waits, and it begins anew when switched on", async () => {
    await earlierLife();
    const off = live({ config: { enabled: false } });
    const fake = addFakeArchive(off.session, [said("old", 600), said("a", 9)]);
    off.session.goOnline();
    off.session.receive(chat("ann@example/x", "live", held(9_000)));
    await off.login();
    await off.stop();
    expect(off.texts()).toEqual(["live"]);
    expect(fake.queries).toEqual([]);
    const on = live();
    addFakeArchive(on.session, [said("old", 600), said("a", 9)]);
    await on.login();
    expect(on.texts()).toEqual([]);
  });

  test("switched on while it runs, it begins at that moment; switched off, it is forgotten", async () => {
    const options = { config: { enabled: false } };
    const life = live(options);
    const own = addFakeArchive(life.session, [said("old", 600)]);
    const room = addFakeArchive(life.session, [said("in the room", 600)], ROOM);
    await life.login();
    await life.enter();
    life.catchUp.apply();
    await settle();
    expect([...own.queries, ...room.queries]).toEqual([]);
    options.config.enabled = true;
    life.catchUp.apply();
    await settle();
    expect(life.cursors.get(OWN)).toMatchObject({ id: "old" });
    expect(life.cursors.get(ROOM as BareJid)).toMatchObject({ id: "in the room" });
    const asked = own.queries.length;
    life.catchUp.apply();
    await settle();
    expect(own.queries).toHaveLength(asked);
    options.config.enabled = false;
    life.catchUp.apply();
    await settle();
    expect([life.cursors.get(OWN), life.cursors.get(ROOM as BareJid)]).toEqual([
      undefined,
      undefined,
    ]);
    options.config.enabled = true;
    own.items.push(said("meanwhile", 1));
    life.catchUp.apply();
    await life.stop();
    expect(life.texts()).toEqual([]);
    const next = live();
    addFakeArchive(next.session, [...own.items, said("missed", 0)]);
    await next.login();
    expect(next.texts()).toEqual(["missed"]);
  });
});

describe("a room", () => {
  const inRoom = (id: string, minutes: number, nick = "ann", inside = ""): FakeItem => ({
    id,
    stamp: ago(minutes),
    xml: `<message xmlns='jabber:client' from='${ROOM}/${nick}' type='groupchat'><body>${id}</body>${inside}</message>`,
  });
  const author = (jid: string) =>
    `<x xmlns='http://jabber.org/protocol/muc#user'><item jid='${jid}'/></x>`;
  const talk = (id: string) =>
    inRoom(id, 0, "ann", stanzaId(id, ROOM)).xml.replace(
      "<message",
      "<message to='bot@example/openclaw'",
    );

  async function earlierStay(inside?: string) {
    const life = live();
    addFakeArchive(life.session, []);
    addFakeArchive(life.session, [inRoom("old", 600)], ROOM);
    await life.login();
    await life.enter(inside);
    await life.stop();
    return life;
  }
  function again(items: FakeItem[], options?: Parameters<typeof live>[0]) {
    const life = live(options);
    addFakeArchive(life.session, []);
    return { ...life, fake: addFakeArchive(life.session, [inRoom("old", 600), ...items], ROOM) };
  }

  test("begins at now, too, and is caught up with right after the next entry", async () => {
    const { texts: before } = await earlierStay();
    expect(before()).toEqual([]);
    const { login, enter, handed } = again([inRoom("a", 9), inRoom("b", 8)]);
    await login();
    expect(handed).toEqual([]);
    await enter();
    expect(handed).toMatchObject([
      { text: "a", id: "a", by: ROOM, at: Date.parse(ago(9)) },
      { text: "b", id: "b", by: ROOM },
    ]);
  });

  test("its live messages wait for the older ones; those of others do not", async () => {
    await earlierStay();
    const { session, fake, login, enter, texts, cursors } = again([inRoom("a", 9)]);
    const { promise, resolve } = Promise.withResolvers<void>();
    fake.hold = () => promise;
    await login();
    await enter();
    session.receive(talk("live"));
    session.receive(chat("ann@example/x", "direct"));
    await settle();
    expect(texts()).toEqual(["direct"]);
    resolve();
    await settle();
    expect(texts()).toEqual(["direct", "a", "live"]);
    expect(cursors.get(ROOM)?.id).toBe("live");
  });

  test("what its people say to each other pushes no order out of the bounds", async () => {
    await earlierStay();
    const talking = Array.from({ length: 300 }, (_, index) => inRoom(`t${index}`, 90 - index / 4));
    const orders = ["order 1", "order 2", "order 3"].map((id, index) => inRoom(id, 99 - index));
    const { login, enter, texts, tally, log } = again([...orders, ...talking], {
      config: { maxMessages: 2 },
      isAddressed: ({ body }) => body?.startsWith("order") ?? false,
    });
    await login();
    await enter();
    expect(texts()).toEqual(["order 2", "order 3", "t298", "t299"]);
    expect(tally.read()).toEqual({ "catch-up-skipped": 1 });
    expect(log.lines.join("\n")).toMatch(
      /left 298 messages in the archive of .* that were not for the agent/,
    );
  });

  describe("strangers who speak to the agent", () => {
    const MALLORY = "mallory@evil.example/x";
    const isOrder = ({ body }: Message) => body?.startsWith("bot") ?? false;
    const standingOf = ({ archivedAuthor }: Message): Standing =>
      archivedAuthor?.realJid === "ann@example" ? "listed" : "stranger";
    const spam = (count: number, jid = MALLORY, padding = "") =>
      Array.from({ length: count }, (_, index) =>
        inRoom(`bot: spam ${index}${padding}`, 500 - index / 4, "mallory", author(jid)),
      );
    const order = inRoom("bot: order", 599, "ann", author("ann@example/x"));

    test("push out no order, and a few of theirs are taken, the newest", async () => {
      await earlierStay();
      const chatter = inRoom("hm", 9, "mallory", author(MALLORY));
      const { login, enter, texts, tally } = again([order, ...spam(520), chatter], {
        isAddressed: isOrder,
        standingOf,
      });
      await login();
      await enter();
      expect(texts()).toEqual([
        "bot: order",
        ...Array.from({ length: 20 }, (_, index) => `bot: spam ${index + 500}`),
      ]);
      expect(tally.read()).toEqual({ "not-admitted": 501 });
    });

    test("nor do long ones", async () => {
      await earlierStay();
      const long = spam(20, MALLORY, "x".repeat(600_000));
      const { login, enter, texts } = again([order, ...long], { isAddressed: isOrder, standingOf });
      await login();
      await enter();
      expect(texts().map((text) => text.slice(0, 11))).toEqual(["bot: order", "bot: spam 1"]);
    });

    test("what of it is overheard is context", async () => {
      await earlierStay();
      const { login, enter, texts, tally } = again([order, ...spam(30)], {
        config: { maxMessages: 25 },
        isAddressed: isOrder,
        standingOf: (message) => (standingOf(message) === "listed" ? "listed" : "overheard"),
      });
      await login();
      await enter();
      expect(texts()).toHaveLength(31);
      expect(tally.read()).toEqual({});
    });

    test("nobody is listed by their own word, where the room did not show real JIDs", async () => {
      const masked = live({ features: ["urn:xmpp:mam:2", "urn:xmpp:sid:0", "muc_semianonymous"] });
      addFakeArchive(masked.session, []);
      addFakeArchive(masked.session, [inRoom("old", 600)], ROOM);
      await masked.login();
      await masked.enter();
      await masked.stop();
      const { login, enter, texts } = again(spam(30, "ann@example/x"), { standingOf });
      await login();
      await enter();
      expect(texts()).toHaveLength(20);
    });
  });

  test("without an archive nobody waits", async () => {
    const { session, login, enter, texts } = again([], { features: ["muc_nonanonymous"] });
    await login();
    await enter();
    session.receive(talk("live"));
    await settle();
    expect(texts()).toEqual(["live"]);
  });

  test("our own messages are left out by who we are, not by our nick alone", async () => {
    await earlierStay();
    const { login, enter, texts } = again([
      inRoom("ours", 9, "bot", author("bot@example/openclaw")),
      inRoom("ours under another nick", 8, "bot-2", author("bot@example/openclaw")),
      inRoom("of who had our nick", 7, "bot", author("ann@example/x")),
    ]);
    await login();
    await enter();
    expect(texts()).toEqual(["of who had our nick"]);
  });

  test("what is from elsewhere, or private, is not the room's", async () => {
    await earlierStay();
    const { login, enter, texts } = again([
      { ...inRoom("elsewhere", 9), xml: chat("other@muc.example/ann", "x", "", "groupchat") },
      { ...inRoom("private", 9), xml: chat(`${ROOM}/ann`, "x") },
    ]);
    await login();
    await enter();
    expect(texts()).toEqual([]);
  });

  test("what it tells of authors is believed only if it showed them all the time", async () => {
    const read = async () => {
      const { login, enter, handed, stop } = again([inRoom("a", 9, "ann", author("boss@example"))]);
      await login();
      await enter();
      await stop();
      return handed[0]?.xml.includes("boss@example");
    };
    await earlierStay();
    expect(await read()).toBe(true);
    rmSync(join(folder, "cursors.json"));
    // Then it did not show them.
    const masked = live({ features: ["urn:xmpp:mam:2", "urn:xmpp:sid:0", "muc_semianonymous"] });
    addFakeArchive(masked.session, []);
    addFakeArchive(masked.session, [inRoom("old", 600)], ROOM);
    await masked.login();
    await masked.enter();
    await masked.stop();
    expect(await read()).toBe(false);
  });

  test("a room that we left is begun anew", async () => {
    const first = await earlierStay();
    const second = again([]);
    await second.login();
    await second.enter();
    second.rooms.leave(ROOM);
    await second.stop();
    expect(first.cursors.get(ROOM)).toBeDefined();
    const third = again([inRoom("a", 9)]);
    await third.login();
    await third.enter();
    expect(third.texts()).toEqual([]);
  });

  test("a room that lost us is caught up with when we are back", async () => {
    await earlierStay();
    const { session, fake, login, enter, texts } = again([]);
    await login();
    await enter();
    session.receive(
      presence("bot", item("", 'affiliation="none" role="none"') + codes(110, 332), "unavailable"),
    );
    fake.items.push(inRoom("a", 0));
    await enter();
    expect(texts()).toEqual(["a"]);
  });

  test("rooms in which too many wait keep no other room's archive waiting", async () => {
    const names = Array.from({ length: 6 }, (_, index) => `r${index}@muc.example` as BareJid);
    const stay = async (...items: string[]) => {
      const life = live();
      life.disk.write = async (text) => {
        if (!text.includes(names[5] ?? "")) throw new IngressFullError("full");
      };
      addFakeArchive(life.session, []);
      await life.login();
      for (const name of names) {
        const its = items.map((id): FakeItem => {
          const one = inRoom(`${id} ${name}`, id === "old" ? 600 : 9);
          return { ...one, xml: one.xml.replaceAll(ROOM, name) };
        });
        addFakeArchive(life.session, its, name);
        life.rooms.join(name);
        life.session.receive(presence("bot", item() + codes(110)).replaceAll(ROOM, name));
      }
      await life.stop();
      return life;
    };
    await stay("old");
    const { texts } = await stay("old", "new");
    expect(texts()).toEqual([`new ${names[5]}`]);
  });

  test("of many rooms a few are read at once, after our own account", async () => {
    const life = live();
    const own = addFakeArchive(life.session, []);
    const { promise: ownDone, resolve: finishOwn } = Promise.withResolvers<void>();
    own.hold = () => ownDone;
    let reading = 0;
    let most = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    await life.login();
    const names = Array.from({ length: 20 }, (_, index) => `r${index}@muc.example` as BareJid);
    for (const name of names) {
      addFakeArchive(life.session, [], name).hold = async () => {
        reading += 1;
        most = Math.max(most, reading);
        await promise;
        reading -= 1;
      };
      life.rooms.join(name);
      life.session.receive(presence("bot", item() + codes(110)).replaceAll(ROOM, name));
    }
    await settle();
    expect(most).toBe(0);
    finishOwn();
    await settle();
    expect(most).toBe(4);
    resolve();
    await settle();
    expect(names.every((name) => life.cursors.get(name))).toBe(true);
  });
});
