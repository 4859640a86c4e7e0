/** How the channel presents itself; `package.json` `openclaw.channel` says the same (contract test). */
import { CHANNEL_ID } from "../policy/account-policy.ts";

export const meta = {
  id: CHANNEL_ID,
  label: "XMPP",
  selectionLabel: "XMPP (Jabber)",
  detailLabel: "XMPP",
  docsPath: "/channels/xmpp",
  docsLabel: "xmpp",
  blurb: "any XMPP/Jabber server: one-to-one chats and rooms, with pairing controls.",
  aliases: ["jabber"],
  order: 85,
  systemImage: "bubble.left.and.bubble.right",
  markdownCapable: true,
  quickstartAllowFrom: true,
};
