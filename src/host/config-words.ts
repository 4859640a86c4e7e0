/**
 * What each key of `channels.xmpp` means: the help of the host's Control UI, and, by `npm run manifest`, the
 * tables of docs/configuration.md.
 */
import { DEFAULT_TEXT_CHUNK_LIMIT } from "../policy/account-policy.ts";
import { DEFAULT_CATCH_UP, DEFAULT_LIMITS } from "../policy/limits.ts";

/** In Markdown, with links as docs/configuration.md has them, and no full stop at the end. */
export type KeyWords = {
  readonly meaning: string;
  readonly default?: string;
  /** Where the key's own words would not do. */
  readonly label?: string;
  readonly sensitive?: true;
  readonly advanced?: true;
};

const code = (value: unknown) => `\`${String(value)}\``;

/** By path: `profile.name`; `mucRooms.*` is one room. */
export const CONFIG_WORDS: Readonly<Record<string, KeyWords>> = {
  // The account
  enabled: { meaning: "`false` at the root stops every account", default: "`true`" },
  name: { meaning: "How the account is called in status lists" },
  jid: {
    meaning: "The agent's account: `bot@example.com`. A resource has its own key",
    default: "required",
    label: "JID",
  },
  password: {
    meaning: "The account's password. See [Secrets](#secrets). Goes before `passwordFile`",
    default: "this or the next is required",
    sensitive: true,
  },
  passwordFile: {
    meaning: "File with the password and nothing else; `~` works; no symlink, at most 16 KiB",
  },
  server: {
    meaning:
      "Hostname, `host:port`, `xmpp://host[:port]` (STARTTLS), `xmpps://host[:port]` (direct TLS) or a `wss://` URL. See [Server](#server)",
    default: "DNS",
  },
  resource: {
    meaning: "XMPP resource. Two programs with one `jid` need two resources",
    default: "`openclaw`",
  },
  nick: {
    meaning: "Nick in rooms. Taken? Then `nick-2` … `nick-9`",
    default: "user part of `jid`",
  },
  profile: {
    meaning: "What everybody may see of the account. See [Profile](#profile)",
    default: "off",
  },
  "tls.caFile": {
    meaning:
      "PEM file of your own authority, trusted besides Node's, `NODE_EXTRA_CA_CERTS` and the system's",
    label: "CA File",
  },
  sasl: {
    meaning: "Which ways to log in are good enough. See [Login](#login)",
    default: "see below",
    label: "Login Methods",
    advanced: true,
  },
  dangerouslyAllowPlaintext: {
    meaning: "Log in without TLS where the server offers none; loopback addresses only",
    default: "`false`",
    label: "Allow Plaintext (dangerous)",
    advanced: true,
  },
  xml: {
    meaning:
      "Log every stanza with credentials redacted. It shows what people write: for debugging only",
    default: "`false`",
    label: "Wire Log",
    advanced: true,
  },
  dataDir: {
    meaning:
      "Where each account has a folder with `ingress.sqlite` (what waits), `archive-cursors.json`, `pending-pairings.json`, `invited-rooms.json` (holds room passwords; mode 0600), `known-users.json`, `published-profile.json`, `chosen-profile.json` and `server-memory.json`",
    default: "`<state>/xmpp`",
    label: "Data Directory",
    advanced: true,
  },
  "profile.publish": { meaning: "Whether it is published", default: "`false`" },
  "profile.name": {
    meaning: "What people see",
    default: "the name of the agent's identity, else `nick`",
  },
  "profile.avatar": {
    meaning:
      "A path (`~` works), an https URL or a `data:` URL; made a PNG of 256 pixels and 64 KiB at most",
    default: "the avatar of the agent's identity",
  },
  "profile.note": { meaning: "A few words about the agent" },
  "profile.url": { meaning: "A page about it" },
  // Direct chats
  dmPolicy: {
    meaning: "Who may write directly, and whose presence subscription is accepted",
    default: "`pairing`",
    label: "DM Policy",
  },
  allowFrom: {
    meaning:
      "JIDs for direct chats: `user@domain`, `*@domain`, `*`. See [Allowlists](#allowlists). Needed by `allowlist`; with `pairing`, these need no code",
    default: "`[]`",
  },
  adminJid: {
    meaning:
      "The operator, by bare JID: let in as by an entry of `allowFrom`, an owner of the account for [`/xmpp`](commands.md), and asked to [approve](approvals.md) commands unless `execApprovals.approvers` names others",
    label: "Admin JID",
  },
  defaultTo: {
    meaning:
      "Target of cron jobs and other deliveries that name none; `openclaw message send` always asks for `--target`",
  },
  // Rooms
  rooms: {
    meaning:
      "Rooms to join on start. `nick` goes before the account's; `password` is text or a SecretRef: one that cannot be resolved keeps the agent out of that room only",
    default: "`[]`",
  },
  mucRooms: {
    meaning: "Settings of a room; a room that stands here is joined too",
    default: "`{}`",
    label: "Room Settings",
  },
  groups: {
    meaning: "The host's usual name for `mucRooms`; of a key in both, `mucRooms` counts",
    default: "`{}`",
    label: "Room Settings (groups)",
  },
  groupPolicy: {
    meaning: "Where the agent answers",
    default: "`channels.defaults.groupPolicy`, else `open`",
  },
  groupAllowFrom: {
    meaning: "People who may address the agent in every room. See [Allowlists](#allowlists)",
    default: "`[]`",
    label: "Group Allowlist",
  },
  autoJoin: {
    meaning: "Which [invitations](#invitations) are followed",
    default: "`allowlist`",
    label: "Invitations",
  },
  bookmarks: {
    meaning:
      "`read`: join the account's bookmarks that say autojoin (XEP-0402, or XEP-0048), and follow their changes. `sync`: also bookmark the rooms that it was invited to, marked as such and without their passwords (XEP-0402 only: private storage keeps no marks); a bookmark that is there is left alone, but for its autojoin on `openclaw xmpp leave`",
    default: "`off`",
  },
  roomOwnerBypass: {
    meaning:
      "A room's owners may address the agent there, whatever `groupPolicy` and the lists say. The mention is still needed. Not in rooms that the agent was only invited to",
    default: "`false`",
  },
  sharedSessions: {
    meaning:
      "`identified`: who is known by real JID in a room continues their direct chat there, and the room may hear of it. See [One memory](#one-memory)",
    default: "`off`",
  },
  catchUp: {
    meaning:
      "What was said while the agent was away is read from the archive. See [Catching up](#catching-up)",
    default: "all on",
    label: "Catch-up",
  },
  limits: {
    meaning:
      "How much one sender, one conversation and the account may take. See [Limits](#limits)",
    default: "see below",
    advanced: true,
  },
  logLevel: {
    meaning: "What the account writes into the log. See [Logs](operations.md#logs)",
    default: "`info`",
  },
  presence: {
    meaning: "What contacts and rooms see of the agent. See [Presence](operations.md#presence)",
    default: '`true`, no text, "at work", "back soon", `dnd`, 10, 30',
  },
  dynamicAgentCreation: {
    meaning:
      "An agent of their own for everybody who writes directly. `maxAgents` counts those of all accounts. See [An agent for everybody](operations.md#an-agent-for-everybody)",
    default: "off; `~/.openclaw/workspace-{agentId}`, `~/.openclaw/agents/{agentId}/agent`, 100",
    label: "Dynamic Agents",
  },
  allowBots: {
    meaning:
      "Whether occupants are answered whose client says that it is a program (XEP-0030 `client/bot`); `mentions`: where they name the agent",
    default: "`false`",
  },
  botLoopProtection: {
    meaning: "How long two programs may talk to each other",
    default: "host's: 20 in 60 s, then 60 s silence",
  },
  implicitMentions: {
    meaning: "Whether a reply (XEP-0461) to one of the agent's messages counts as a mention",
    default: "`true`",
  },
  // One room
  "mucRooms.*.enabled": { meaning: "`false`: not joined", default: "`true`" },
  "mucRooms.*.requireMention": {
    meaning: "Answer only what addresses the agent by its nick",
    default: "`true`",
  },
  "mucRooms.*.users": { meaning: "Who may address it here, by real JID", default: "`[]`" },
  "mucRooms.*.allowFrom": {
    meaning: "The host's name for `users`; the two are one list",
    default: "`[]`",
  },
  "mucRooms.*.replyWithNick": {
    meaning: "Answers begin with the nick of who asked, where that is the room's habit",
    default: "`false`",
  },
  "mucRooms.*.streaming": {
    meaning:
      "As the account's `streaming.mode`, for answers in this room: see [Answers that grow](#answers-that-grow)",
    default: "`off`",
  },
  "mucRooms.*.systemPrompt": { meaning: "Instructions for this room" },
  "mucRooms.*.skills": { meaning: "Skills that are available here", default: "all" },
  "mucRooms.*.tools": { meaning: "Tools that are available here" },
  "mucRooms.*.toolsBySender": {
    meaning:
      "Tools by sender, in place of `tools`: the JID's entry, else the domain's, else `\"*\"`",
  },
  // Messages
  historyLimit: {
    meaning: "Messages of a room that are remembered as context until the agent speaks; 0: none",
    default: "`messages.groupChat.historyLimit`, else 50",
  },
  textChunkLimit: {
    meaning:
      "Characters a message at most, beside a nick before the first; longer answers are split",
    default: code(DEFAULT_TEXT_CHUNK_LIMIT),
  },
  markdown: { meaning: "Tables as `code`, `bullets`, `block` or `off`", default: "`code`" },
  streaming: {
    meaning:
      "What is seen of an answer before it is whole: see [Answers that grow](#answers-that-grow). `block.enabled`: parts of an answer are sent as messages of their own as they are ready, and nothing grows; `block.coalesce` joins small ones. `chunkMode` has no effect: answers are always split at paragraphs",
    default: "`mode`: `partial` in direct chats, `off` in rooms",
  },
  responsePrefix: { meaning: "Text before each answer" },
  configWrites: { meaning: "Chat commands may change the configuration", default: "`true`" },
  healthMonitor: { meaning: "Restart of a channel that looks stuck", default: "host's" },
  mentionPatterns: {
    meaning:
      "In which rooms the host's mention patterns (`messages.groupChat.mentionPatterns`, an agent's own) count besides the nick",
    default: "host's",
  },
  heartbeatVisibility: { meaning: "What heartbeats show", default: "host's" },
  capabilities: { meaning: "Extra capabilities to announce to the agent", default: "host's" },
  dmHistoryLimit: { meaning: "The host's limit on the history of direct chats", default: "host's" },
  dms: { meaning: "The same, and more, for single people", default: "host's" },
  contextVisibility: {
    meaning:
      "`all`: what people say in a room whom no list names is context, too, for an answer to those whom one does. Unlike on other channels, that has to be said",
    default: "as `allowlist`",
  },
  replyToMode: {
    meaning:
      "Which answers refer to the message they answer (XEP-0461); in a room only where it names messages (XEP-0359). See [Replies and reactions](#replies-and-reactions)",
    default: "`all` in rooms, `off` in direct chats",
  },
  replyToModeByChatType: {
    meaning: "The same for direct chats and for rooms, over `replyToMode`",
    label: "Reply Mode by Chat Type",
  },
  reactionNotifications: {
    meaning:
      "Which reactions (XEP-0444) the agent hears of: to its own messages, to any, or those of `reactionAllowlist` to any",
    default: "`own`",
  },
  reactionAllowlist: {
    meaning: "Entries as in `allowFrom`; in rooms also `occupant:…`, `affiliation:…`, `role:…`",
  },
  ackReaction: {
    meaning:
      'A reaction on what the agent works on; `""`: none. Where a room allows no more, it gives way to what the agent reacts with',
    default: "`messages.ackReaction`, else the agent's emoji, else 👀",
  },
  ackReactionScope: {
    meaning: "On which messages",
    default: "`messages.ackReactionScope`, else `group-mentions`",
  },
  removeAckAfterReply: {
    meaning: "The reaction is taken back when the turn is over",
    default: "`false`",
  },
  actions: {
    meaning: "What the agent may do by the host's message tool: see [Actions](#actions)",
    default: "the first five `true`, the others `false`",
  },
  execApprovals: {
    meaning: "Who is asked before a command runs, and where: see [Approvals](approvals.md)",
    default: '`enabled` `"auto"`, `target` `"dm"`',
    label: "Approvals",
  },
  sendReadReceipts: {
    meaning:
      "Whether people see that the agent has taken up what they wrote (XEP-0333). That it arrived (XEP-0184) is told either way",
    default: "`true`",
    label: "Read Receipts",
  },
  mediaMaxMb: {
    meaning:
      "Megabytes that a file may have, in either direction; pictures that are larger are made smaller before they are sent. The server's own limit counts as well",
    default: "`agents.defaults.mediaMaxMb`, else 20",
  },
  // Several accounts
  accounts: { meaning: "An account's keys over those of the root" },
  defaultAccount: {
    meaning: "Which one is meant where none is named; else `default`, else the first",
  },
  // Objects
  "sasl.allowPlain": {
    meaning: "PLAIN, where the server offers no SCRAM (some with LDAP); only behind TLS",
    default: "`false`",
  },
  "sasl.channelBinding": {
    meaning:
      "`auto`: a server that refuses what it offers is logged in to without, unless it has worked there before. `require`: no login without. `off`: for servers whose TLS ends at a proxy, and say otherwise",
    default: "`auto`",
  },
  "sasl.downgradeProtection": {
    meaning:
      "A server that offers less than at the login before is refused: PLAIN or a weaker hash after a stronger one (unless channel binding is new), no channel binding after one, no TLS after TLS; `openclaw xmpp forget` allows it. So is one whose hash of its offer is wrong (XEP-0474)",
    default: "`on`",
  },
  "catchUp.enabled": {
    meaning: "What was said while the agent was away is read from the archive (XEP-0313)",
    default: code(DEFAULT_CATCH_UP.enabled),
  },
  "catchUp.maxAgeMinutes": {
    meaning: "What is older is not answered any more",
    default: code(DEFAULT_CATCH_UP.maxAgeMinutes),
  },
  "catchUp.maxMessages": {
    meaning: "Messages to the agent of one archive at most; the newest count",
    default: code(DEFAULT_CATCH_UP.maxMessages),
  },
  "limits.turnsPerMinute": {
    meaning: "Turns of the agent that one sender may cause in a minute",
    default: code(DEFAULT_LIMITS.turnsPerMinute),
  },
  "limits.commandsPerMinute": {
    meaning:
      "Commands that one sender may give in a minute; `/stop` of whoever may stop the agent is never limited",
    default: code(DEFAULT_LIMITS.commandsPerMinute),
  },
  "limits.pairingsPerMinute": {
    meaning:
      "Strangers for whom a pairing code is looked up in a minute; the host keeps three requests an account. Five times as many of their messages are stored at all, and five of each stranger; in rooms the same again",
    default: code(DEFAULT_LIMITS.pairingsPerMinute),
  },
  "limits.queueSize": {
    meaning:
      "Messages that wait in one conversation; the newest is refused then. Of one sender in a room as many as there is room left beside: a flood of one takes half of it. All whom no list names are one sender, and all whom the room vouches for by nothing",
    default: code(DEFAULT_LIMITS.queueSize),
  },
  "limits.queueTotal": {
    meaning: "Messages that wait in all conversations of an account",
    default: code(DEFAULT_LIMITS.queueTotal),
  },
  "limits.queueMegabytes": {
    meaning: "What all of them together may hold, in MiB as stored",
    default: code(DEFAULT_LIMITS.queueMegabytes),
  },
  "limits.queueMaxAgeMinutes": {
    meaning: "Minutes after which a message that nobody could take up is given up",
    default: code(DEFAULT_LIMITS.queueMaxAgeMinutes),
  },
  "limits.offlineMessages": {
    meaning: "Messages that wait for a connection; further ones fail at once",
    default: code(DEFAULT_LIMITS.offlineMessages),
  },
  "limits.offlineMinutes": {
    meaning:
      "Minutes that an answer waits for a connection, or for its room; then it fails. `message send` and the like wait 5 s: OpenClaw keeps them and tries again four times within 13 minutes",
    default: code(DEFAULT_LIMITS.offlineMinutes),
  },
  "limits.sendsPerSecond": {
    meaning: "Messages that leave in a second, a second's worth at once",
    default: code(DEFAULT_LIMITS.sendsPerSecond),
  },
  // Older names
  service: { meaning: "Older name of `server`", label: "Service (older name)", advanced: true },
  domain: {
    meaning: "The JID's domain; only needed where `jid` is a bare user name",
    label: "Domain (older name)",
    advanced: true,
  },
};
