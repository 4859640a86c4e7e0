/** Who may answer a request of ours (RFC 6120 §8.1.2.1); fault 14 of stock xmpp.js is in faults.test.ts. */
import { Element } from "ltx";
import { expect, it } from "vitest";
import { parseJid, type Jid } from "../protocol/jid.ts";
import { createIqRequests } from "./iq-requests.ts";

const OWN = parseJid("bot@example.com/x") as Jid;

function asked(to?: string) {
  const requests = createIqRequests(OWN);
  const iq = new Element("iq", { type: "get", ...(to === undefined ? {} : { to }) });
  const answer = requests.expect(iq, 60_000);
  answer.catch(() => {});
  const id = String(iq.attrs["id"]);
  const settle = (from?: string) =>
    requests.settle(
      new Element("iq", { type: "result", id, ...(from === undefined ? {} : { from }) }),
    );
  return { id, settle };
}

it.each([
  ["room@muc.example.com", undefined],
  ["room@muc.example.com", "example.com"],
  ["room@muc.example.com", "bot@example.com"],
  ["room@muc.example.com", "bot@example.com/x"],
  [undefined, "mallory@evil.example"],
  [undefined, "bot@example.com/other"],
  ["@", "@"],
  ["bot@example.com", "@not a jid@"],
] as const)("asked of %s, an answer by %s is none", (to, from) => {
  expect(asked(to).settle(from)).toBe(false);
});

it.each([
  ["room@muc.example.com", "room@muc.example.com"],
  ["Room@MUC.example.com", "room@muc.example.com"],
  [undefined, undefined],
  [undefined, "bot@example.com"],
  [undefined, "bot@example.com/x"],
  [undefined, "example.com"],
  ["example.com", undefined],
  ["bot@example.com", "example.com"],
] as const)("asked of %s, an answer by %s counts", (to, from) => {
  const { settle } = asked(to);
  expect(settle(from)).toBe(true);
});

it("the id cannot be guessed", () => {
  const ids = new Set(Array.from({ length: 20 }, () => asked().id));
  expect(ids.size).toBe(20);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
});
