/**
 * The road in up to the host, with the host's own policy resolver: nothing is dispatched that was not
 * admitted, and no stanza, however odd, throws.
 */
import { beforeEach, expect, it } from "vitest";
import { OWN_JID } from "../../test/support/fake-session.ts";
import { body, createRoadIn, enterRoom, message } from "../../test/support/road-in.ts";
import { ROOM, item, presence } from "../../test/support/room-xml.ts";
import type { FullJid } from "../protocol/jid.ts";
import { waitFor } from "../../test/support/wait.ts";
import type { DmPolicy } from "../policy/subscription.ts";

/** An account under `dmPolicy` that lists alice@example; `failures`: how often the host is busy. */
function setUp(dmPolicy: DmPolicy, failures = 0) {
  const road = createRoadIn({ policy: { dmPolicy, allowFrom: ["alice@example"] }, failures });
  const dispatched = () => road.turns.map(({ from, message: said }) => `${from} ${said.rawBody}`);
  return { ...road, dispatched };
}

it("hands over what was said, in order, conversations mixed", async () => {
  const { session, receiver, dispatched } = setUp("open");
  for (const n of [1, 2, 3]) {
    session.receive(message("alice@example/a", body(`a${n}`)));
    session.receive(message("bob@example/b", body(`b${n}`)));
  }
  await receiver.idle();
  const of = (who: string) => dispatched().filter((line) => line.startsWith(`xmpp:${who}@`));
  expect(of("alice")).toEqual([1, 2, 3].map((n) => `xmpp:alice@example a${n}`));
  expect(of("bob")).toEqual([1, 2, 3].map((n) => `xmpp:bob@example b${n}`));
});

it("asks a busy host again, and keeps the order", async () => {
  const { session, dispatched, log } = setUp("open", 1);
  session.receive(message("alice@example/a", body("first")));
  session.receive(message("alice@example/a", body("second")));
  await waitFor(() => dispatched().length === 2, { what: "both" });
  expect(dispatched()).toEqual(["xmpp:alice@example first", "xmpp:alice@example second"]);
  expect(log.lines.join("\n")).not.toContain("first");
});

it("challenges strangers under pairing, and hands over nothing of theirs", async () => {
  const { session, receiver, dispatched, challenged } = setUp("pairing");
  session.receive(message("eve@example/e", body("let me in")));
  session.receive(message("eve@example/e", body("/status")));
  session.receive(message("alice@example/a", body("hello")));
  await receiver.idle();
  expect(dispatched()).toEqual(["xmpp:alice@example hello"]);
  expect(new Set(challenged)).toEqual(new Set(["eve@example"]));
});

/** Parts of stanzas; each sequence below is made of them at random, by a seed. */
const SENDERS = [
  "alice@example/a",
  "malice@example/a",
  "alice@example.evil/a",
  "eve@example/alice@example",
  "room@chat.example/alice",
  "example",
  "@",
  "",
  OWN_JID,
];
const TYPES = ["chat", "normal", "groupchat", "headline", "error", "", "constructor"];
const wrapped = `<forwarded xmlns="urn:xmpp:forward:0"><message from="alice@example/a">${body("inner")}</message></forwarded>`;
const PARTS = [
  body("hello"),
  body("/stop"),
  body(""),
  `<body xmlns="urn:x">no</body>`,
  `<received xmlns="urn:xmpp:carbons:2">${wrapped}</received>`,
  `<result xmlns="urn:xmpp:mam:2">${wrapped}</result>`,
  wrapped,
  `<x xmlns="http://jabber.org/protocol/muc#user"><invite from="alice@example"/></x>`,
  `<x xmlns="jabber:x:conference" jid="trap@chat.example"/>`,
  `<delay xmlns="urn:xmpp:delay" stamp="yesterday" from="@"/>`,
  `<stanza-id xmlns="urn:xmpp:sid:0" by="bot@example" id="1"/>`,
  `<encryption xmlns="urn:xmpp:eme:0" namespace="urn:xmpp:omemo:2"/>`,
  `<thread/><subject>x</subject><error/><constructor/>`,
];
const WRAPS = /urn:xmpp:(?:carbons|mam|forward)|<invite|jabber:x:conference|muc#user|urn:xmpp:eme/;

