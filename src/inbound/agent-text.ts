/** What somebody said as Markdown, which agents read: from XEP-0393, or from XEP-0394 where the sender's client says it. */
import { fromMessageStyling } from "../protocol/xep-0393-styling.ts";
import { applyMarkup } from "../protocol/xep-0394-to-markdown.ts";
import { REPLY } from "../protocol/xep-0461-reply.ts";
import type { Addressing } from "./addressing.ts";
import type { InboundMessage } from "./types.ts";

/** Commands are not looked for in it. */
export function agentText(
  { message, parts }: Pick<InboundMessage, "message" | "parts">,
  { said, text }: Pick<Addressing, "said" | "text">,
): string {
  const { body = "", fallbacks, isUnstyled, markup } = message;
  // Its ranges count the body as it was sent, which the agent's name is part of.
  if (markup && text === said && !parts) {
    const quoted = fallbacks.flatMap((each) =>
      each.for === REPLY && each.body !== "whole" && message.reply ? each.body : [],
    );
    const marked = applyMarkup(body, markup, quoted).trim();
    if (marked !== "") return marked;
  }
  return isUnstyled ? text : fromMessageStyling(text);
}
