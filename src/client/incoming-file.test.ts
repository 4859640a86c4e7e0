import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { type Element, parse } from "ltx";
import { describe, expect, it, test } from "vitest";
import { almostRight, anyStanza, runs } from "../../test/support/fuzz.ts";
import {
  decodeFileOffer,
  type FileBounds,
  type FileStep,
  type IncomingFile,
} from "./incoming-file.ts";

const ANNA = "anna@example.com/gajim";
const BOT = "bot@example.com/openclaw";
const JINGLE = "urn:xmpp:jingle:1";
const IBB = "http://jabber.org/protocol/ibb";
const JINGLE_IBB = "urn:xmpp:jingle:transports:ibb:1";
const S5B = "urn:xmpp:jingle:transports:s5b:1";
const CONTENT = Buffer.from("The quick brown fox jumps over the lazy dog.");
const SHA_256 = createHash("sha256").update(CONTENT).digest("base64");

let lastId = 0;
function iq(payload: string, from = ANNA, id = `i${++lastId}`): Element {
  return parse(
    `<iq xmlns='jabber:client' type='set' id='${id}' from='${from}' to='${BOT}'>${payload}</iq>`,
  );
}

/** What a person's client does by SI, as slixmpp writes it. */
function siOffer({ size = CONTENT.length, methods = [IBB] } = {}): Element {
  const options = methods.map((method) => `<option><value>${method}</value></option>`).join("");
  return iq(
    `<si xmlns='http://jabber.org/protocol/si' id='t1' profile='http://jabber.org/protocol/si/profile/file-transfer'>
      <file xmlns='http://jabber.org/protocol/si/profile/file-transfer' name='fox.txt' size='${size}'/>
      <feature xmlns='http://jabber.org/protocol/feature-neg'><x xmlns='jabber:x:data' type='form'>
        <field var='stream-method' type='list-single'>${options}</field></x></feature></si>`,
  );
}

const ibbTransport = (sid = "t1", blockSize = 4096) =>
  `<transport xmlns='${JINGLE_IBB}' block-size='${blockSize}' sid='${sid}'/>`;
const s5bTransport = `<transport xmlns='${S5B}' sid='t1' mode='tcp'/>`;
const sizeOf = (size: number) => `<name>fox.txt</name><size>${size}</size>`;
const hash = (digest: string) => `<hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>${digest}</hash>`;

function jingle(action: string, inner = "", id?: string): Element {
  return iq(`<jingle xmlns='${JINGLE}' action='${action}' sid='j1'>${inner}</jingle>`, ANNA, id);
}

function inContent(inner: string, attributes = "senders='initiator'"): string {
  return `<content creator='initiator' name='f' ${attributes}>${inner}</content>`;
}

function jingleOffer({
  file = sizeOf(CONTENT.length),
  transport = ibbTransport(),
  extra = "",
} = {}) {
  const description = `<description xmlns='urn:xmpp:jingle:apps:file-transfer:5'><file>${file}</file></description>`;
  return jingle("session-initiate", inContent(description + transport + extra));
}

const open = (blockSize = 4096, extra = "", sid = "t1") =>
  iq(`<open xmlns='${IBB}' block-size='${blockSize}' sid='${sid}' ${extra}/>`);
const data = (seq: number, bytes: Buffer | string, id?: string) =>
  iq(
    `<data xmlns='${IBB}' seq='${seq}' sid='t1'>${Buffer.from(bytes).toString("base64")}</data>`,
    ANNA,
    id,
  );
const close = () => iq(`<close xmlns='${IBB}' sid='t1'/>`);

function offered(offer: Element): IncomingFile {
  const decoded = decodeFileOffer(offer);
  if (!decoded || !("file" in decoded)) throw new Error("no offer");
  return decoded.file;
}

