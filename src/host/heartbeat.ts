/** The host's heartbeats: no turn is begun for an account that cannot send, and it is seen that one is. */
import type { ChannelPlugin } from "openclaw/plugin-sdk/channel-core";
import { createTyping } from "../outbound/typing.ts";
import { parseTarget } from "../outbound/target.ts";
import { resolveAccount } from "./account.ts";
import { findLiveAccount } from "./live-accounts.ts";
import { roomPredicate } from "./messaging.ts";

type Heartbeat = NonNullable<ChannelPlugin["heartbeat"]>;
type Place = Parameters<NonNullable<Heartbeat["sendTyping"]>>[0];

function typingAt({ cfg, accountId, to }: Place) {
  const live = findLiveAccount(resolveAccount(cfg, accountId).accountId);
  const target = parseTarget(to, roomPredicate(cfg, accountId));
  return live && !("problem" in target) ? createTyping(live, target) : undefined;
}

export const heartbeat: Heartbeat = {
  checkReady: async ({ cfg, accountId }) => {
    const account = resolveAccount(cfg, accountId);
    const state = findLiveAccount(account.accountId)?.session.state.kind ?? "not-running";
    return { ok: state === "online", reason: state === "online" ? "ok" : `xmpp-${state}` };
  },
  sendTyping: async (place) => await typingAt(place)?.start(),
};
