/** Who approves by the configuration, where they are asked, and what they read. */
import { parse } from "ltx";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createFakeLog, createFakeSession } from "../../test/support/fake-session.ts";
import { createOutbox } from "../../test/support/outbox.ts";
import { withKeys } from "../../test/support/road-in.ts";
import { XmppNotSentError, XmppUnconfirmedError } from "../errors.ts";
import { createRooms } from "../client/rooms.ts";
import { approvalPromptsOf } from "../outbound/approval-prompts.ts";
import { bareJid } from "../protocol/jid.ts";
import { resolveAccount } from "./account.ts";
import { createApprovalDesk, listPendingApprovals, resolveApproval } from "./approval-desk.ts";
import { approvalRuntime } from "./approval-runtime.ts";
import { approvalCapability } from "./approvals.ts";
import { isUnbound, resolveApprovers } from "./approvers.ts";
import { addLiveAccount, type LiveAccount } from "./live-accounts.ts";

const resolved = vi.hoisted(() => vi.fn<(params: object) => Promise<object>>());
vi.mock(import("openclaw/plugin-sdk/approval-gateway-runtime"), () => ({
  resolveApprovalOverGateway: resolved as never,
}));

const notFound = () =>
  Object.assign(new Error("unknown approval"), { gatewayCode: "APPROVAL_NOT_FOUND" });

const ALICE = bareJid("alice@example")!;
const EVE = bareJid("eve@example")!;
const named = (keys: object = {}) => ({ execApprovals: { approvers: ["Alice@Example"], ...keys } });

const cfgOf = (keys: object, owners: string[] = []) => ({
  ...withKeys(keys),
  commands: { ownerAllowFrom: owners },
});
const exec = (request: object = {}) => ({
  id: "1a-2b",
  approvalKind: "exec" as const,
  request: { command: "rm -rf /", cwd: "/srv", host: "gateway", ...request },
  createdAtMs: Date.now(),
  expiresAtMs: Date.now() + 60_000,
});

describe("approvers", () => {
  it.each([
    ["those who are named", named(), ["xmpp:boss@example"], ["alice@example"]],
    [
      "else the admin and the owners",
      { adminJid: "root@example" },
      ["xmpp:boss@example"],
      ["root@example", "boss@example"],
    ],
    ["not owners of other channels", {}, ["telegram:123", "discord:a@b"], []],
    ["nobody where nobody is named", { execApprovals: { approvers: [] } }, ["boss@example"], []],
    ["not who may only talk to the agent", { allowFrom: ["eve@example", "*"] }, [], []],
    ["no domains", {}, ["*@example", "*"], []],
    ["nobody where the account has a problem", { ...named(), jid: "@" }, [], []],
  ])("are %s", (_, keys, owners, approvers) => {
    expect(resolveApprovers({ cfg: cfgOf(keys, owners) })).toEqual(approvers);
  });

  it("are bare JIDs: anything else is a problem of the account", () => {
    const { problems } = resolveAccount(cfgOf({ execApprovals: { approvers: ["*@example"] } }));
    expect(problems.map(({ path }) => path)).toEqual(["channels.xmpp.execApprovals.approvers"]);
  });
});

