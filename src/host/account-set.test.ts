import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { listAccountIds, resolveAccount } from "./account.ts";
import { accountSetProblems, loginOf } from "./account-set.ts";
import { describeProblems } from "./account-problems.ts";

const GOOD = { jid: "bot@example.com", password: "secret" };
const problemsOf = (xmpp: object) =>
  describeProblems(accountSetProblems({ channels: { xmpp } } as never));

describe("between accounts", () => {
  it("one JID and resource twice is named, and who has it too", () => {
    const twins = { ...GOOD, accounts: { twin: { jid: "BOT@example.com", password: "x" } } };
    expect(problemsOf(twins)).toMatch(
      /^channels\.xmpp\.accounts\.twin\.resource: the account "default" has the same JID and resource \(bot@example.com\/openclaw\)/,
    );
    expect(problemsOf({ accounts: { a: GOOD, b: { ...GOOD, resource: "b" } } })).toBe("");
    expect(problemsOf({ accounts: { a: GOOD, b: { ...GOOD, enabled: false } } })).toBe("");
  });

  it("a default account that is none is named, with those that there are", () => {
    expect(problemsOf({ ...GOOD, defaultAccount: "wrok" })).toMatch(
      /^channels\.xmpp\.defaultAccount: "wrok" is no account; there is "default"/,
    );
    expect(problemsOf({ accounts: { work: GOOD }, defaultAccount: "Work" })).toBe("");
  });
});

/** What the host wants to know before it restarts one account alone (docs: "Account-scoped restart contract"). */
describe("an account that is added, changed or removed", () => {
  const own = fc.record(
    {
      enabled: fc.boolean(),
      name: fc.string(),
      jid: fc.constantFrom("bot@example.com", "ops@example.com", "nonsense", "ops"),
      password: fc.constantFrom("x", "secret"),
      resource: fc.constantFrom("openclaw", "other"),
      server: fc.constantFrom("chat.example.com", "http://wrong"),
      domain: fc.constantFrom("example.com", "example.org"),
      rooms: fc.constantFrom([], ["team@conference.example.com"], ["team"]),
      dmPolicy: fc.constantFrom("open", "pairing"),
      allowFrom: fc.constantFrom([], ["*"], ["alice@example.com"]),
      groups: fc.constantFrom({}, { "*": { requireMention: false } }),
    },
    { requiredKeys: [] },
  );
  const root = fc.record(
    {
      server: fc.constant("chat.example.com"),
      domain: fc.constant("example.com"),
      defaultAccount: fc.constantFrom("a", "b", "wrong"),
      rooms: fc.constant(["all@conference.example.com"]),
      allowFrom: fc.constant(["root@example.com"]),
    },
    { requiredKeys: [] },
  );
  it("leaves what the others are", () => {
    fc.assert(
      fc.property(root, own, fc.option(own), fc.option(own), (shared, a, before, after) => {
        const cfg = (b: object | null) =>
          ({ channels: { xmpp: { ...shared, accounts: { a, ...(b ? { b } : {}) } } } }) as never;
        expect(resolveAccount(cfg(after), "a")).toEqual(resolveAccount(cfg(before), "a"));
        expect(listAccountIds(cfg(after))).toEqual(after ? ["a", "b"] : ["a"]);
      }),
    );
  });

  it("is known by the JID and resource that it logs in with", () => {
    const cfg = { channels: { xmpp: { accounts: { a: { ...GOOD, resource: "Üben" } } } } };
    expect(loginOf(resolveAccount(cfg as never, "a"))).toBe("bot@example.com/Üben");
  });
});
