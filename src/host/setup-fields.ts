/**
 * The flags of `openclaw channels add --channel xmpp`. The package metadata
 * (`openclaw.channel.setup.fields`) mirrors them; a contract test compares the two. A key is its long
 * flag in camel case: the host asks for that.
 */
import { LOG_LEVELS } from "./account-log.ts";
import { ENV_JID } from "./account-address.ts";
import { ENV_PASSWORD } from "./account-password.ts";

export const setupFields = {
  jid: {
    kind: "string",
    cli: { flags: "--jid <jid>", description: "The agent's XMPP account, e.g. bot@example.com" },
  },
  password: {
    kind: "string",
    sensitive: true,
    cli: { flags: "--password <password>", description: "Password of that account" },
  },
  passwordFile: {
    kind: "string",
    cli: { flags: "--password-file <path>", description: "File that holds the password" },
  },
  server: {
    kind: "string",
    cli: {
      flags: "--server <address>",
      description: "host[:port], xmpp://, xmpps:// or wss:// address (default: DNS SRV)",
    },
  },
  resource: {
    kind: "string",
    cli: { flags: "--resource <resource>", description: "XMPP resource (default: openclaw)" },
  },
  nick: {
    kind: "string",
    cli: { flags: "--nick <nick>", description: "Nick in rooms (default: user part of the JID)" },
  },
  rooms: {
    kind: "string-list",
    cli: { flags: "--rooms <jids>", description: "Rooms to join, separated by commas" },
  },
  requireMention: {
    kind: "boolean",
    cli: {
      flags: "--require-mention",
      negatedFlags: "--no-require-mention",
      description: "In the account's rooms, answer only what names the agent",
    },
  },
  dmPolicy: {
    kind: "choice",
    choices: ["pairing", "allowlist", "open", "disabled"],
    cli: {
      flags: "--dm-policy <policy>",
      description: "Who may write directly: pairing, allowlist, open or disabled",
    },
  },
  allowFrom: {
    kind: "string-list",
    cli: {
      flags: "--allow-from <jids>",
      description: "JIDs (or *@domain) that may write directly, separated by commas",
    },
  },
  adminJid: {
    kind: "string-list",
    cli: {
      flags: "--admin-jid <jids>",
      description: "The operator: may write, owns the account for /xmpp, and approves commands",
    },
  },
  groupPolicy: {
    kind: "choice",
    choices: ["open", "allowlist", "disabled"],
    cli: {
      flags: "--group-policy <policy>",
      description: "Where the agent answers in rooms: open, allowlist or disabled",
    },
  },
  groupAllowFrom: {
    kind: "string-list",
    cli: {
      flags: "--group-allow-from <jids>",
      description: "JIDs that may address the agent in rooms, separated by commas",
    },
  },
  roomOwnerBypass: {
    kind: "boolean",
    cli: {
      flags: "--room-owner-bypass",
      negatedFlags: "--no-room-owner-bypass",
      description: "A room's owners may address the agent there, whatever the lists say",
    },
  },
  sharedSessions: {
    kind: "choice",
    choices: ["off", "identified"],
    cli: {
      flags: "--shared-sessions <whose>",
      description: "Continue people's direct chats in rooms: off or identified",
    },
  },
  autoJoin: {
    kind: "choice",
    choices: ["off", "allowlist", "always"],
    cli: {
      flags: "--auto-join <which>",
      description: "Invitations to rooms that are followed: off, allowlist or always",
    },
  },
  bookmarks: {
    kind: "choice",
    choices: ["off", "read", "sync"],
    cli: {
      flags: "--bookmarks <how>",
      description: "Rooms from the account's bookmarks: off, read or sync",
    },
  },
  defaultTo: {
    kind: "string",
    cli: {
      flags: "--default-to <jid>",
      description: "Where messages go that name no target",
    },
  },
  historyLimit: {
    kind: "integer",
    cli: {
      flags: "--history-limit <count>",
      description: "Messages of a room that are remembered as context (0: none)",
    },
  },
  mediaMaxMb: {
    kind: "integer",
    cli: { flags: "--media-max-mb <megabytes>", description: "Largest file, in either direction" },
  },
  sendReadReceipts: {
    kind: "boolean",
    cli: {
      flags: "--send-read-receipts",
      negatedFlags: "--no-send-read-receipts",
      description: "Show people that the agent has taken up what they wrote",
    },
  },
  dynamicAgents: {
    kind: "boolean",
    cli: {
      flags: "--dynamic-agents",
      negatedFlags: "--no-dynamic-agents",
      description: "An agent of their own for everybody who may write directly",
    },
  },
  publishProfile: {
    kind: "boolean",
    cli: {
      flags: "--publish-profile",
      negatedFlags: "--no-publish-profile",
      description: "Show the agent's name and avatar to everybody",
    },
  },
  profileName: {
    kind: "string",
    cli: { flags: "--profile-name <name>", description: "Its name in that profile" },
  },
  profileAvatar: {
    kind: "string",
    cli: {
      flags: "--profile-avatar <source>",
      description: "Its picture there: a path, an https URL or a data: URL",
    },
  },
  caFile: {
    kind: "string",
    cli: { flags: "--ca-file <path>", description: "PEM file of your own authority (TLS)" },
  },
  channelBinding: {
    kind: "choice",
    choices: ["auto", "require", "off"],
    cli: {
      flags: "--channel-binding <how>",
      description: "Bind the login to its TLS connection: auto, require or off",
    },
  },
  downgradeProtection: {
    kind: "choice",
    choices: ["on", "off"],
    cli: {
      flags: "--downgrade-protection <switch>",
      description: "Refuse a login that is weaker than the last one: on or off",
    },
  },
  allowPlain: {
    kind: "boolean",
    cli: {
      flags: "--allow-plain",
      negatedFlags: "--no-allow-plain",
      description: "Log in with SASL PLAIN where the server has nothing better",
    },
  },
  dangerouslyAllowPlaintext: {
    kind: "boolean",
    cli: {
      flags: "--dangerously-allow-plaintext",
      negatedFlags: "--no-dangerously-allow-plaintext",
      description: "Log in without TLS, on loopback addresses only",
    },
  },
  dataDir: {
    kind: "string",
    cli: { flags: "--data-dir <path>", description: "Where the account keeps its state" },
  },
  // `--log-level` is the host's own, on every command.
  xmppLogLevel: {
    kind: "choice",
    choices: LOG_LEVELS,
    cli: {
      flags: "--xmpp-log-level <level>",
      description: "What the account writes into the log: silent, error, warn, info or debug",
    },
  },
  useEnv: {
    kind: "boolean",
    cli: { flags: "--use-env", description: "Use XMPP_JID, XMPP_PASSWORD and XMPP_SERVER" },
    envVars: [ENV_JID, ENV_PASSWORD],
  },
} as const;

/** Where in the configuration a flag's value stands whose key is not of the flag's name. */
export const KEY_OF: Readonly<Record<string, readonly [key: string, part?: string]>> = {
  caFile: ["tls", "caFile"],
  allowPlain: ["sasl", "allowPlain"],
  channelBinding: ["sasl", "channelBinding"],
  downgradeProtection: ["sasl", "downgradeProtection"],
  dynamicAgents: ["dynamicAgentCreation", "enabled"],
  publishProfile: ["profile", "publish"],
  profileName: ["profile", "name"],
  profileAvatar: ["profile", "avatar"],
  xmppLogLevel: ["logLevel"],
};
