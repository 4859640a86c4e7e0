/**
 * Sequences of stanzas that nobody foresaw, against admission, identity and policy, as the host's own
 * resolver decides them. Each text names who said it by a token of its own, so that these can be looked up
 * in everything that an agent would read. The three invariants, and what else has to hold:
 *
 * 1. NO DISPATCH WITHOUT ADMISSION: each turn is by somebody whom the lists name;
 * 2. ONE DISPATCH AN ID: what our server or the room gave one id is one turn at most, whether it comes
 *    again at once or after anything else;
 * 3. NO ANSWER TO SELF: neither our account, nor our occupant, nor a sibling has a turn, and nothing is sent
 *    to them;
 * 4. nothing of a stranger's text reaches a model, as prompt, history, event or name, nor does what wraps another
 *    message, invites, is an error or is addressed to others;
 * 5. rate limits hold: nobody has more turns in a minute than the limit says;
 * 6. nothing throws, and nothing is reported as a failure.
 */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { OWN_JID } from "../../test/support/fake-session.ts";
import { anyStanza, runs } from "../../test/support/fuzz.ts";
import { createRoadIn, enterRoom } from "../../test/support/road-in.ts";
import { ROOM, gone, item, presence } from "../../test/support/room-xml.ts";
import { DEFAULT_LIMITS } from "../policy/limits.ts";

const ADMITTED = ["alice@example", "bob@example"];
const TURNS = 4;

/** Who can write to us, as our server lets them. */
const SENDERS = [
  "alice@example/phone",
  "alice@example",
  "ALICE@Example/laptop",
  "bob@example/desk",
  "mallory@example/a",
  "alice@evil.example/phone",
  "alice@example.evil/phone",
  "malice@example/phone",
  "аlice@example/phone", // Cyrillic а
  "ali\u200bce@example/phone",
  "alice\\40example@evil/phone",
  "mallory@example/alice@example",
  "alice@example@evil/x",
  "xn--alice-example@evil/x",
  "example",
  "evil/alice@example",
  "bot@example/phone",
  OWN_JID,
  "sibling@example/openclaw",
  ROOM,
  `${ROOM}/bot`,
  `${ROOM}/alice`,
  `${ROOM}/mallory`,
  `${ROOM}/alice@example`,
  "other@chat.example/alice",
  "alice@example/alice",
  "",
] as const;

/** Stands within what only looks as if somebody had said it. */
const POISON = "wrapped-in-something";

const inner = `<message xmlns="jabber:client" type="chat" from="alice@example/phone" to="${OWN_JID}"><body>${POISON}</body></message>`;
const forwarded = `<forwarded xmlns="urn:xmpp:forward:0">${inner}</forwarded>`;
const EXTRAS = [
  `<received xmlns="urn:xmpp:carbons:2">${forwarded}</received>`,
  `<sent xmlns="urn:xmpp:carbons:2">${forwarded}</sent>`,
  `<result xmlns="urn:xmpp:mam:2" queryid="q" id="1">${forwarded}</result>`,
  forwarded,
  `<delay xmlns="urn:xmpp:delay" from="example" stamp="1969-12-31T00:00:00Z"/>`,
  `<delay xmlns="urn:xmpp:delay" from="${ROOM}" stamp="2999-01-01T00:00:00Z"/>`,
  `<stanza-id xmlns="urn:xmpp:sid:0" by="bot@example" id="handled"/>`,
  `<stanza-id xmlns="urn:xmpp:sid:0" by="${ROOM}" id="handled"/>`,
  `<replace xmlns="urn:xmpp:message-correct:0" id="m1"/>`,
  `<reactions xmlns="urn:xmpp:reactions:0" id="m1"><reaction>x</reaction></reactions>`,
  `<retract xmlns="urn:xmpp:message-retract:1" id="m1"/>`,
  `<request xmlns="urn:xmpp:receipts"/><markable xmlns="urn:xmpp:chat-markers:0"/>`,
  `<reply xmlns="urn:xmpp:reply:0" id="m1"/>`,
  `<x xmlns="http://jabber.org/protocol/muc#user"/>`,
  `<x xmlns="http://jabber.org/protocol/muc#user"><invite from="alice@example"><reason>${POISON}</reason></invite></x>`,
  `<x xmlns="jabber:x:conference" jid="trap@chat.evil" reason="${POISON}"/>`,
  `<encrypted xmlns="eu.siacs.conversations.axolotl"><payload>x</payload></encrypted>`,
  `<error type="cancel"><gone xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error>`,
];