/** A step in short: how the iq was answered, what was asked of the sender, and how it ended. */
function told(step: FileStep | undefined): string[] {
  if (!step) return ["not ours"];
  const { answer, bytes, requests, outcome } = step;
  const condition = answer
    ?.getChild("error")
    ?.getChildElements()
    .map((child) => child.getName());
  const answers = answer ? [condition?.join(" ") ?? "yes"] : [];
  const octets = bytes ? [`${bytes.length} octets`] : [];
  const asked = requests.map((request) => {
    expect(request.attrs["to"]).toBe(ANNA);
    const [payload] = request.getChildElements() as [Element];
    const reason = payload
      .getChild("reason")
      ?.getChildElements()
      .map((child) => child.getName());
    return [payload.attrs["action"] ?? payload.getName(), ...(reason ?? [])].join(" ");
  });
  return [...octets, ...answers, ...asked, ...(outcome ? [`(${outcome})`] : [])];
}

/** Hands the stanzas in, and gives what was told of each, and the octets. */
function played(file: IncomingFile, stanzas: readonly Element[]) {
  const steps = stanzas.map((stanza) => file.receive(stanza));
  return {
    told: steps.map(told),
    bytes: Buffer.concat(steps.flatMap((step) => step?.bytes ?? [])),
    outcome: steps.at(-1)?.outcome,
  };
}

const bounds: FileBounds = { maxBytes: 1000 };
const blocks = [data(0, CONTENT.subarray(0, 20)), data(1, CONTENT.subarray(20))];
const accepted = (offer: Element, given = bounds) => {
  const file = offered(offer);
  return { file, first: told(file.accept(given)) };
};

describe("a file by SI", () => {
  it("is announced, accepted and received", () => {
    const file = offered(siOffer());
    expect(file.offer).toMatchObject({ from: ANNA, sid: "t1", name: "fox.txt", size: 44 });
    const step = file.accept(bounds);
    expect(step.answer?.toString()).toContain(`<value>${IBB}</value>`);
    expect(told(step)).toEqual(["yes"]);
    const result = played(file, [open(), ...blocks, close()]);
    expect(result.told).toEqual([
      ["yes"],
      ["20 octets", "yes"],
      ["24 octets", "yes"],
      ["yes", "(received)"],
    ]);
    expect(result.bytes).toEqual(CONTENT);
  });

  test.each([
    ["unwanted", "forbidden text"],
    ["too-large", "forbidden text"],
    ["busy", "resource-constraint"],
  ] as const)("is declined: %s", (why, answer) => {
    expect(told(offered(siOffer()).decline(why))).toEqual([answer, "(declined)"]);
  });

  it("is declined when it is announced as too large", () => {
    expect(told(offered(siOffer({ size: 1001 })).accept(bounds))).toEqual([
      "forbidden text",
      "(declined)",
    ]);
  });

  it("can not be taken by SOCKS5 alone, nor without a name and size", () => {
    const refusal = (stanza: Element) => {
      const decoded = decodeFileOffer(stanza);
      return told(decoded && "refusal" in decoded ? decoded.refusal : undefined);
    };
    expect(refusal(siOffer({ methods: ["http://jabber.org/protocol/bytestreams"] }))).toEqual([
      "bad-request no-valid-streams",
    ]);
    expect(refusal(siOffer({ size: -1 }))).toEqual(["bad-request bad-profile"]);
  });

  it("closes the stream of a sender who breaks the order, and takes nothing more", () => {
    const { file } = accepted(siOffer());
    expect(played(file, [open(), data(1, "x"), data(0, "x")]).told).toEqual([
      ["yes"],
      ["unexpected-request", "close", "(out-of-order)"],
      ["not ours"],
    ]);
  });

  it("is given up when the sender falls silent, but not when all is there", () => {
    const { file } = accepted(siOffer());
    played(file, [open(), blocks[0] as Element]);
    expect(told(file.abort("timeout"))).toEqual(["close", "(aborted)"]);
    const whole = accepted(siOffer()).file;
    played(whole, [open(), ...blocks]);
    expect(told(whole.abort("timeout"))).toEqual(["close", "(received)"]);
    expect(told(offered(siOffer()).abort("cancelled"))).toEqual([
      "resource-constraint",
      "(declined)",
    ]);
  });
});

