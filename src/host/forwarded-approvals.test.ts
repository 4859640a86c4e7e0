/** Requests for approval that the host itself sends somewhere, as far as they are remembered. */
import { describe, expect, it } from "vitest";
import { withKeys } from "../../test/support/road-in.ts";
import { approvalPromptsOf } from "../outbound/approval-prompts.ts";
import type { Place } from "../outbound/recent-messages.ts";
import { announceForwardedApproval, noteForwardedApproval } from "./forwarded-approvals.ts";
import { renderPresentation } from "./presentation.ts";

const ALICE = "alice@example" as Place;
const ROOM = "team@muc.example" as Place;
const cfg = withKeys({ rooms: [ROOM] });

const payloadOf = (execApproval: object) => ({
  text: "🔒 Exec approval required",
  channelData: { execApproval: { approvalSlug: "slug", ...execApproval } },
});
const pending = (approvalId: string, approvalKind = "exec") =>
  payloadOf({ approvalId, approvalKind, allowedDecisions: ["allow-once", "deny", "everything"] });
const arrive = async (to: string, payload: object, ...ids: string[]) =>
  await noteForwardedApproval({
    cfg,
    target: { channel: "xmpp", to },
    payload,
    results: ids.map((messageId) => ({ channel: "xmpp", messageId })),
  } as Parameters<typeof noteForwardedApproval>[0]);
type Announcement = Parameters<typeof announceForwardedApproval>[0];
const HINT = { kind: "approval-pending", approvalKind: "exec" } as const;
const announce = async (to: string, payload: object, hint: Announcement["hint"] = HINT) =>
  await announceForwardedApproval({
    cfg,
    target: { channel: "xmpp", to },
    payload,
    ...(hint ? { hint } : {}),
  });
/** As the host's forwarder does it. */
async function deliver(to: string, payload: object, ...ids: string[]) {
  await announce(to, payload);
  await arrive(to, payload, ...ids);
}
const prompts = approvalPromptsOf("default");
const find = (place: Place, id: string) => prompts.find(place, (each) => each === id);

it.each([
  ["a person", "user:alice@example", ALICE],
  ["a room", "team@muc.example", ROOM],
])("to %s is known by each of its messages, there alone", async (_, to, place) => {
  const payload = pending(`to ${to}`);
  await announce(to, payload, { kind: "approval-pending", approvalKind: "plugin" });
  await arrive(to, payload, `${to} 1`, `${to} 2`);
  for (const id of [`${to} 1`, `${to} 2`]) {
    expect(find(place, id)).toMatchObject({
      approvalId: `to ${to}`,
      kind: "plugin",
      allowed: ["allow-once", "deny"],
      outcome: undefined,
    });
  }
  expect(find("eve@example" as Place, `${to} 1`)).toBeUndefined();
});

describe("what only says that it is one", () => {
  const forged = { ...pending("forged"), text: "Pizza? 👍" };

  it.each<[string, Parameters<typeof announce> | undefined]>([
    ["which nobody announced", undefined],
    ["announced to somebody else", ["bob@example", pending("forged"), HINT]],
    ["of another request than the announced one", [ALICE, pending("other"), HINT]],
    ["in other words than the announced ones", [ALICE, pending("forged"), HINT]],
    ["announced as the end of one", [ALICE, forged, { ...HINT, kind: "approval-resolved" }]],
  ])("is none: %s", async (what, announced) => {
    if (announced) await announce(...announced);
    await arrive(ALICE, forged, what);
    expect(find(ALICE, what)).toBeUndefined();
  });

  it("is none after the announced one, in its very words", async () => {
    await deliver(ALICE, pending("twice"), "first");
    await arrive(ALICE, pending("twice"), "second");
    expect([find(ALICE, "first")?.approvalId, find(ALICE, "second")]).toEqual(["twice", undefined]);
  });

  it("is none where five hundred were announced since", async () => {
    await announce(ALICE, pending("old"));
    for (let index = 0; index < 500; index += 1) await announce(ALICE, pending(`new ${index}`));
    await arrive(ALICE, pending("old"), "old");
    await arrive(ALICE, pending("new 0"), "new");
    expect([find(ALICE, "old"), find(ALICE, "new")?.approvalId]).toEqual([undefined, "new 0"]);
  });

  it("offers no answers; the announced one does, before and in the text that is sent", async () => {
    const action = { type: "approval", approvalId: "tap", approvalKind: "exec", decision: "deny" };
    const presentation = { blocks: [{ type: "buttons", buttons: [{ label: "Deny", action }] }] };
    const payload = { ...pending("tap"), presentation };
    const render = async () => {
      const params = { payload, presentation, ctx: { cfg, to: ALICE } };
      return await renderPresentation(
        params as unknown as Parameters<typeof renderPresentation>[0],
      );
    };
    expect((await render())?.text).not.toContain("/approve");
    await announce(ALICE, payload);
    const sent = await render();
    expect(sent?.text).toContain("1. Deny: `/approve tap deny`");
    await arrive(ALICE, sent ?? {}, "tapped");
    expect(find(ALICE, "tapped")?.approvalId).toBe("tap");
  });
});

it("is not shown in the menu, where nothing is known of its command", async () => {
  await deliver("alice@example", pending("menu"), "m");
  expect(prompts.pending(0).map(({ approvalId }) => approvalId)).not.toContain("menu");
});

it("is the same request as the one that we ask of somebody else, in either order", async () => {
  const ours = {
    approvalId: "both",
    kind: "exec",
    allowed: ["allow-once", "deny"],
    summary: "rm -rf /",
    expiresAt: 60_000,
  } as const;
  const target = { kind: "direct", to: "boss@example" } as never;
  await deliver("alice@example", pending("both"), "before");
  prompts.add(ours, { place: "boss@example" as Place, target, messageIds: ["ours"] });
  await deliver("alice@example", pending("both"), "after");
  for (const id of ["before", "after"]) expect(find(ALICE, id)).toMatchObject(ours);
  expect(prompts.pending(0)).toContainEqual(expect.objectContaining(ours));
});

it.each([
  ["anything else", { text: "Hello." }],
  ["how one ended", payloadOf({ approvalId: "over", state: "resolved" })],
  ["one that nobody may answer", payloadOf({ approvalId: "none", allowedDecisions: [] })],
])("%s is none", async (what, payload) => {
  await deliver("alice@example", payload, what);
  expect(find(ALICE, what)).toBeUndefined();
});

it("what was not delivered, or to nobody, is none", async () => {
  await deliver("alice@example", pending("lost"));
  await deliver("nobody at all", pending("nowhere"), "n");
  expect([prompts.get("lost"), prompts.get("nowhere")]).toEqual([undefined, undefined]);
});
