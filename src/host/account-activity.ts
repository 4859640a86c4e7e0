/** What the host is told of one account as it runs: its connection, and when something came in or went out. */
import type { ConnectionState } from "../client/types.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import type { AccountBasis } from "./account-basis.ts";
import { statusOf, type StatusPatch } from "./connection-status.ts";
import type { Trouble } from "./live-facts.ts";

export type AccountActivity = {
  /** `at`: ms since the epoch. */
  onInbound(at: number): void;
  onOutbound(at: number): void;
  onState(state: ConnectionState): void;
  /** Why the connection last failed or was lost. */
  lastTrouble(): Trouble | undefined;
};

export function createAccountActivity(
  { accountId, runtime }: Pick<AccountBasis, "accountId" | "runtime">,
  onStatus: (patch: StatusPatch) => void,
): AccountActivity {
  let trouble: Trouble | undefined;
  let lastError: Error | undefined;
  const record = (direction: "inbound" | "outbound", at: number) =>
    runtime.channel.activity.record({ channel: CHANNEL_ID, accountId, direction, at });
  return {
    onInbound(at) {
      record("inbound", at);
      onStatus({ lastInboundAt: at });
    },
    onOutbound(at) {
      record("outbound", at);
      onStatus({ lastOutboundAt: at });
    },
    onState(state) {
      if ("error" in state && state.error && state.error !== lastError) {
        lastError = state.error;
        trouble = { message: lastError.message, at: Date.now() };
      }
      onStatus(statusOf(state));
    },
    lastTrouble: () => trouble,
  };
}