describe("a file by Jingle", () => {
  it("is announced, accepted and received, as Gajim and Dino send it", () => {
    const offer = jingleOffer({
      file: `${sizeOf(44)}<media-type>text/plain</media-type>${hash(SHA_256)}<desc/>`,
    });
    const file = offered(offer);
    expect(file.offer).toMatchObject({
      from: ANNA,
      sid: "j1",
      name: "fox.txt",
      size: 44,
      mediaType: "text/plain",
    });
    const step = file.accept(bounds);
    expect(told(step)).toEqual(["yes", "session-accept"]);
    const acceptance = step.requests[0]?.getChild("jingle");
    expect(acceptance?.attrs).toMatchObject({ sid: "j1", responder: BOT });
    const content = acceptance?.getChild("content");
    expect(content?.attrs).toEqual({ creator: "initiator", name: "f", senders: "initiator" });
    expect(content?.getChild("transport")?.toString()).toBe(parse(ibbTransport()).toString());
    expect(content?.getChild("description")?.getChild("file")?.getChildText("name")).toBe(
      "fox.txt",
    );
    const result = played(file, [open(), ...blocks, close()]);
    expect(result.told).toEqual([
      ["yes"],
      ["20 octets", "yes"],
      ["24 octets", "yes"],
      ["yes", "session-terminate success", "(received)"],
    ]);
    expect(result.bytes).toEqual(CONTENT);
  });

  it("is received from who ends the session instead of the stream", () => {
    const { file } = accepted(jingleOffer());
    const end = jingle("session-terminate", "<reason><success/></reason>");
    expect(played(file, [open(), ...blocks, end]).told.at(-1)).toEqual(["yes", "(received)"]);
    const half = accepted(jingleOffer()).file;
    const cancel = jingle("session-terminate", "<reason><cancel/></reason>");
    expect(played(half, [open(), ...blocks, cancel]).told.at(-1)).toEqual(["yes", "(cancelled)"]);
  });

  it("is asked for in smaller blocks where ours must be", () => {
    const file = offered(jingleOffer({ transport: ibbTransport("t1", 65_535) }));
    const step = file.accept({ maxBytes: 1000, maxBlockSize: 100 });
    expect(step.requests[0]?.toString()).toContain('block-size="100"');
    expect(played(file, [open(65_535), open(101), open(100)]).told).toEqual([
      ["resource-constraint"],
      ["resource-constraint"],
      ["yes"],
    ]);
  });

  it("is given up when the sender falls silent, but not when all is there", () => {
    const { file } = accepted(jingleOffer());
    played(file, [open(), blocks[0] as Element]);
    expect(told(file.abort("timeout"))).toEqual([
      "close",
      "session-terminate timeout",
      "(aborted)",
    ]);
    const whole = accepted(jingleOffer()).file;
    played(whole, [open(), ...blocks]);
    expect(told(whole.abort("timeout"))).toEqual([
      "close",
      "session-terminate success",
      "(received)",
    ]);
    const unknown = accepted(jingleOffer({ file: "" })).file;
    played(unknown, [open(), ...blocks]);
    expect(told(unknown.abort("cancelled"))).toEqual([
      "close",
      "session-terminate cancel",
      "(aborted)",
    ]);
  });

  test.each([
    ["unwanted", "session-terminate decline"],
    ["too-large", "session-terminate media-error file-too-large"],
    ["busy", "session-terminate busy"],
  ] as const)("is declined: %s", (why, ended) => {
    expect(told(offered(jingleOffer()).decline(why))).toEqual(["yes", ended, "(declined)"]);
  });

  test.each([
    [
      "a call",
      "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/>",
      "",
      "unsupported-applications",
    ],
    [
      "a file that is encrypted",
      undefined,
      "<security xmlns='urn:xmpp:jingle:jet:0'/>",
      "security-error",
    ],
  ])("can not be taken: %s", (_name, description, extra, reason) => {
    const offer = description
      ? jingle("session-initiate", inContent(description + ibbTransport()))
      : jingleOffer({ extra });
    const decoded = decodeFileOffer(offer);
    const step = decoded && "refusal" in decoded ? decoded.refusal : undefined;
    expect(told(step)).toEqual(["yes", `session-terminate ${reason}`]);
  });

  test.each([
    ["two files", inContent("") + inContent("")],
    ["nothing", ""],
    [
      "a request for a file of ours",
      jingleOffer()
        .getChild("jingle")
        ?.children.join("")
        .replace(/senders="\w+"/, 'senders="responder"'),
    ],
    [
      "a part of a file",
      jingleOffer({ file: "<range offset='10'/>" }).getChild("jingle")?.children.join(""),
    ],
  ])("can not be taken: %s", (_name, contents) => {
    const decoded = decodeFileOffer(jingle("session-initiate", contents));
    const [answer, ended] = told(decoded && "refusal" in decoded ? decoded.refusal : undefined);
    expect(answer).toBe("yes");
    expect(ended).toMatch(/^session-terminate (?:failed|unsupported)-application/);
  });
});