describe("the host is told", () => {
  const may = (senderId: string, keys: object, approvalKind: "exec" | "plugin" = "exec") =>
    approvalCapability.authorizeActorAction?.({
      cfg: cfgOf(keys),
      senderId,
      action: "approve",
      approvalKind,
    });

  it.each(["exec", "plugin"] as const)("who may answer (%s)", (kind) => {
    expect(may("alice@example", named(), kind)?.authorized).toBe(true);
    for (const other of ["eve@example", "room@muc#occupant:alice@example", "alice@example/x", ""]) {
      expect(may(other, named(), kind)?.authorized).toBe(false);
    }
  });

  it("that whom the operator has exec approvals forwarded to answers these, and no others", () => {
    const cfg = {
      ...cfgOf(named()),
      approvals: {
        exec: {
          enabled: true,
          mode: "targets" as const,
          targets: [{ channel: "xmpp", to: "bob@example" }],
        },
      },
    };
    const { isApprover } = createApprovalDesk({ accountId: "default", readConfig: () => cfg });
    const bob = bareJid("bob@example")!;
    const kinds = [{ kind: "exec" }, { kind: "plugin" }] as const;
    expect(kinds.map((each) => isApprover(bob, each))).toEqual([true, false]);
    expect(kinds.map((each) => isApprover(EVE, each))).toEqual([false, false]);
    const asTold = (["exec", "plugin"] as const).map((approvalKind) =>
      approvalCapability.authorizeActorAction?.({
        cfg,
        senderId: "bob@example",
        action: "approve",
        approvalKind,
      }),
    );
    expect(asTold.map((verdict) => verdict?.authorized)).toEqual([true, false]);
  });

  it("that what is forwarded by the default account is answered by it alone", () => {
    const accounts = { other: { jid: "other@example", password: "x" } };
    const targets = [{ channel: "xmpp", to: "bob@example" }];
    const cfg = {
      ...cfgOf({ ...named(), accounts }),
      approvals: { exec: { enabled: true, mode: "targets" as const, targets } },
    };
    const verdicts = ["default", "other"].map((accountId) =>
      approvalCapability.authorizeActorAction?.({
        cfg,
        accountId,
        senderId: "bob@example",
        action: "approve",
        approvalKind: "exec",
      }),
    );
    expect(verdicts.map((verdict) => verdict?.authorized)).toEqual([true, false]);
  });

  it("what to do where nobody may", () => {
    expect(may("alice@example", {})).toEqual({
      authorized: false,
      reason: expect.stringContaining("channels.xmpp.execApprovals.approvers"),
    });
  });

  it("whom to ask, and where", async () => {
    const { native } = approvalCapability;
    const source = {
      turnSourceChannel: "xmpp",
      turnSourceTo: "room:team@muc.example",
      turnSourceAccountId: "default",
    };
    const params = {
      cfg: cfgOf(named({ target: "both" })),
      accountId: "default",
      approvalKind: "exec" as const,
      request: exec(source),
    };
    expect(native?.describeDeliveryCapabilities(params)).toMatchObject({
      enabled: true,
      preferredSurface: "both",
    });
    expect(await native?.resolveApproverDmTargets?.(params)).toEqual([
      { to: "user:alice@example" },
    ]);
    expect(await native?.resolveOriginTarget?.(params)).toEqual({ to: "room:team@muc.example" });
    const elsewhere = { ...source, turnSourceChannel: "telegram" };
    expect(await native?.resolveOriginTarget?.({ ...params, request: exec(elsewhere) })).toBeNull();
  });

  it("that one account alone asks for what belongs to none", async () => {
    const account = (jid: string) => ({ jid, password: "secret" });
    const accounts = { work: account("work@example"), home: account("home@example") };
    const cfg = { channels: { xmpp: { ...named(), accounts } } };
    const askedBy = async (accountId: string) =>
      await approvalCapability.native?.resolveApproverDmTargets?.({
        cfg,
        accountId,
        approvalKind: "exec",
        request: exec(),
      });
    const asked = await Promise.all(["work", "home"].map(askedBy));
    expect(asked.flat()).toEqual([{ to: "user:alice@example" }]);
  });

  it.each([
    ["off", named({ enabled: false })],
    ["of another agent", named({ agentFilter: ["other"] })],
  ])("to ask nobody: %s", async (_, keys) => {
    const params = {
      cfg: cfgOf(keys),
      accountId: "default",
      approvalKind: "exec" as const,
      request: exec({ agentId: "main" }),
    };
    expect(await approvalCapability.native?.resolveApproverDmTargets?.(params)).toEqual([]);
  });
});