const say = fc.record({
  kind: fc.constant("say" as const),
  from: fc.constantFrom(...SENDERS),
  type: fc.constantFrom("chat", "groupchat", "normal", "", "headline", "error", "constructor"),
  to: fc.constantFrom(OWN_JID, "bot@example", "bot@example/other", "mallory@example"),
  extras: fc.subarray(EXTRAS, { maxLength: 2 }),
  before: fc.constantFrom("", "", "bot: ", "/status ", "stop "),
  copies: fc.integer({ min: 1, max: 2 }),
});
type Said = { type: string; to: string; extras: readonly string[] };
/** As most messages are: somebody's, to us, without any trick. */
const plain = say.map((one) => ({ ...one, to: OWN_JID, extras: [] }));
const step = fc.oneof(
  {
    weight: 1,
    arbitrary: plain.map((one) => ({ ...one, from: "alice@example/phone", burst: 15 })),
  },
  { weight: 6, arbitrary: plain },
  { weight: 6, arbitrary: say },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("occupant" as const),
      nick: fc.constantFrom("alice", "mallory", "alice@example"),
      real: fc.constantFrom("alice@example/phone", "mallory@example/a", "alice@evil.example/a", ""),
      leaves: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("again" as const),
      back: fc.integer({ min: 1, max: 8 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("junk" as const), stanza: anyStanza }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      ms: fc.constantFrom(1_000, 30_000, 60_000),
    }),
  },
);

/** What our server or the room adds behind whatever the sender wrote (XEP-0359). */
const trueIds = (id: string) =>
  ["bot@example", ROOM].map((by) => `<stanza-id xmlns="urn:xmpp:sid:0" by="${by}" id="${id}"/>`);

const WRAPS = /urn:xmpp:(?:carbons|mam|forward)|<invite|jabber:x:conference/;

/** Whoever is said to have said it: it wraps another message, invites, is an error, or is not for us. */
function isNobodysWord({ type, to, extras }: Said): boolean {
  const isOurs = to === OWN_JID || to === "bot@example";
  return !isOurs || type === "error" || type === "headline" || WRAPS.test(extras.join(""));
}

/** RFC 7622: the only other spelling of an admitted JID that is the same JID. */
const isListed = (jid: string) =>
  ADMITTED.includes((jid.split("/")[0] ?? "").replace("ALICE@Example", "alice@example"));