describe("a file that is offered by SOCKS5", () => {
  const replaced = (sid: string) => jingle("transport-accept", inContent(ibbTransport(sid), ""));

  it("comes in-band when the sender agrees, as Gajim does", () => {
    const file = offered(jingleOffer({ transport: s5bTransport }));
    const step = file.accept(bounds);
    expect(told(step)).toEqual(["yes", "transport-replace"]);
    const transport = step.requests[0]
      ?.getChild("jingle")
      ?.getChild("content")
      ?.getChild("transport");
    expect(transport?.getNS()).toBe(JINGLE_IBB);
    const candidates = jingle(
      "transport-info",
      inContent(`<transport xmlns='${S5B}' sid='t1'/>`, ""),
    );
    expect(played(file, [candidates, replaced("t1"), open(), ...blocks, close()]).told).toEqual([
      ["yes"],
      ["yes", "session-accept"],
      ["yes"],
      ["20 octets", "yes"],
      ["24 octets", "yes"],
      ["yes", "session-terminate success", "(received)"],
    ]);
  });

  it("ends when the sender does not agree, by a rejection or an error, as Dino does", () => {
    const ended = ["session-terminate unsupported-transports", "(no-stream)"];
    const file = offered(jingleOffer({ transport: s5bTransport }));
    file.accept(bounds);
    const rejection = jingle("transport-reject", inContent(ibbTransport("j1-ibb"), ""));
    expect(told(file.receive(rejection))).toEqual(["yes", ...ended]);
    const other = offered(jingleOffer({ transport: s5bTransport }));
    const [request] = other.accept(bounds).requests;
    expect(told(other.refused(request as Element))).toEqual(ended);
  });

  it("comes in-band when both wish so at once", () => {
    const file = offered(jingleOffer({ transport: s5bTransport }));
    const [request] = file.accept(bounds).requests;
    const wish = jingle("transport-replace", inContent(ibbTransport(), ""));
    expect(told(file.receive(wish))).toEqual(["yes", "transport-accept", "session-accept"]);
    expect(told(file.refused(request as Element))).toEqual([]);
    expect(played(file, [open(), ...blocks, close()]).outcome).toBe("received");
  });

  it("comes in other messages than we read: then these are asked for", () => {
    const messages = ibbTransport().replace("/>", " stanza='message'/>");
    expect(told(offered(jingleOffer({ transport: messages })).accept(bounds))).toEqual([
      "yes",
      "transport-replace",
    ]);
  });
});

