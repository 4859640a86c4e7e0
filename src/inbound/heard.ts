/** Whether what somebody said may be told to the agent that asks for it. */
import { randomUUID } from "node:crypto";
import { mayOverhear } from "./room-history.ts";
import { findHeard } from "./standing.ts";
import type { InboundMessage, ReceiverContext } from "./types.ts";

export type MayHear = (
  inbound: Pick<InboundMessage, "conversation" | "message" | "sender">,
) => Promise<boolean>;

/** Those whom policy lets in; in a room also others, where the operator says so (`contextVisibility`). */
export function createMayHear(context: ReceiverContext): MayHear {
  return async (said) => {
    const config = context.readConfig();
    if (said.conversation.kind === "room" && mayOverhear(config)) return true;
    const at = context.now();
    const inbound = {
      ...said,
      body: "",
      isEncrypted: false,
      messageId: randomUUID(),
      timestamp: at,
      waitsSince: at,
    };
    return (await findHeard({ ...context, ...config }, inbound)) !== undefined;
  };
}
