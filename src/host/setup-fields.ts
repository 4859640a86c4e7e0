/**
 * The flags of `openclaw channels add --channel xmpp`. The package metadata
 * (`openclaw.channel.setup.fields`) mirrors them; a contract test compares the two. A key is its long
 * flag in camel case: the host asks for that.
 */
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
  useEnv: {
    kind: "boolean",
    cli: { flags: "--use-env", description: "Use XMPP_JID, XMPP_PASSWORD and XMPP_SERVER" },
    envVars: [ENV_JID, ENV_PASSWORD],
  },
} as const;
