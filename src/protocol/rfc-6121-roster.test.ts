import { parse } from "ltx";
import { expect, test } from "vitest";
import { asJson, fixtures } from "../../test/support/fixtures.ts";
import { type BareJid, bareJid } from "./jid.ts";
import { encodeRequest } from "./rfc-6120-iq.ts";
import {
  decodeRoster,
  decodeRosterPush,
  encodeRosterQuery,
  encodeRosterRemoval,
  encodeRosterSet,
  isRosterPush,
} from "./rfc-6121-roster.ts";

test.each(fixtures("rfc-6121/roster"))("reads a roster: $name", ({ stanza, expected }) => {
  expect(asJson(decodeRoster(stanza))).toEqual(expected);
});

test.each(fixtures("rfc-6121/push"))("reads a push: $name", ({ stanza, expected }) => {
  expect(asJson(decodeRosterPush(stanza))).toEqual(expected);
});

const jid = bareJid("romeo@example.net") as BareJid;

test("a change is written as the server will push it", () => {
  const iq = encodeRequest("set", encodeRosterSet({ jid, name: "R & J", groups: ["Friends"] }));
  const item = { jid, name: "R & J", subscription: "none", asked: false, groups: ["Friends"] };
  expect(decodeRosterPush(parse(iq.toString()))).toEqual(item);
  const removal = encodeRequest("set", encodeRosterRemoval(jid));
  expect(decodeRosterPush(parse(removal.toString()))?.subscription).toBe("remove");
});

test("a query is no push", () => {
  expect(isRosterPush(encodeRequest("get", encodeRosterQuery()))).toBe(false);
});
