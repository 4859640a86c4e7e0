/** Labels and help for `channels.xmpp`, shown by the Control UI and the config reference. */
import { createChannelConfigUiHints } from "openclaw/plugin-sdk/channel-core";
import type { ChannelConfigUiHint } from "openclaw/plugin-sdk/channel-core";

export const xmppConfigUiHints: Record<string, ChannelConfigUiHint> = {
  "": {
    label: "XMPP",
    help: "XMPP/Jabber channel: an account on any XMPP server, one-to-one chats and rooms.",
  },
  dmPolicy: {
    label: "XMPP DM Policy",
    help: 'Who may write directly: "pairing" (default), "allowlist" (allowFrom), "open" (anybody), "disabled".',
  },
  jid: { label: "XMPP JID", help: "The agent's own account, e.g. bot@example.com." },
  password: {
    label: "XMPP Password",
    help: "The account's password: text, or a SecretRef (env, file, exec, store).",
    sensitive: true,
  },
  passwordFile: {
    label: "XMPP Password File",
    help: "Path of a file that holds only the password; used when `password` is not set.",
  },
  server: {
    label: "XMPP Server",
    help: "Hostname, host:port, xmpp://host[:port] (STARTTLS), xmpps://host[:port] (direct TLS) or a wss:// URL. Left out: found by DNS SRV.",
  },
  resource: { label: "XMPP Resource", help: 'Resource of the session (default: "openclaw").' },
  nick: { label: "XMPP Nick", help: "Nick in rooms (default: the part of the JID before the @)." },
  profile: {
    label: "XMPP Profile",
    help: "What everybody may see of the account: publish (false), name, avatar (a path or an https URL), note, url. Name and avatar are the agent's identity by default.",
  },
  rooms: {
    label: "XMPP Rooms",
    help: "Rooms to join on start: team@conference.example.com, or { jid, nick, password }.",
  },
  autoJoin: {
    label: "XMPP Invitations",
    help: 'Invitations to follow: "allowlist" (default: from people whom the DM policy admits), "always", "off".',
  },
  bookmarks: {
    label: "XMPP Bookmarks",
    help: '"off" (default), "read": join the account\'s bookmarked rooms, "sync": also bookmark rooms it was invited to.',
  },
  roomOwnerBypass: {
    label: "XMPP Room Owner Bypass",
    help: "Owners of a room may address the agent there, whatever groupPolicy and the lists say; the mention is still needed.",
  },
  sharedSessions: {
    label: "XMPP Shared Sessions",
    help: '"identified": who is known by real JID in a room continues their direct chat there, and the room may hear of it. "off" (default).',
  },
  catchUp: {
    label: "XMPP Catch-up",
    help: "What was said while the agent was away is read from the archive: enabled (true), maxAgeMinutes (1440), maxMessages (500).",
  },
  dynamicAgentCreation: {
    label: "XMPP Dynamic Agents",
    help: "An agent of their own for everybody who writes directly: enabled (false), workspaceTemplate, agentDirTemplate, maxAgents (100). Writes agents and bindings into the configuration.",
  },
  presence: {
    label: "XMPP Presence",
    help: "What contacts and rooms see of the agent: follow (true: busy while it works, away as the Gateway drains), texts available, busy, away; busyShow (dnd), busyAfterSeconds (10), minSeconds (30).",
  },
  logLevel: {
    label: "XMPP Log Level",
    help: '"silent", "error", "warn", "info" (default) or "debug": what this account writes into the log. Never what was said.',
  },
  limits: {
    label: "XMPP Limits",
    help: "How much one sender, one conversation and the account may take; see docs/configuration.md.",
    advanced: true,
  },
  mucRooms: {
    label: "XMPP Room Settings",
    help: "Settings per room JID: enabled, requireMention, users, streaming.mode, systemPrompt, skills, tools, toolsBySender.",
  },
  groups: { label: "XMPP Room Settings (groups)", help: "The host's usual name for mucRooms." },
  groupPolicy: {
    label: "XMPP Group Policy",
    help: '"open" (default): every listed room, mention needed; "allowlist": only rooms in mucRooms; "disabled": no rooms.',
  },
  groupAllowFrom: {
    label: "XMPP Group Allowlist",
    help: "JIDs that may address the agent in rooms; matched against the real JID that the room shows.",
  },
  replyToModeByChatType: {
    label: "XMPP Reply Mode by Chat Type",
    help: "replyToMode for direct chats (direct) and rooms (group), over replyToMode.",
  },
  reactionNotifications: {
    label: "XMPP Reaction Notifications",
    help: 'Which reactions the agent hears of: "own" (default, to its messages), "all", "allowlist" (of reactionAllowlist) or "off".',
  },
  reactionAllowlist: {
    label: "XMPP Reaction Allowlist",
    help: 'JIDs whose reactions the agent hears of with reactionNotifications "allowlist"; in rooms also occupant:, affiliation: and role: entries.',
  },
  ackReaction: {
    label: "XMPP Ack Reaction",
    help: "Emoji that the agent puts on a message while it works on it; empty: none.",
  },
  ackReactionScope: {
    label: "XMPP Ack Reaction Scope",
    help: 'Which messages get it: "group-mentions" (default), "group-all", "direct", "all", "off".',
  },
  removeAckAfterReply: {
    label: "XMPP Remove Ack After Reply",
    help: "Take the reaction back when the turn is over (default: false).",
  },
  actions: {
    label: "XMPP Actions",
    help: "What the agent may do by its message tool: messages, reactions, memberInfo, channelInfo, polls (on); moderation, addParticipant, renameGroup, leaveGroup, presence, profile (off).",
  },
  execApprovals: {
    label: "XMPP Approvals",
    help: 'Who is asked before a command runs, or a plugin acts: enabled ("auto"), approvers (bare JIDs; default: adminJid and commands.ownerAllowFrom), target ("dm", "channel", "both"), agentFilter, sessionFilter.',
  },
  sendReadReceipts: {
    label: "XMPP Read Receipts",
    help: "Tell people that the agent has taken up what they wrote (XEP-0333). Default: true.",
  },
  "tls.caFile": {
    label: "XMPP CA File",
    help: "PEM file with the operator's own CA, trusted besides the system's.",
  },
  sasl: {
    label: "XMPP Login Methods",
    help: 'allowPlain (false), channelBinding ("auto", "require", "off"), downgradeProtection ("on", "off"): see docs/configuration.md.',
    advanced: true,
  },
  dangerouslyAllowPlaintext: {
    label: "XMPP Allow Plaintext (dangerous)",
    help: "Log in without TLS; works to loopback addresses only.",
    advanced: true,
  },
  xml: {
    label: "XMPP Wire Log",
    help: "Log every stanza, credentials redacted. Shows message bodies: for debugging only.",
    advanced: true,
  },
  service: { label: "XMPP Service (older name)", help: "Older name of `server`.", advanced: true },
  domain: {
    label: "XMPP Domain (older name)",
    help: "The JID's domain; only needed where `jid` is a bare user name.",
    advanced: true,
  },
  adminJid: {
    label: "XMPP Admin JID",
    help: "JID (or list) of the operator: may always write to the agent in a direct chat, and steer the account by /xmpp.",
  },
  dataDir: {
    label: "XMPP Data Directory",
    help: "Where this account keeps what must survive a restart (default: the host's state directory).",
    advanced: true,
  },
  ...createChannelConfigUiHints({ channelLabel: "XMPP", configWrites: true }),
};
