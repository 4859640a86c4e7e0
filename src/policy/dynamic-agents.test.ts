import { describe, expect, it } from "vitest";
import { prepared } from "../../test/support/xmpp-subjects.ts";
import { dynamicAgentId, fillTemplate, isDynamicAgentId, isPersonal } from "./dynamic-agents.ts";

const HOST_RULE = /^[a-z0-9][a-z0-9_-]{0,63}$/;

describe("the id of somebody's own agent", () => {
  it("is the host's kind of id, and always the same", () => {
    for (const text of [
      "alice@chat.example",
      "a@b",
      "...@chat.example",
      "алиса@пример.example",
      `${"x".repeat(200)}@chat.example`,
      "a-b_c+d@chat.example",
    ]) {
      const id = dynamicAgentId("default", prepared(text));
      expect(id).toMatch(HOST_RULE);
      expect(isDynamicAgentId(id)).toBe(true);
      expect(dynamicAgentId("default", prepared(text))).toBe(id);
    }
    expect(dynamicAgentId("default", prepared("alice@chat.example"))).toMatch(
      /^xmpp-alice-[0-9a-f]{20}$/,
    );
  });

  it("is nobody else's: neither a look-alike's nor of another account", () => {
    const jids = [
      "a.b@c.example",
      "a-b@c.example",
      "a_b@c.example",
      "a@b.c.example",
      "а@c.example",
    ];
    const ids = jids.flatMap((jid) =>
      ["default", "work"].map((account) => dynamicAgentId(account, prepared(jid))),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("is told from what an operator calls an agent", () => {
    for (const id of ["main", "xmpp-support", "xmpp-", "feishu-alice-0123456789abcdef0123"]) {
      expect(isDynamicAgentId(id)).toBe(false);
    }
  });
});

describe("a template of a path", () => {
  it("has a place for everybody", () => {
    expect(isPersonal("~/w-{agentId}")).toBe(true);
    expect(isPersonal("~/{userId}/w")).toBe(true);
    expect(isPersonal("~/shared")).toBe(false);
    expect(isPersonal("~/{agent}")).toBe(false);
  });

  it("is filled with what cannot leave it", () => {
    const jid = prepared("o..%2e!b@chat.example");
    const path = fillTemplate("/w/{userId}/{agentId}", "xmpp-o", jid);
    expect(path.split("/")).toHaveLength(4);
    expect(path).toContain("%252e!b@chat.example");
    const long = prepared(`${"é".repeat(200)}@chat.example`);
    expect(fillTemplate("{userId}", "x", long)).toMatch(/^[0-9a-f]{20}$/);
  });
});