describe("an answer is recorded", () => {
  const others = { accounts: { other: { jid: "other@example", password: "x" } } };
  const about = {
    approvalId: "9a",
    kind: "exec" as const,
    allowed: ["deny" as const],
    summary: "ls",
    expiresAt: Date.now() + 60_000,
  };
  const message = { place: ALICE, target: {} as never, messageIds: ["m"] };
  const reviewer = { channel: "xmpp", accountId: "default", senderId: ALICE };

  it.each([
    ["as of this account", {}, { isUnbound: false }, true],
    ["where alice approves for this one alone", {}, { isUnbound: true }, true],
    ["of one account of several", others, { isUnbound: false }, true],
    // The Gateway could not tell which of them it is.
    ["of no account, where she approves for several", others, { isUnbound: true }, false],
  ])("%s", async (name, accounts, facts, names) => {
    resolved.mockReset().mockResolvedValue({
      applied: true,
      approval: { status: "denied", decision: "deny" },
    });
    approvalPromptsOf("default").add({ ...about, ...facts, approvalId: name }, message);
    const account = { accountId: "default", readConfig: () => cfgOf({ ...named(), ...accounts }) };
    expect(await resolveApproval(account, ALICE, name, "deny")).toMatch(/^Recorded/);
    expect(resolved).toHaveBeenCalledOnce();
    const [params] = resolved.mock.calls[0] ?? [];
    const by = names ? ALICE : `${ALICE} (xmpp:default)`;
    expect(params).toMatchObject({ approvalId: name, clientDisplayName: by });
    expect(params).toMatchObject(names ? reviewer : {});
    expect(Object.keys(params ?? {}).includes("senderId")).toBe(names);
  });

  it("of no account never in the Gateway's stead by one that is not to ask for it any more", async () => {
    resolved.mockReset().mockRejectedValue(notFound());
    const owner = { other: { ...others.accounts.other, enabled: true } };
    const keys = { ...named(), accounts: owner, defaultAccount: "other" };
    approvalPromptsOf("default").add({ ...about, approvalId: "moved", isUnbound: true }, message);
    const account = { accountId: "default", readConfig: () => cfgOf(keys) };
    expect(await resolveApproval(account, ALICE, "moved", "deny")).toMatch(/^Too late/);
    expect(resolved.mock.calls[0]?.[0]).toMatchObject(reviewer);
  });

  it("of no account never of somebody to whom only other requests are forwarded", async () => {
    resolved.mockReset();
    const bob = bareJid("bob@example")!;
    const cfg = {
      ...cfgOf({ ...named(), ...others }),
      approvals: {
        exec: {
          enabled: true,
          mode: "targets" as const,
          agentFilter: ["another"],
          targets: [{ channel: "xmpp", to: "bob@example" }],
        },
      },
    };
    const account = { accountId: "default", readConfig: () => cfg };
    const approval = { ...about, approvalId: "unbound", isUnbound: true };
    approvalPromptsOf("default").add(approval, message);
    const { isApprover, resolve } = createApprovalDesk(account);
    expect(isApprover(bob, approval)).toBe(false);
    const listed = (who: typeof ALICE) =>
      listPendingApprovals(account, who).map(({ approvalId }) => approvalId);
    expect([listed(bob), listed(ALICE)]).toEqual([
      expect.not.arrayContaining(["unbound"]),
      expect.arrayContaining(["unbound"]),
    ]);
    expect(await resolveApproval(account, bob, "unbound", "deny")).toMatch(/no such request/);
    await expect(resolve(approval, "deny", bob)).rejects.toThrow("no approver any more");
    expect(resolved).not.toHaveBeenCalled();
  });

  it.each([
    ["waits, as far as we know", 60_000, false],
    ["is forwarded, so that nobody here knows its time", undefined, false],
    ["has expired", -1, true],
  ])("later, where the Gateway did not take one of what %s", async (name, left, isOver) => {
    resolved
      .mockReset()
      .mockRejectedValueOnce(notFound())
      .mockResolvedValueOnce({
        applied: true,
        approval: { status: "denied", decision: "deny" },
      });
    const account = { accountId: "default", readConfig: () => cfgOf(named()) };
    const expiresAt = left === undefined ? 0 : Date.now() + left;
    approvalPromptsOf("default").add({ ...about, approvalId: name, expiresAt }, message);
    const answers = [
      await resolveApproval(account, ALICE, name, "deny"),
      await resolveApproval(account, ALICE, name, "deny"),
    ];
    expect(answers).toEqual([
      expect.stringMatching(/^Too late: it was answered elsewhere/),
      expect.stringMatching(isOver ? /^Too late/ : /^Recorded/),
    ]);
  });

  it("never of somebody who approves for another account alone", async () => {
    resolved.mockReset();
    approvalPromptsOf("default").add({ ...about, isUnbound: true }, message);
    const eves = {
      accounts: { other: { ...others.accounts.other, execApprovals: { approvers: [EVE] } } },
    };
    const account = { accountId: "default", readConfig: () => cfgOf({ ...named(), ...eves }) };
    expect(await resolveApproval(account, EVE, "9a", "deny")).toMatch(/no such request/);
    expect(resolved).not.toHaveBeenCalled();
  });
});