it("lets in nobody but whom the lists name, and of them so much", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
      let now = 1_000_000;
      const road = createRoadIn({
        policy: {
          dmPolicy: "allowlist",
          // As a list that names a whole domain does.
          allowFrom: [...ADMITTED, "bot@example", "sibling@example"],
          groupPolicy: "allowlist",
          rooms: [ROOM],
          roomSettings: { [ROOM]: { requireMention: false, users: ADMITTED } },
          limits: { ...DEFAULT_LIMITS, turnsPerMinute: TURNS, queueSize: TURNS },
        },
        cfg: { commands: { ownerAllowFrom: ["xmpp:alice@example"] } },
        context: { now: () => now, isSibling: ({ bare }) => bare === "sibling@example" },
      });
      enterRoom(road, ["urn:xmpp:sid:0"]);
      const occupants = new Map<string, string>();
      const never = new Set<string>();
      const said: { token: string; xml: string; from: string }[] = [];
      const isAdmittedNow = (from: string) => {
        const [place = "", nick = ""] = from.split("/");
        return isListed(place === ROOM ? (occupants.get(nick) ?? "") : from);
      };
      const taken: { at: number; sender: string; isCommand: boolean }[] = [];
      for (const [index, one] of steps.entries()) {
        if (one.kind === "wait") now += one.ms;
        else if (one.kind === "again") {
          const earlier = said.at(-one.back);
          // What a stranger said would by now be said by whoever has their nick.
          if (!earlier || (never.has(earlier.token) && isAdmittedNow(earlier.from))) continue;
          await road.session.receive(earlier.xml);
          await road.receiver.idle();
        } else if (one.kind === "junk") {
          one.stanza.attrs["from"] = "mallory@example/a";
          await road.receiver.receive(one.stanza);
        } else if (one.kind === "occupant") {
          const { nick, real, leaves } = one;
          if (leaves) occupants.delete(nick);
          else occupants.set(nick, real);
          await road.session.receive((leaves ? gone : presence)(nick, item(real)));
        }
        if (one.kind !== "say") continue;
        for (let count = 0; count < ("burst" in one ? one.burst : 1); count += 1) {
          const token = `<${index}.${count}>`;
          const had = road.turns.length;
          const { from, type, to, extras, before, copies } = one;
          if (!isAdmittedNow(from) || isNobodysWord(one)) never.add(token);
          const text = `${before}${token}`.replaceAll("<", "&lt;");
          const inside = `<body>${text}</body>${extras.join("")}${trueIds(`id${index}.${count}`).join("")}`;
          const xml = `<message xmlns="jabber:client" id="m1" from="${from}" to="${to}" type="${type}">${inside}</message>`;
          said.push({ token, xml, from });
          for (let copy = 0; copy < copies; copy += 1) await road.session.receive(xml);
          await road.receiver.idle();
          const turns = road.turns.slice(had);
          expect(turns.length).toBeLessThan(2); // 2.
          for (const turn of turns) {
            const { rawBody } = turn.message;
            taken.push({ at: now, sender: turn.sender.id, isCommand: rawBody.startsWith("/") });
          }
        }
      }
      const read = JSON.stringify([road.turns, road.events]);
      for (const { sender } of road.turns) expect(ADMITTED).toContain(sender.id); // 1., 3.
      for (const { token } of said) {
        const turns = road.turns.filter(({ message }) => message.rawBody.includes(token));
        expect(turns.length).toBeLessThan(2); // 2.
      }
      for (const token of never) expect(read).not.toContain(token); // 4.
      expect(read).not.toContain(POISON);
      // 2. Whoever forges an id would make another message look handled.
      for (const { messageId } of road.turns) expect(messageId).not.toContain("handled");
      for (const { at, sender, isCommand } of taken) {
        const within = taken.filter(
          (other) =>
            other.sender === sender &&
            other.isCommand === isCommand &&
            other.at >= at &&
            other.at < at + 60_000,
        );
        // 5. As many again may have waited for us.
        expect(within.length).toBeLessThanOrEqual(isCommand ? 10 : 2 * TURNS);
      }
      expect(road.errors).toEqual([]); // 6.
      expect(road.log.lines.filter((line) => line.startsWith("error"))).toEqual([]);
      for (const sent of road.session.takeSent()) {
        expect(sent).not.toMatch(/to="(?:bot|sibling)@example/); // 3.
        // 4. No receipt either.
        expect(sent).toMatch(
          /to="(?:(?:alice|bob)@example(?:\/(?:phone|laptop|desk|alice))?|coven@chat\.example(?:\/.*)?)"/,
        );
      }
    }),
    runs(150),
  );
}, 120_000);

it("has something to refuse and something to let in", async () => {
  const road = createRoadIn({ policy: { dmPolicy: "allowlist", allowFrom: ADMITTED } });
  for (const from of ["ALICE@Example/laptop", "malice@example/phone"]) {
    void road.session.receive(
      `<message xmlns="jabber:client" from="${from}" to="${OWN_JID}"><body>x</body></message>`,
    );
  }
  await road.receiver.idle();
  expect(road.turns.map(({ sender }) => sender.id)).toEqual(["alice@example"]);
});
