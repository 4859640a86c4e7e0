/** The state of a connection in the host's terms. */
import type { ChannelAccountSnapshot } from "openclaw/plugin-sdk/channel-contract";
import { channelBlockedPatch, channelReadyPatch } from "openclaw/plugin-sdk/gateway-runtime";
import type { ConnectionState } from "../client/types.ts";
import type { XmppConnectionError } from "../errors.ts";

export type StatusPatch = Omit<Partial<ChannelAccountSnapshot>, "accountId">;

/** What `openclaw channels status` shows of a connection state. */
export function statusOf(state: ConnectionState): StatusPatch {
  switch (state.kind) {
    case "online":
      return {
        ...channelReadyPatch(),
        connected: true,
        lastConnectedAt: state.facts.since,
        lastError: null,
        identity: state.facts.jid,
      };
    case "waiting":
      return { lifecycle: "recovering", connected: false, lastError: describe(state.error) };
    case "refused":
      return { ...channelBlockedPatch(describe(state.error)), connected: false };
    case "idle":
    case "connecting":
    case "securing":
    case "authenticating":
      return { lifecycle: isReturning(state) ? "recovering" : "starting", connected: false };
    case "stopped":
      return { connected: false };
  }
}

/** An attempt after another, or after a lost connection; why is in the status already. */
function isReturning(state: ConnectionState): boolean {
  return "error" in state && state.error !== undefined;
}

function describe({ advice, message }: XmppConnectionError): string {
  return advice ? `${message}. ${advice}` : message;
}
