/** What the agent should know about writing for XMPP clients. */
import type { ChannelPlugin } from "openclaw/plugin-sdk/channel-core";
import { listActions } from "./action-gates.ts";

/** What the host's schema of its message tool does not tell. */
const HINTS: Readonly<Record<string, string>> = {
  kick: "`kick`, `removeParticipant` and `ban` take the room as `channelId`, and a nick or JID as `userId`.",
  poll: "A poll is sent as a numbered text: people answer it with a message.",
  "set-presence":
    "`set-presence` takes `status` (online, away, dnd, xa) and a text in `activityState`.",
  "set-profile":
    "`set-profile` takes `name`, `desc` and the avatar as `media`; an empty one is taken out.",
};

export const agentPrompt: NonNullable<ChannelPlugin["agentPrompt"]> = {
  messageToolHints: ({ cfg, accountId }) =>
    listActions(cfg, accountId).flatMap((action) => HINTS[action] ?? []),
  inboundFormattingHints: () => ({
    text_markup: "markdown",
    rules: [
      "Bold, italic, strikethrough, inline code, code blocks and quotes are shown (XEP-0393); headings, tables and images are not.",
      "Write links as plain URLs.",
    ],
  }),
};
