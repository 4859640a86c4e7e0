import { parse } from "ltx";
import { expect, test } from "vitest";
import { decodeStanzaError } from "../protocol/rfc-6120-stanza-error.ts";
import { type OccupantPresence, decodeOccupantPresence } from "../protocol/xep-0045-muc.ts";
import { outcomeOfError, outcomeOfRemoval, retryDelay } from "./room-outcomes.ts";

function removal(inner: string): OccupantPresence {
  const x = `<x xmlns="http://jabber.org/protocol/muc#user">${inner}</x>`;
  const xml = `<presence from="r@c.example/bot" type="unavailable">${x}</presence>`;
  return decodeOccupantPresence(parse(xml)) as OccupantPresence;
}

test.each([
  ['<status code="301"/>', "refused", "login", "banned from the room"],
  [
    '<item><actor nick="Al"/><reason>spam</reason></item><status code="301"/>',
    "refused",
    "login",
    'banned from the room by "Al": "spam"',
  ],
  ['<status code="307"/>', "lost", "slow", "kicked out of the room"],
  ['<status code="301"/><status code="307"/>', "refused", "login", "banned from the room"],
  [
    '<status code="307"/><status code="333"/>',
    "lost",
    "soon",
    "the room dropped us because of a connection problem",
  ],
  ['<status code="321"/>', "refused", "login", "no longer a member of this members-only room"],
  [
    '<status code="322"/>',
    "refused",
    "login",
    "the room now admits members only; an owner can add this account",
  ],
  ['<status code="332"/>', "lost", "soon", "the room service shuts down"],
  ["", "lost", "soon", "removed from the room"],
  ["<destroy/>", "refused", "never", "the room was destroyed"],
  [
    '<destroy jid="n@c.example"><reason>moved</reason></destroy>',
    "refused",
    "never",
    'the room was destroyed, in favour of n@c.example: "moved"',
  ],
])("removed with %s: %s, tried again: %s", (inner, state, retry, reason) => {
  expect(outcomeOfRemoval(removal(inner))).toEqual({ state, retry, reason });
});

function joinError(
  type: string,
  condition: string,
  text = "",
): ReturnType<typeof decodeStanzaError> {
  const ns = "urn:ietf:params:xml:ns:xmpp-stanzas";
  return decodeStanzaError(
    parse(
      `<presence><error type="${type}"><${condition} xmlns="${ns}"/><text xmlns="${ns}">${text}</text></error></presence>`,
    ),
  );
}

test.each([
  ["auth", "not-authorized", "refused", "login"], // 401
  ["auth", "forbidden", "refused", "login"], // 403
  ["cancel", "item-not-found", "lost", "slow"], // 404
  ["cancel", "not-allowed", "refused", "login"], // 405
  ["modify", "not-acceptable", "refused", "login"], // 406
  ["auth", "registration-required", "refused", "login"], // 407
  ["wait", "service-unavailable", "lost", "slow"], // 503
  ["modify", "jid-malformed", "refused", "login"],
  ["cancel", "gone", "refused", "login"],
  ["cancel", "remote-server-not-found", "lost", "slow"],
  ["wait", "remote-server-timeout", "lost", "soon"],
  ["auth", "policy-violation", "lost", "throttled"],
  ["wait", "resource-constraint", "lost", "throttled"],
  ["wait", "internal-server-error", "lost", "soon"],
  ["cancel", "feature-not-implemented", "refused", "login"],
  ["wait", "never-heard-of", "lost", "soon"],
  ["cancel", "never-heard-of", "refused", "login"],
])("join answered with %s %s: %s, tried again: %s", (type, condition, state, retry) => {
  expect(outcomeOfError(joinError(type, condition))).toMatchObject({ state, retry });
});

test.each([
  ["401", "refused", "password"],
  ["403", "refused", "banned"],
  ["404", "lost", "no such room"],
  ["405", "refused", "neither enter nor create"],
  ["406", "refused", "nick"],
  ["407", "refused", "members only"],
  ["503", "lost", "full"],
])("a service that sends but the code %s: %s", (code, state, words) => {
  const error = decodeStanzaError(parse(`<presence><error code="${code}"/></presence>`));
  expect(outcomeOfError(error)).toMatchObject({ state, reason: expect.stringContaining(words) });
});

test("a stranger's words stay short, on one line, in quotes", () => {
  const { reason } = outcomeOfError(
    joinError("auth", "forbidden", `a\n\n  b&#x202E;${"x".repeat(500)}`),
  );
  expect(reason).toMatch(/^banned from the room: "a b x+…"$/);
  expect(reason.length).toBeLessThan(150);
});

test("the wait doubles, up to a limit, with jitter", () => {
  const middle = () => 0.5;
  expect([1, 2, 3, 50].map((n) => retryDelay("soon", n, middle))).toEqual([
    2_000, 4_000, 8_000, 300_000,
  ]);
  expect([1, 2, 50].map((n) => retryDelay("slow", n, middle))).toEqual([
    60_000, 120_000, 3_600_000,
  ]);
  expect([1, 2, 50].map((n) => retryDelay("throttled", n, middle))).toEqual([
    2_000, 4_000, 1_800_000,
  ]);
  expect(retryDelay("soon", 1, () => 0)).toBe(1_500);
  expect(retryDelay("soon", 1, () => 1)).toBe(2_500);
});
