/** Labels and help for `channels.xmpp`, shown by the Control UI and the config reference. */
import { createChannelConfigUiHints } from "openclaw/plugin-sdk/channel-core";
import type { ChannelConfigUiHint } from "openclaw/plugin-sdk/channel-core";
import { CONFIG_WORDS, type KeyWords } from "./config-words.ts";

/** `mucRooms.*.requireMention`: Room Require Mention. */
function labelOf(path: string): string {
  const words = path.replace("mucRooms.*", "room").replaceAll(/[A-Z]|\.[a-z]/g, " $&");
  return words.replaceAll(/[ .]+([a-z])|^[a-z]/gi, (start) =>
    start.replaceAll(".", "").toUpperCase(),
  );
}

const withoutLinks = (text: string) => text.replaceAll(/\[([^\]]+)\]\([^)]+\)/g, "$1");

function hintOf(path: string, words: KeyWords): ChannelConfigUiHint {
  const { meaning, default: byDefault, label = labelOf(path), sensitive, advanced } = words;
  const help = [meaning, ...(byDefault === undefined ? [] : [`Default: ${byDefault}`])];
  return {
    label: `XMPP ${label}`,
    help: help.map((sentence) => `${withoutLinks(sentence)}.`).join(" "),
    ...(sensitive && { sensitive }),
    ...(advanced && { advanced }),
  };
}

export const xmppConfigUiHints: Record<string, ChannelConfigUiHint> = {
  ...createChannelConfigUiHints({ channelLabel: "XMPP", configWrites: true }),
  "": {
    label: "XMPP",
    help: "XMPP/Jabber channel: an account on any XMPP server, one-to-one chats and rooms.",
  },
  ...Object.fromEntries(
    Object.entries(CONFIG_WORDS).map(([path, words]) => [path, hintOf(path, words)]),
  ),
};
