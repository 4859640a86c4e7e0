/**
 * `/xmpp …` is run from here, by the host's registry (host/chat-command.ts gives it to that), and not as a turn: where
 * another run has the session, the host may hand the text of a turn to the model of that run.
 */
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { standingOf } from "./command-owner.ts";
import { listPluginCommands } from "./plugin-commands.ts";
import { tellSender } from "./tell-sender.ts";
import type { Admitted } from "./turn-context.ts";
import type { InboundContext, InboundMessage } from "./types.ts";

const OWN_COMMAND = /^\/\s*xmpp(?:\s+([^]*))?$/i;

/** What follows the name; undefined where a text is not ours, or the host knows nothing of us. */
export function readOwnCommand(text: string): { args: string } | undefined {
  const [whole, args = ""] = OWN_COMMAND.exec(text.trim()) ?? [];
  return whole === undefined || !findOwn() ? undefined : { args };
}

const findOwn = () => listPluginCommands().find(({ name }) => name === CHANNEL_ID);

/** Runs it and tells the sender what came of it. The handler decides whose it is; a sender without a JID is nobody. */
export async function runOwnCommand(
  context: InboundContext,
  inbound: InboundMessage,
  { access, addressing, route }: Pick<Admitted, "access" | "addressing" | "route">,
  { args }: { args: string },
): Promise<void> {
  const { accountId, acknowledging, cfg, outbox } = context;
  const { sender } = inbound;
  const prepared = findOwn()?.prepareDispatch(args);
  if (prepared?.kind !== "plugin") return;
  acknowledging.displayed(outbox, inbound);
  const { isAuthorizedSender } = standingOf(
    { cfg, accountId },
    sender.id,
    access.commandAccess.authorized,
  );
  const { text } = await prepared.execute({
    ...(sender.jid === undefined ? {} : { senderId: sender.jid }),
    channel: CHANNEL_ID,
    isAuthorizedSender,
    agentId: route.agentId,
    sessionKey: route.sessionKey,
    commandBody: addressing.text,
    config: cfg,
    from: `${CHANNEL_ID}:${sender.id}`,
    accountId,
  });
  // A room may take its time to reflect it, and the next message need not wait for that.
  if (text) void tellSender(context, inbound, text);
}
