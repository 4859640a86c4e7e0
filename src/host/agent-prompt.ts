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

/** What holds for every message, whatever the agent may do besides. */
const ALWAYS = [
  "An XMPP target is `user@domain`, `room@service`, or `room@service/nick` for one occupant of a room, privately.",
  "In a room, address somebody by writing their nick at the beginning, as in `alice: …`: their client tells them.",
  "A file goes with `media` (a path or a URL), and its caption as the message; people get a link that their client shows.",
];

export const agentPrompt: NonNullable<ChannelPlugin["agentPrompt"]> = {
  messageToolHints: ({ cfg, accountId }) => [
    ...ALWAYS,
    ...listActions(cfg, accountId).flatMap((action) => HINTS[action] ?? []),
  ],
  reactionGuidance: ({ cfg, accountId }) =>
    listActions(cfg, accountId).includes("react")
      ? { level: "minimal", channelLabel: "XMPP" }
      : undefined,
  inboundFormattingHints: () => ({
    text_markup: "markdown",
    rules: [
      "Bold, italic, strikethrough, inline code, code blocks and quotes are shown (XEP-0393); headings, tables and images are not.",
      "Write links as plain URLs.",
    ],
  }),
};