describe("which account a request concerns", () => {
  const accounts = { other: { jid: "other@example", password: "x" } };
  const ask = (request: object) =>
    isUnbound({ cfg: cfgOf({ ...named(), accounts }), request: exec(request) });
  it.each([
    ["none, of the command line", {}, true],
    [
      "its own, of a conversation",
      { turnSourceChannel: "xmpp", turnSourceAccountId: "default" },
      false,
    ],
    ["another one", { turnSourceChannel: "xmpp", turnSourceAccountId: "other" }, false],
    ["none of ours, of another channel", { turnSourceChannel: "telegram" }, false],
  ])("%s", (_, request, expected) => expect(ask(request)).toBe(expected));

  it("none where nobody is to ask for it", () => {
    const cfg = cfgOf({ execApprovals: { approvers: [] } });
    expect(isUnbound({ cfg, request: exec() })).toBe(false);
  });
});

describe("a request", () => {
  const cfg = cfgOf(named());
  const accountId = "default";
  let session: ReturnType<typeof createFakeSession>;
  let removeLive: () => void;
  beforeEach(() => {
    session = createFakeSession();
    session.goOnline();
    const rooms = createRooms({ session, log: createFakeLog(), nick: "bot" });
    const account = resolveAccount(cfg);
    removeLive = addLiveAccount({
      ...createOutbox(session, rooms),
      account,
    } as unknown as LiveAccount);
  });
  afterEach(() => removeLive());

  const sent = () => session.takeSent().map((xml) => parse(xml));
  const pending = (approvalId: string, commandText: string) => ({
    approvalId,
    approvalKind: "exec" as const,
    phase: "pending" as const,
    title: "Exec Approval Required",
    metadata: [{ label: "CWD", value: "/srv" }],
    commandText,
    warningText: "Looks dangerous.",
    actions: (["allow-once", "deny"] as const).map((decision) => ({
      decision,
      label: decision,
      style: "primary" as const,
      command: "",
    })),
    expiresAtMs: Date.now() + 60_000,
  });
  async function ask(approvalId: string, commandText = "rm -rf /") {
    const request = { ...exec(), id: approvalId };
    const base = { cfg, accountId, request, approvalKind: "exec" as const };
    const view = pending(approvalId, commandText);
    const { presentation, transport } = approvalRuntime;
    const pendingPayload = await presentation.buildPendingPayload({
      ...base,
      view,
      nowMs: Date.now(),
    });
    const plannedTarget = {
      surface: "approver-dm" as const,
      target: { to: "user:alice@example" },
      reason: "preferred" as const,
    };
    const prepared = await transport.prepareTarget({
      ...base,
      plannedTarget,
      view,
      pendingPayload,
    });
    const preparedTarget = prepared!.target;
    const deliver = async () =>
      await transport.deliverPending({
        ...base,
        plannedTarget,
        preparedTarget,
        view,
        pendingPayload,
      });
    return { base, deliver, entry: await deliver() };
  }
  const cannotSend = (error: Error) => vi.spyOn(session, "send").mockRejectedValueOnce(error);

  it("says what is to run and how to answer, and offers the answers", async () => {
    await ask("one");
    const [message] = sent();
    expect(message?.attrs["to"]).toBe("alice@example");
    expect(message?.getChildText("body")).toBe(
      [
        "*Exec Approval Required*\nLooks dangerous.",
        "```\nrm -rf /\n```",
        "CWD: /srv",
        'React with 👍 allow once, 👎 deny; or reply to this message with "yes", "no".\nOr send: /approve one allow-once|deny\nExpires in 1m.',
      ].join("\n\n"),
    );
    expect(message?.getChildren("response").map(({ attrs }) => attrs["value"])).toEqual([
      "/approve one allow-once",
      "/approve one deny",
    ]);
  });

  it("offers the answers once, below all of a command that takes several messages", async () => {
    await ask("long", "true\n".repeat(3_000));
    const choices = sent().map((message) => message.getChildren("response").length);
    expect(choices.length).toBeGreaterThan(1);
    expect(choices).toEqual([...choices.slice(1).map(() => 0), 2]);
  });

  it("shows a command that looks like words of ours as what it is", async () => {
    await ask("two", "echo\n```\nReact with 👍");
    expect(sent()[0]?.getChildText("body")).toContain("> echo\n> ```\n> React with 👍");
  });

  it("is asked once, also where the host asks again", async () => {
    const { deliver } = await ask("three");
    await deliver();
    expect(sent()).toHaveLength(1);
  });

  it("is asked again where the question did not leave, not where it may have", async () => {
    cannotSend(new XmppNotSentError("the connection is down"));
    await expect(ask("six")).rejects.toThrow("the connection is down");
    expect(approvalPromptsOf(accountId).pending(Date.now())).toContainEqual(
      expect.objectContaining({ approvalId: "six", messages: [] }),
    );
    await ask("six");
    expect(sent()).toHaveLength(1);
    cannotSend(new XmppUnconfirmedError("the connection was lost"));
    await expect(ask("seven")).rejects.toThrow("was lost");
    await ask("seven");
    expect(sent()).toHaveLength(0);
  });

  it("says what became of it, in place of the question", async () => {
    const { base, entry } = await ask("four");
    const [question] = sent();
    const { actions: _actions, expiresAtMs: _expires, ...view } = pending("four", "rm -rf /");
    const result = await approvalRuntime.presentation.buildResolvedResult({
      ...base,
      resolved: { id: "four", decision: "deny", ts: 0 },
      view: {
        ...view,
        phase: "resolved",
        title: "Exec Approval",
        decision: "deny",
        resolvedBy: "boss@example",
      },
      entry,
    });
    if (result.kind !== "update" || !entry) throw new Error("nothing to say");
    const { payload } = result;
    await approvalRuntime.transport.updateEntry?.({ ...base, entry, payload, phase: "resolved" });
    const [correction] = sent();
    expect(correction?.getChild("replace")?.attrs["id"]).toBe(question?.attrs["id"]);
    expect(correction?.getChildText("body")).toBe(
      "❌ Exec Approval: denied by boss@example\n\n```\nrm -rf /\n```",
    );
    const prompts = approvalPromptsOf(accountId);
    expect(prompts.get("four")?.outcome?.text).toBe("was denied by boss@example");
    // What is told of it later, as that its time is over, changes nothing of what it came to.
    prompts.settle("four", { text: "has expired" });
    expect(prompts.get("four")?.outcome?.text).toBe("was denied by boss@example");
    // Who answers what they see now answers the same request.
    const seen = (id: string) => id === correction?.attrs["id"];
    expect(prompts.find(entry.message.place, seen)?.approvalId).toBe("four");
    // A room that takes no corrections hears of it all the same.
    cannotSend(new Error("not-acceptable"));
    await approvalRuntime.transport.updateEntry?.({ ...base, entry, payload, phase: "resolved" });
    const [anew, ...others] = sent();
    expect(anew?.getChildText("body")).toMatch(/^❌ Exec Approval: denied by boss@example/);
    expect([anew?.getChild("replace"), others]).toEqual([undefined, []]);
  });

  it("is listed for approvers alone, and answered by nobody else (ad-hoc commands)", async () => {
    await ask("five");
    const account = { accountId, readConfig: () => cfg };
    const ids = (who: typeof ALICE) =>
      listPendingApprovals(account, who).map(({ approvalId }) => approvalId);
    expect(ids(ALICE)).toContain("five");
    expect(ids(EVE)).toEqual([]);
    expect(await resolveApproval(account, EVE, "five", "allow-once")).toBe(
      "There is no such request for you to answer.",
    );
    expect(await resolveApproval(account, ALICE, "five", "allow-always")).toBe(
      "You can answer: allow-once, deny.",
    );
    approvalPromptsOf(accountId).settle("five", { text: "has expired" });
    expect(await resolveApproval(account, ALICE, "five", "deny")).toBe("Too late: it has expired.");
  });
});