describe("a session", () => {
  it("changes its stream before the first one is open, not after", () => {
    const { file } = accepted(jingleOffer());
    const wish = (sid: string) => jingle("transport-replace", inContent(ibbTransport(sid), ""));
    expect(told(file.receive(wish("t2")))).toEqual(["yes", "transport-accept"]);
    expect(told(file.receive(open()))).toEqual(["not ours"]);
    expect(told(file.receive(open(4096, "", "t2")))).toEqual(["yes"]);
    expect(told(file.receive(wish("t3")))).toEqual(["yes", "transport-reject"]);
  });

  test.each([
    ["a ping", "session-info", "", ["yes"]],
    ["a hash", "session-info", `<checksum xmlns='urn:xmpp:jingle:apps:file-transfer:5'/>`, ["yes"]],
    [
      "ringing",
      "session-info",
      "<ringing xmlns='urn:xmpp:jingle:apps:rtp:info:1'/>",
      ["feature-not-implemented unsupported-info"],
    ],
    ["another file", "content-add", inContent(""), ["feature-not-implemented"]],
    [
      "an acceptance of nothing",
      "transport-accept",
      inContent(ibbTransport()),
      ["unexpected-request out-of-order"],
    ],
    ["a second beginning", "session-initiate", "", ["unexpected-request out-of-order"]],
    [
      "the end of its only file",
      "content-remove",
      inContent(""),
      ["yes", "session-terminate cancel", "(cancelled)"],
    ],
    ["its end", "session-terminate", "", ["yes", "(cancelled)"]],
  ])("is told of %s", (_name, action, inner, expected) => {
    const { file } = accepted(jingleOffer());
    expect(told(file.receive(jingle(action, inner)))).toEqual(expected);
  });

  it("that ends before we decide is answered all the same", () => {
    const file = offered(jingleOffer());
    expect(told(file.receive(jingle("session-terminate")))).toEqual(["yes", "(cancelled)"]);
    expect(told(file.accept(bounds))).toEqual(["yes"]);
    expect(told(file.abort("timeout"))).toEqual([]);
  });

  it("that the sender does not know is over", () => {
    const file = offered(jingleOffer());
    const [request] = file.accept(bounds).requests;
    expect(told(file.refused(request as Element))).toEqual(["(cancelled)"]);
  });

  it("that is not about a file of ours, or nobody's any more, is refused", () => {
    const refusal = (stanza: Element) => {
      const decoded = decodeFileOffer(stanza);
      return decoded && "refusal" in decoded ? told(decoded.refusal) : decoded;
    };
    expect(refusal(jingle("session-info"))).toEqual(["item-not-found unknown-session"]);
    expect(refusal(iq(`<jingle xmlns='${JINGLE}'/>`))).toEqual(["bad-request"]);
    expect(refusal(data(0, "x"))).toEqual(["item-not-found"]);
    expect(refusal(iq("<query xmlns='urn:x'/>"))).toBeUndefined();
    expect(refusal(iq(`<jingle xmlns='${JINGLE}'/>`, "@"))).toBeUndefined();
  });
});

describe("a sender who is careless or hostile", () => {
  const ended = (offer: Element, stanzas: Element[], given = bounds) => {
    const { file } = accepted(offer, given);
    return played(file, [open(20), ...stanzas]).told.at(-1);
  };
  const small = () => jingleOffer({ file: "<name>fox.txt</name>" });
  const block = (seq: number) => data(seq, "x".repeat(20));

  test.each([
    [
      "more than was announced",
      jingleOffer({ file: sizeOf(30) }),
      [block(0), block(1)],
      "not-acceptable",
      "media-error file-too-large",
      "too-large",
    ],
    [
      "more than we take, where nothing was announced",
      small(),
      [block(0), block(1), block(2)],
      "not-acceptable",
      "media-error file-too-large",
      "too-large",
    ],
    [
      "a block larger than agreed",
      jingleOffer(),
      [data(0, "x".repeat(21))],
      "bad-request",
      "failed-transport",
      "malformed",
    ],
    [
      "a block that is none",
      jingleOffer(),
      [iq(`<data xmlns='${IBB}' seq='0' sid='t1'>Zg=</data>`)],
      "bad-request",
      "failed-transport",
      "malformed",
    ],
    [
      "a block twice",
      jingleOffer(),
      [block(0), block(0)],
      "unexpected-request",
      "failed-transport",
      "out-of-order",
    ],
    [
      "a block too early",
      jingleOffer(),
      [block(1)],
      "unexpected-request",
      "failed-transport",
      "out-of-order",
    ],
  ])("sends %s", (_name, offer, stanzas, condition, reason, outcome) => {
    expect(ended(offer, stanzas, { maxBytes: 44 })).toEqual([
      condition,
      `session-terminate ${reason}`,
      `(${outcome})`,
    ]);
  });

  it("ends too early", () => {
    expect(ended(jingleOffer(), [block(0), close()])).toEqual([
      "yes",
      "session-terminate failed-transport",
      "(incomplete)",
    ]);
    const { file } = accepted(jingleOffer());
    expect(told(file.receive(close()))).toEqual(["yes", "session-terminate cancel", "(cancelled)"]);
  });

  it("sends something else than was announced", () => {
    const file = sizeOf(20) + hash(SHA_256);
    expect(ended(jingleOffer({ file }), [block(0), close()])).toEqual([
      "yes",
      "session-terminate media-error",
      "(wrong-hash)",
    ]);
  });

  it("opens twice, in messages, or sends before it is open", () => {
    const { file } = accepted(jingleOffer());
    expect(played(file, [block(0), open(20, "stanza='message'"), open(20), open(20)]).told).toEqual(
      [["item-not-found"], ["feature-not-implemented"], ["yes"], ["not-acceptable"]],
    );
  });

  it("is somebody else", () => {
    const { file } = accepted(jingleOffer());
    file.receive(open());
    const other = data(0, "x");
    other.attrs["from"] = "anna@example.com/phone";
    expect(told(file.receive(other))).toEqual(["not ours"]);
    other.attrs["from"] = "Anna@EXAMPLE.com/gajim";
    expect(told(file.receive(other))).toEqual(["1 octets", "yes"]);
  });
});

