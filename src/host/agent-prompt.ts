/** What the agent should know about writing for XMPP clients. */
import type { ChannelPlugin } from "openclaw/plugin-sdk/channel-core";

export const agentPrompt: NonNullable<ChannelPlugin["agentPrompt"]> = {
  inboundFormattingHints: () => ({
    text_markup: "markdown",
    rules: [
      "Bold, italic, strikethrough, inline code, code blocks and quotes are shown (XEP-0393); headings, tables and images are not.",
      "Write links as plain URLs.",
    ],
  }),
};
