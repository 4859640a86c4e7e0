/** Requests for approval that the host itself sends somewhere, as far as they are remembered. */
import { expect, it } from "vitest";
import { withKeys } from "../../test/support/road-in.ts";
import { approvalPromptsOf } from "../outbound/approval-prompts.ts";
import type { Place } from "../outbound/recent-messages.ts";
import { noteForwardedApproval } from "./forwarded-approvals.ts";

const ALICE = "alice@example" as Place;
const ROOM = "team@muc.example" as Place;
const cfg = withKeys({ rooms: [ROOM] });

const payloadOf = (execApproval: object) => ({
  text: "🔒 Exec approval required",
  channelData: { execApproval: { approvalSlug: "slug", ...execApproval } },
});
const pending = (approvalId: string, approvalKind = "exec") =>
  payloadOf({ approvalId, approvalKind, allowedDecisions: ["allow-once", "deny", "everything"] });
const deliver = async (to: string, payload: object, ...ids: string[]) =>
  await noteForwardedApproval({
    cfg,
    target: { channel: "xmpp", to },
    payload,
    results: ids.map((messageId) => ({ channel: "xmpp", messageId })),
  } as Parameters<typeof noteForwardedApproval>[0]);
const prompts = approvalPromptsOf("default");
const find = (place: Place, id: string) => prompts.find(place, (each) => each === id);

it.each([
  ["a person", "user:alice@example", ALICE],
  ["a room", "team@muc.example", ROOM],
])("to %s is known by each of its messages, there alone", async (_, to, place) => {
  await deliver(to, pending(`to ${to}`, "plugin"), `${to} 1`, `${to} 2`);
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