it("takes a block once that comes twice because the connection was resumed", () => {
  const { file } = accepted(jingleOffer());
  const [first, second] = [
    data(0, CONTENT.subarray(0, 20), "a"),
    data(1, CONTENT.subarray(20), "b"),
  ];
  const opening = open();
  const result = played(file, [opening, opening, first, first, second, second, close()]);
  expect(result.bytes).toEqual(CONTENT);
  expect(result.outcome).toBe("received");
});

it("counts blocks beyond 65535", () => {
  const size = 65_538;
  const { file } = accepted(jingleOffer({ file: sizeOf(size) }), { maxBytes: size });
  file.receive(open());
  let octets = 0;
  for (let index = 0; index < size; index++) {
    octets += file.receive(data(index % 65_536, "x"))?.bytes?.length ?? 0;
  }
  expect(octets).toBe(size);
  expect(file.receive(close())?.outcome).toBe("received");
});

describe("whatever comes", () => {
  const known = fc.constantFrom(
    ...[
      open(20),
      open(99_999),
      data(0, "x".repeat(20)),
      data(1, "y".repeat(20)),
      data(2, "z"),
      close(),
    ],
    ...[
      "session-initiate",
      "session-terminate",
      "session-info",
      "session-accept",
      "content-add",
      "content-remove",
    ].map((action) => jingle(action, inContent(""))),
    ...["transport-accept", "transport-replace", "transport-reject", "transport-info"].flatMap(
      (action) => [
        jingle(action, inContent(ibbTransport(), "")),
        jingle(action, inContent(s5bTransport, "")),
        jingle(action),
      ],
    ),
  );
  const any = fc.oneof({ weight: 4, arbitrary: known }, anyStanza, almostRight);
  const offers = fc.constantFrom(
    ...[
      siOffer(),
      jingleOffer(),
      jingleOffer({ transport: s5bTransport }),
      jingleOffer({ file: "" }),
    ],
    jingleOffer({ file: sizeOf(41) + hash(SHA_256) }),
  );

  it("takes no more than it may, answers everything of the transfer, and ends once", () => {
    fc.assert(
      fc.property(
        offers,
        fc.array(any, { maxLength: 30 }),
        fc.nat({ max: 60 }),
        (offer, stanzas, maxBytes) => {
          const file = offered(offer);
          const steps = [
            file.accept({ maxBytes }),
            ...stanzas.map((stanza) => file.receive(stanza)),
          ];
          const ours = steps.filter((step) => step !== undefined);
          const octets = ours.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0);
          expect(octets).toBeLessThanOrEqual(maxBytes);
          expect(ours.every(({ answer }) => answer !== undefined)).toBe(true);
          const outcomes = ours.flatMap(({ outcome }) => outcome ?? []);
          expect(outcomes.length).toBeLessThanOrEqual(1);
          const isAll = file.offer.size === undefined || octets === file.offer.size;
          expect(outcomes.includes("received") && !isAll).toBe(false);
        },
      ),
      runs(1_500),
    );
  });

  it("no stanza is too odd to be looked at for an offer", () => {
    fc.assert(
      fc.property(any, (stanza) => {
        const before = stanza.toString();
        decodeFileOffer(stanza);
        expect(stanza.toString()).toBe(before);
      }),
      runs(1_500),
    );
  });
});
