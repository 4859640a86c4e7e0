/** Pairing requests, which the host keeps. */
import { beforeEach, expect, it, vi } from "vitest";
import type { LiveAccount } from "./live-accounts.ts";
import { denyPairing, listApproved, listPending } from "./live-pairing.ts";

const { dispatchGatewayMethod } = vi.hoisted(() => ({
  dispatchGatewayMethod: vi.fn<(method: string, params: unknown) => Promise<unknown>>(),
}));
vi.mock("openclaw/plugin-sdk/gateway-method-runtime", () => ({ dispatchGatewayMethod }));

const EVE = "eve@example";
const request = {
  requestId: "r1",
  senderId: EVE,
  createdAt: "2026-11-21T20:00:00.000Z",
  expiresAt: "2026-11-21T21:00:00.000Z",
};

beforeEach(() => {
  dispatchGatewayMethod.mockReset();
  dispatchGatewayMethod.mockImplementation(async (method, params) => {
    if (method !== "channels.pairing.list") return { ok: true, payload: {} };
    const { accountId } = params as { accountId?: string };
    const others = accountId === "work" ? [] : [{ ...request, senderId: "zed@example" }];
    return { ok: true, payload: { requests: [...others, request, { requestId: 7 }, null] } };
  });
});

function setUp() {
  const denied: [string, boolean][] = [];
  const live = {
    account: { accountId: "work" },
    pairing: {
      approved: async () => ["zoe@example", "anna@example"],
      codeOf: (jid: string) => (jid === EVE ? "CODE" : undefined),
      findByCode: (code: string) => (code.toUpperCase() === "CODE" ? EVE : undefined),
      deny: async (jid: string, isTold: boolean) => {
        denied.push([jid, isTold]);
        return isTold;
      },
    },
  } as unknown as LiveAccount;
  return { live, denied };
}

const called = () => dispatchGatewayMethod.mock.calls.map(([method]) => method);

it("lists who asks, with the code, and who was approved", async () => {
  const { live } = setUp();
  const { createdAt, expiresAt } = request;
  expect(await listPending(live)).toEqual({
    pending: [{ jid: EVE, code: "CODE", createdAt, expiresAt }],
  });
  expect(await listApproved(live)).toEqual({ approved: ["anna@example", "zoe@example"] });
});

it.each(["code", EVE])("denies by %s, at the host first", async (name) => {
  const { live, denied } = setUp();
  expect(await denyPairing(live, name)).toEqual({ denied: EVE, notified: false });
  expect(dispatchGatewayMethod).toHaveBeenLastCalledWith("channels.pairing.dismiss", {
    channel: "xmpp",
    accountId: "work",
    requestId: "r1",
  });
  expect(denied).toEqual([[EVE, false]]);
  expect(await denyPairing(live, name, { notify: true })).toMatchObject({ notified: true });
});

it.each(["OTHER", "mallory@example", "", "@"])("there is none of %j", async (name) => {
  const { live, denied } = setUp();
  await expect(denyPairing(live, name)).rejects.toThrow("no pairing request");
  expect(called()).not.toContain("channels.pairing.dismiss");
  expect(denied).toEqual([]);
});

it("what the host refuses is not done", async () => {
  const { live, denied } = setUp();
  dispatchGatewayMethod.mockImplementation(async (method) =>
    method === "channels.pairing.list"
      ? { ok: true, payload: { requests: [request] } }
      : { ok: false, error: { code: "INVALID_REQUEST", message: "no longer exists" } },
  );
  await expect(denyPairing(live, "CODE")).rejects.toThrow("no longer exists");
  expect(denied).toEqual([]);
  dispatchGatewayMethod.mockResolvedValue({ ok: false });
  await expect(listPending(live)).rejects.toThrow("channels.pairing.list failed");
});
