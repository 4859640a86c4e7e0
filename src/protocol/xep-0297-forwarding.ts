/**
 * XEP-0297 Stanza Forwarding 1.0, https://xmpp.org/extensions/xep-0297.html
 * What is inside was not said by whom the outer stanza is from: only the one who decodes knows whether the
 * wrapper is to be believed.
 */
import type { Element } from "ltx";
import { detached, onlyChild } from "./element.ts";
import { decodeDelays } from "./xep-0203-delay.ts";

export const FORWARD = "urn:xmpp:forward:0";

export type Forwarded = {
  /** Standing alone: nothing of the wrapper is needed to read it. Undefined when it was taken out. */
  message: Element | undefined;
  /** When the forwarder got it (§3.1); undefined when it does not say so, or no date. */
  stamp: Date | undefined;
};

/** The `<forwarded/>` in `wrapper`; undefined unless there is exactly one, with one message at most. */
export function decodeForwarded(wrapper: Element): Forwarded | undefined {
  const forwarded = onlyChild(wrapper, "forwarded", FORWARD);
  if (!forwarded) return undefined;
  const [message, ...more] = forwarded.getChildren("message", "jabber:client");
  if (more.length > 0) return undefined;
  const [delay, ...otherDelays] = decodeDelays(forwarded);
  return {
    message: message && detached(message),
    stamp: otherDelays.length === 0 ? delay?.stamp : undefined,
  };
}