let state = 1;
const pick = <T>(list: readonly T[]): T => {
  state = (state * 48_271) % 0x7fff_ffff;
  return list[Math.floor((state / 0x7fff_ffff) * list.length)] as T;
};
beforeEach(() => {
  state = 20_261_121;
});

it.each<DmPolicy>(["open", "allowlist", "pairing", "disabled"])(
  "under %s nothing reaches the host that policy did not admit, and nothing throws",
  async (dmPolicy) => {
    const { session, receiver, dispatched, errors } = setUp(dmPolicy);
    let expected = 0;
    for (let n = 0; n < 2_000; n += 1) {
      const sender = pick(SENDERS);
      const type = pick(TYPES);
      const inside = (pick(PARTS) + pick(PARTS)).replaceAll('id="1"', `id="${n}"`);
      session.receive(message(sender, inside, type));
      if (n % 50 === 49) await receiver.idle();
      const isSaid =
        ["chat", "normal", "", "constructor"].includes(type) &&
        /<body>(?:hello|\/stop)/.test(inside.replaceAll(wrapped, "")) &&
        !WRAPS.test(inside);
      const isPerson = /^[a-z]+@/.test(sender) && sender !== OWN_JID;
      const isLetIn =
        dmPolicy === "open" || (dmPolicy !== "disabled" && sender.startsWith("alice@example/"));
      if (isSaid && isPerson && isLetIn && !inside.startsWith(body(""))) expected += 1;
    }
    await receiver.idle();
    expect(errors).toEqual([]);
    expect(dispatched().filter((line) => line.endsWith(" inner"))).toEqual([]);
    const others = dispatched().filter((line) => !line.startsWith("xmpp:alice@example "));
    expect(others.length > 0).toBe(dmPolicy === "open");
    expect(dispatched()).toHaveLength(expected);
    expect(expected > 5).toBe(dmPolicy !== "disabled");
  },
);

it("tells the operator of errors to what we sent, and of nobody's else", async () => {
  const { session, log, outbox } = setUp("open");
  outbox.sent.add("ours", "eve@example" as FullJid);
  const error = (id: string) =>
    `<message xmlns="jabber:client" from="eve@example" to="${OWN_JID}" type="error" id="${id}"><error type="cancel"><service-unavailable xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></message>`;
  log.lines.length = 0;
  for (let n = 0; n < 50; n++) session.receive(error(`forged&#10;2026 [xmpp] approved ${n}`));
  const warnings = () => log.lines.filter((line) => line.includes("refused"));
  expect(warnings()).toEqual([]);
  session.receive(error("ours"));
  expect(warnings()).toEqual([
    expect.stringContaining("eve@example refused message ours: service-unavailable"),
  ]);
});

it("reads the host's configuration anew for each message", async () => {
  const { session, receiver, configs } = setUp("open");
  session.receive(message("alice@example/a", body("first")));
  session.receive(message("alice@example/a", body("second")));
  await receiver.idle();
  expect(configs).toHaveLength(2);
  expect(configs[0]).not.toEqual(configs[1]);
});

it("tells of what the host's protection against loops stops, and keeps what was said before", async () => {
  const road = createRoadIn({
    policy: { groupPolicy: "open", rooms: [ROOM] },
    isWithinBudget: (text) => !text.includes("once too often"),
  });
  enterRoom(road);
  const said = (text: string) => message(`${ROOM}/alice`, body(text), "groupchat");
  road.session.receive(presence("alice", item("alice@example/a")));
  for (const text of ["lunch is at noon", "bot: once too often", "bot: when is lunch?"]) {
    road.session.receive(said(text));
  }
  await road.receiver.idle();
  expect(road.turns.map(({ message: { bodyForAgent } }) => bodyForAgent)).toEqual([
    "when is lunch?",
  ]);
  expect(road.turns[0]?.message.inboundHistory).toMatchObject([{ body: "lunch is at noon" }]);
  expect(road.log.lines.join("\n")).toContain("bot-loop-protection");
});
