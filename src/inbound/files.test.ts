/** Files on the road in: fetched only for whom policy admits, and never the reason that a message is lost. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createTempDir, type TempDir } from "../../test/support/at-exit.ts";
import {
  body,
  createRoadIn,
  enterRoom,
  message,
  type RoadInOptions,
} from "../../test/support/road-in.ts";
import { item, presence, ROOM } from "../../test/support/room-xml.ts";
import { waitFor } from "../../test/support/wait.ts";
import { trustedAuthorities } from "../client/trust.ts";
import { STANZA_IDS } from "../protocol/xep-0359-ids.ts";

const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
let temp: TempDir;
let server: Server;
let origin: string;
let asked: string[];
let status: number;
/** Until when the server does not answer. */
let held: Promise<void> | undefined;

beforeAll(async () => {
  temp = createTempDir("files");
  process.env["OPENCLAW_STATE_DIR"] = temp.path;
  server = createServer((request, response) => {
    asked.push(request.url ?? "");
    void Promise.resolve(held).then(() => response.writeHead(status).end(PNG));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});
beforeEach(() => {
  asked = [];
  status = 200;
});
afterAll(() => {
  server.close();
  temp.remove();
});

const oob = (url: string) => `<x xmlns="jabber:x:oob"><url>${url}</url></x>`;
const ALICE = "alice@example/phone";

function setUp(options: RoadInOptions = {}, own = origin) {
  const uploads = {
    origins: async () => new Set([own]),
    trust: () => trustedAuthorities(undefined, false),
  };
  const keys = { dmPolicy: "allowlist", allowFrom: ["alice@example"], ...options.keys };
  const road = createRoadIn({ ...options, keys });
  Object.assign(road.outbox, { uploads: { ...road.outbox.uploads, ...uploads } });
  const next = async () => {
    const { length } = road.turns;
    return await waitFor(() => road.turns[length], { what: "a turn" });
  };
  return { ...road, next };
}

it("a picture whose place is the text comes to the agent as a picture without text", async () => {
  const { session, next } = setUp();
  const url = `${origin}/cat.png`;
  void session.receive(message(ALICE, body(url) + oob(url)));
  const turn = await next();
  expect(turn.message).toMatchObject({ rawBody: "", bodyForAgent: "", commandBody: "" });
  expect(turn.media).toMatchObject([{ contentType: "image/png" }]);
  expect(readFileSync(turn.media?.[0]?.path ?? "")).toEqual(PNG);
});

it("files one after the other and their caption are one turn", async () => {
  const { session, next, turns, receiver } = setUp();
  for (const name of ["a.png", "b.png"]) {
    void session.receive(message(ALICE, body(`${origin}/${name}`) + oob(`${origin}/${name}`)));
  }
  void session.receive(message(ALICE, body("what are these?")));
  const turn = await next();
  await receiver.idle();
  expect(turns).toHaveLength(1);
  expect(turn.message.bodyForAgent).toBe("what are these?");
  expect(turn.media).toHaveLength(2);
  expect(asked).toEqual(["/a.png", "/b.png"]);
});

it("a bare URL waits for its caption as well", async () => {
  const { session, next, turns, receiver } = setUp({}, "https://upload.invalid");
  void session.receive(message(ALICE, body("https://upload.invalid/a.png")));
  void session.receive(message(ALICE, body("what is this?")));
  const turn = await next();
  await receiver.idle();
  expect(turns).toHaveLength(1);
  expect(turn.message.bodyForAgent).toMatch(/^what is this\?\n.*"a\.png".* is not available/s);
});

it("in a room, a picture and the words about it that address the agent are one turn", async () => {
  const road = setUp({ keys: { groupPolicy: "open", rooms: [ROOM] } });
  enterRoom(road, [STANZA_IDS]);
  road.session.receive(presence("alice", item("alice@example/x")));
  const url = `${origin}/cat.png`;
  const say = (inside: string) =>
    void road.session.receive(message(`${ROOM}/alice`, inside, "groupchat"));
  say(body(url) + oob(url));
  say(body("bot: what is it?"));
  const turn = await road.next();
  await road.receiver.idle();
  expect(road.turns).toHaveLength(1);
  expect(turn.message.bodyForAgent).toBe("what is it?");
  expect(turn.media).toHaveLength(1);
});

it("a picture and somebody else's words are not", async () => {
  const { session, receiver, turns, next } = setUp({
    keys: { allowFrom: ["alice@example", "bob@example"] },
  });
  const url = `${origin}/cat.png`;
  void session.receive(message(ALICE, body(url) + oob(url)));
  void session.receive(message("bob@example/x", body("hello")));
  await next();
  await receiver.idle();
  await waitFor(() => turns.length === 2, { what: "two turns" });
  expect(turns.map(({ message: said, media }) => [said.bodyForAgent, media?.length])).toEqual([
    ["hello", undefined],
    ["", 1],
  ]);
});

it("the sources of two earlier messages are two files of one turn (XEP-0447 §3.3)", async () => {
  const { session, next, receiver, turns } = setUp();
  const attach = (id: string) =>
    `<attach-to xmlns="urn:xmpp:message-attaching:1" id="${id}"/><sources xmlns="urn:xmpp:sfs:0">` +
    `<url-data xmlns="http://jabber.org/protocol/url-data" target="${origin}/${id}.png"/></sources>`;
  for (const id of ["one", "two"]) void session.receive(message(ALICE, attach(id)));
  const turn = await next();
  await receiver.idle();
  expect([turns.length, turn.media?.length]).toEqual([1, 2]);
});

describe("a file that was announced before its place was told (XEP-0447 §3.3)", () => {
  const PLACE = `<url-data xmlns="http://jabber.org/protocol/url-data"`;
  const announce = (content: Buffer, id = "one") =>
    message(
      ALICE,
      `<file-sharing xmlns="urn:xmpp:sfs:0" id="f"><file xmlns="urn:xmpp:file:metadata:0"><name>mine.png</name>` +
        `<hash xmlns="urn:xmpp:hashes:2" algo="sha-256">${createHash("sha256").update(content).digest("base64")}</hash>` +
        "</file></file-sharing>",
    ).replace("<message ", `<message id="${id}" `);
  const place = (inside = "", id = "one", from = ALICE) =>
    message(
      from,
      `<attach-to xmlns="urn:xmpp:message-attaching:1" id="${id}"/><sources xmlns="urn:xmpp:sfs:0" id="f">` +
        `${PLACE} target="${origin}/x.png"/></sources>${inside}`,
    );

  it("is what was announced, by the name that it was announced with", async () => {
    const { session, next } = setUp();
    await session.receive(announce(PNG));
    void session.receive(place());
    const { media, message: said } = await next();
    expect(media).toMatchObject([{ fileName: "mine.png", contentType: "image/png" }]);
    expect(said.bodyForAgent).toBe("");
  });

  it("is not kept where it is something else, also where its place is told twice", async () => {
    const { session, next } = setUp();
    await session.receive(announce(Buffer.from("another")));
    void session.receive(place(oob(`${origin}/x.png`)));
    const { media, message: said } = await next();
    expect([media, said.bodyForAgent.includes("its hash differs")]).toEqual([undefined, true]);
  });

  it("is not kept either where the Gateway ended in between", async () => {
    const folder = createTempDir("files-announced");
    const file = join(folder.path, "ingress.sqlite");
    const before = setUp({ file, failures: Infinity });
    await before.session.receive(announce(Buffer.from("another")));
    await before.session.receive(place());
    await before.receiver.stop();
    before.database.close();
    const after = setUp({ file });
    expect((await after.next()).message.bodyForAgent).toContain("its hash differs");
    await after.receiver.stop();
    after.database.close();
    folder.remove();
  });

  it("by somebody else, or in a message that nobody knows, is said to be unchecked", async () => {
    const { session, next } = setUp({ keys: { allowFrom: ["alice@example", "bob@example"] } });
    await session.receive(announce(PNG));
    void session.receive(place("", "one", "bob@example/x"));
    const { media, message: said } = await next();
    expect([media?.length, said.bodyForAgent]).toEqual([1, expect.stringContaining("not checked")]);
  });

  it("is not forgotten for what strangers announce", async () => {
    const { session, next } = setUp();
    await session.receive(announce(PNG));
    for (let n = 0; n < 1_100; n += 1) {
      await session.receive(announce(PNG, `${n}`).replace(ALICE, `s${n}@evil.example/x`));
    }
    void session.receive(place());
    const { media } = await next();
    expect(media).toMatchObject([{ fileName: "mine.png" }]);
  });
});

it("a picture, and the place where it was taken, are one turn with both", async () => {
  const { session, next, outbox } = setUp();
  void session.receive(message(ALICE, oob(`${origin}/cat.png`)));
  const noStore = '<no-store xmlns="urn:xmpp:hints"/>';
  void session.receive(
    message(ALICE, `${body("geo:48.2,16.3")}${noStore}`).replace("<message ", '<message id="p" '),
  );
  const { media, extra } = await next();
  expect(media).toHaveLength(1);
  expect(extra).toMatchObject({ LocationLat: 48.2 });
  expect(outbox.recent.find("alice@example" as never, "p")).toBeUndefined();
});

it("a place on the map that is handed over like a file is none", async () => {
  const { session, next } = setUp();
  void session.receive(message(ALICE, body("geo:48.2,16.3") + oob("geo:48.2,16.3")));
  const { message: said, media } = await next();
  expect([said.bodyForAgent.includes("not available"), media]).toEqual([false, undefined]);
  expect(said.bodyForAgent).toContain("48.2");
});

it("a message with files and no body at all is a message", async () => {
  const { session, next } = setUp();
  void session.receive(message(ALICE, oob(`${origin}/cat.png`)));
  expect((await next()).media).toHaveLength(1);
});

describe("nothing is fetched", () => {
  it("for a stranger", async () => {
    const { session, receiver, turns } = setUp();
    const url = `${origin}/cat.png`;
    await session.receive(message("mallory@example/x", body(`look\n${url}`) + oob(url)));
    await receiver.idle();
    expect(turns).toEqual([]);
    expect(asked).toEqual([]);
  });

  it("for who has to be paired", async () => {
    const { session, receiver, challenged } = setUp({ keys: { dmPolicy: "pairing" } });
    const url = `${origin}/cat.png`;
    await session.receive(message("mallory@example/x", body(`look\n${url}`) + oob(url)));
    await receiver.idle();
    expect(challenged).toHaveLength(1);
    expect(asked).toEqual([]);
  });

  it("in a room where the agent was not meant", async () => {
    const road = setUp({ keys: { groupPolicy: "open", rooms: [ROOM] } });
    enterRoom(road, [STANZA_IDS]);
    road.session.receive(presence("alice", item("alice@example/x")));
    const url = `${origin}/cat.png`;
    await road.session.receive(
      message(`${ROOM}/alice`, body(`look\n${url}`) + oob(url), "groupchat"),
    );
    await road.receiver.idle();
    expect(asked).toEqual([]);
    void road.session.receive(message(`${ROOM}/alice`, body("bot: did you see?"), "groupchat"));
    const { message: said } = await road.next();
    expect(said.inboundHistory?.map((entry) => entry.body)).toEqual([`look\n${url}`]);
  });

  it("of what is only mentioned, or lies elsewhere", async () => {
    const { session, next } = setUp();
    void session.receive(message(ALICE, body("https://elsewhere.example/cat.png")));
    const turn = await next();
    expect(turn.media).toBeUndefined();
    expect(turn.message.bodyForAgent).toBe("https://elsewhere.example/cat.png");
  });
});

describe("what could not be had is told to the agent", () => {
  it.each<[string, () => string, string]>([
    ["private", () => "https://127.0.0.1:1/secret.png", "its address is not a public one"],
    ["encrypted", () => "aesgcm://files.example/x.png#0123456789abcdef", "it is encrypted (OMEMO)"],
    ["a path", () => "file:///etc/passwd", "only https links are fetched"],
  ])("%s", async (_, url, reason) => {
    const { session, next, log } = setUp();
    void session.receive(message(ALICE, body(`look\n${url()}`) + oob(url())));
    const turn = await next();
    expect(turn.media).toBeUndefined();
    expect(turn.message.commandBody).toBe("look");
    expect(turn.message.bodyForAgent).toMatch(/^look\n\n\[The file "/);
    expect(turn.message.bodyForAgent).toContain(reason);
    // The key of an encrypted file is its fragment.
    expect(turn.message.bodyForAgent + log.lines.join()).not.toContain("0123456789abcdef");
  });

  it("whole, where there is nothing else in the message", async () => {
    const { session, next } = setUp();
    status = 404;
    const url = `${origin}/gone.png`;
    void session.receive(message(ALICE, body(url) + oob(url)));
    const { message: said } = await next();
    expect(said.bodyForAgent).toBe(
      `[The file "gone.png" (${url}) is not available: its server answered 404]`,
    );
  });

  it("beside what could", async () => {
    const { session, next } = setUp({ keys: { mediaMaxMb: 1 } });
    const urls = [`${origin}/a.png`, "https://10.0.0.1/b.png"];
    void session.receive(message(ALICE, body("both") + urls.map(oob).join("")));
    const turn = await next();
    expect(turn.media).toHaveLength(1);
    expect(turn.message.bodyForAgent).toContain('"b.png"');
  });

  it("where there are too many", async () => {
    const { session, next } = setUp();
    const urls = Array.from({ length: 12 }, (_, index) => `${origin}/${index}.png`);
    void session.receive(message(ALICE, body("many") + urls.map(oob).join("")));
    const turn = await next();
    expect(turn.media).toHaveLength(10);
    expect(turn.message.bodyForAgent).toContain("2 more file(s)");
  });
});

it("a message whose file is being fetched as the account stops, or dies, comes again", async () => {
  const folder = createTempDir("files-again");
  const file = join(folder.path, "ingress.sqlite");
  const hold = Promise.withResolvers<void>();
  held = hold.promise;
  const before = setUp({ file });
  void before.session.receive(message(ALICE, body("look") + oob(`${origin}/cat.png`)));
  await waitFor(() => asked.length === 1, { what: "a request" });
  await before.receiver.stop();
  before.database.close();
  hold.resolve();
  held = undefined;
  expect(before.turns).toEqual([]);
  const after = setUp({ file });
  const turn = await after.next();
  await after.receiver.idle();
  expect([turn.message.bodyForAgent, turn.media?.length, after.turns.length]).toEqual([
    "look",
    1,
    1,
  ]);
  await after.receiver.stop();
  after.database.close();
  folder.remove();
});

it("a server that fails for a moment is asked again", async () => {
  const { session, next } = setUp();
  status = 503;
  const url = `${origin}/cat.png`;
  void session.receive(message(ALICE, body(`look\n${url}`) + oob(url)));
  const { message: said } = await next();
  expect(asked).toHaveLength(2);
  expect(said.bodyForAgent).toContain("its server answered 503");
});

it("a bare URL of our own upload service is a file; of another, it is text", async () => {
  const own = "https://127.0.0.1:1";
  const { session, next } = setUp({}, own);
  void session.receive(message(ALICE, body(`${own}/cat.png`)));
  // Nobody listens there: that it was tried is what is shown.
  expect((await next()).message.bodyForAgent).toMatch(/"cat.png".*could not be reached/);
});
