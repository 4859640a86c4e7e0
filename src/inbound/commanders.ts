/** What somebody may do who gives a command outside of any conversation, as by an ad-hoc command (XEP-0050). */
import { randomUUID } from "node:crypto";
import type { BareJid } from "../protocol/jid.ts";
import { resolveAccess } from "./access.ts";
import { isCommandOwner, standingOf } from "./command-owner.ts";
import { awaitsOwnAgent } from "./own-agent.ts";
import { resolveRoute } from "./route.ts";
import { directPlace } from "./sender.ts";
import { decodeMessage } from "../protocol/stanza.ts";
import { Element } from "ltx";
import type { ReceiverContext } from "./types.ts";

export type Commander = {
  jid: BareJid;
  /** The host obeys their commands. */
  isAuthorized: boolean;
  /** The account is theirs to steer. */
  isOwner: boolean;
  /** The host's word for the same: without `adminJid`. */
  isHostsOwner: boolean;
  /** The agent is everybody's, and they are to have their own: by their first message. */
  awaitsAgent: boolean;
  /** The session of their direct chat. */
  agentId: string;
  sessionKey: string;
};

/** A command that the host has always: it asks for no more than the standing to give commands. */
const ANY_COMMAND = "/status";

/**
 * Asks the host's policy as for a command in a direct chat; nobody is given a pairing code for it.
 * @param from the bare JID that a server vouches for, of a person's account
 * @returns undefined for whom policy does not let in
 */
export async function findCommander(
  receiver: ReceiverContext,
  from: BareJid,
): Promise<Commander | undefined> {
  const { accountId } = receiver;
  const context = { ...receiver, ...receiver.readConfig() };
  const { cfg, settings } = context;
  const at = context.now();
  const message = decodeMessage(new Element("message", { from, type: "chat" }));
  const inbound = {
    ...directPlace(context, from),
    message,
    body: ANY_COMMAND,
    isEncrypted: false,
    messageId: randomUUID(),
    timestamp: at,
    waitsSince: at,
  };
  const { host, route } = resolveRoute(context, inbound);
  const addressing = {
    text: ANY_COMMAND,
    said: ANY_COMMAND,
    wasMentioned: false,
    implicit: [],
  };
  const { access } = await resolveAccess(context, inbound, addressing, route, undefined, host);
  if (access.ingress.admission !== "dispatch") return undefined;
  const standing = standingOf({ cfg, accountId }, from, access.commandAccess.authorized);
  return {
    jid: from,
    isAuthorized: standing.isAuthorizedSender,
    isOwner: isCommandOwner({ cfg, accountId, adminJid: settings.adminJid }, from),
    isHostsOwner: standing.senderIsOwner,
    awaitsAgent: awaitsOwnAgent(context.policy, route.matchedBy),
    agentId: route.agentId,
    sessionKey: route.sessionKey,
  };
}
