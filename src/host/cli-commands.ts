/** The commands of `openclaw xmpp`, and what each asks of the Gateway. docs/cli.md describes them. */

export type Options = { account?: string; json?: boolean } & Record<string, unknown>;

/** A call of a Gateway method. */
export type Asked = {
  method: string;
  params: Record<string, unknown>;
  /** Where it may take longer than the host waits otherwise, ms. */
  timeoutMs?: number;
};

export type CliCommand = {
  /** Commander's: name and arguments. */
  usage: string;
  description: string;
  /** One of GROUPS, that it is a command of. */
  group?: keyof typeof GROUPS;
  options?: readonly (readonly [flags: string, description: string])[];
  /** @throws Error where an argument cannot be used */
  ask(args: unknown[], options: Options): Asked | Promise<Asked>;
};

export const GROUPS = { pairing: "Requests to talk to the agent" } as const;

/** A room may take its time, and so may a file, ms. */
const JOIN_MS = 60_000;
const UPLOAD_MS = 11 * 60_000;

/** `names`: the parameters that the arguments are, in order. */
const simply =
  (method: string, ...names: string[]) =>
  (args: unknown[]): Asked => ({ method, params: named(names, args) });

const named = (names: readonly string[], args: readonly unknown[]) =>
  Object.fromEntries(
    names.flatMap((name, index) => (args[index] === undefined ? [] : [[name, args[index]]])),
  );

const wordsIn = (value: unknown): string => (Array.isArray(value) ? value.join(" ") : "");

export const COMMANDS: readonly CliCommand[] = [
  {
    usage: "status",
    description: "Show the connection and its state",
    ask: simply("xmpp.status"),
  },
  {
    usage: "msg <jid> <text...>",
    description: "Send a message (as openclaw message send does)",
    ask: ([to, words], { account }) => ({
      method: "send",
      params: {
        channel: "xmpp",
        to,
        message: wordsIn(words),
        idempotencyKey: crypto.randomUUID(),
        ...(account ? { accountId: account } : {}),
      },
    }),
  },
  { usage: "roster", description: "Show the contacts", ask: simply("xmpp.roster") },
  {
    usage: "nick <jid> <name...>",
    description: 'Name a contact in the roster on the server; "" takes the name off',
    ask: ([jid, words]) => ({ method: "xmpp.nick", params: { jid, name: wordsIn(words) } }),
  },
  {
    usage: "rooms",
    description: "Show the rooms and whether we are in them",
    ask: simply("xmpp.rooms"),
  },
  {
    usage: "join <room> [nick]",
    description: "Enter a room, now and after every restart, until it is left",
    options: [["--password-file <file>", "file that holds the room's password"]],
    ask: async (args, { passwordFile }) => ({
      method: "xmpp.join",
      params: { ...named(["room", "nick"], args), ...(await passwordIn(passwordFile)) },
      timeoutMs: JOIN_MS,
    }),
  },
  {
    usage: "leave <room>",
    description: "Leave a room that the account was invited to, joined, or has bookmarked",
    ask: simply("xmpp.leave", "room"),
  },
  {
    usage: "invite <room> <jid>",
    description: "Ask a room to invite somebody",
    options: [["--reason <text>", "what they are told"]],
    ask: (args, { reason }) => ({
      method: "xmpp.invite",
      params: { ...named(["room", "jid"], args), ...(reason === undefined ? {} : { reason }) },
    }),
  },
  {
    usage: "poll [conversation]",
    description: "Show the messages that wait for the agent, without taking them",
    ask: simply("xmpp.poll", "conversation"),
  },
  {
    usage: "queue",
    description: "Show how many messages wait in which conversation, and for how long",
    ask: simply("xmpp.queue"),
  },
  {
    usage: "clear [conversation]",
    description: "Take out the messages that wait: they are not answered",
    ask: simply("xmpp.clear", "conversation"),
  },
  {
    usage: "known",
    description: "Show who wrote directly, and the nicks and occupant ids learnt of them",
    ask: simply("xmpp.known"),
  },
  {
    usage: "forget <jid>",
    description: "Forget what was learnt of somebody, or (by its domain) of the server",
    ask: simply("xmpp.forget", "jid"),
  },
  {
    usage: "ping [jid]",
    description: "Measure the way to the own server, or to anybody",
    ask: simply("xmpp.ping", "jid"),
  },
  {
    usage: "disco <jid>",
    description: "Show what a server, a room or a person's device says it is and can",
    options: [["--node <node>", "a part of it"]],
    ask: (args, { node }) => ({
      method: "xmpp.disco",
      params: { ...named(["jid"], args), ...(node === undefined ? {} : { node }) },
    }),
  },
  {
    usage: "vcard [jid]",
    description: "Show what the account, or somebody, says of itself",
    ask: simply("xmpp.vcard", "jid"),
  },
  {
    usage: "upload <file>",
    description: "Upload a file that the agent may send, and print its URL",
    ask: async ([file]) => {
      const { resolve } = await import("node:path");
      return {
        method: "xmpp.upload",
        params: { file: resolve(String(file)) },
        timeoutMs: UPLOAD_MS,
      };
    },
  },
  {
    group: "pairing",
    usage: "list",
    description: "Show who asks to talk to the agent, or with --approved who may",
    options: [["--approved", "those who were approved"]],
    ask: (_, { approved }) => ({
      method: approved ? "xmpp.pairing.approved" : "xmpp.pairing.pending",
      params: {},
    }),
  },
  {
    group: "pairing",
    usage: "deny <code>",
    description: "Deny a request, by its code or by who asks: the code cannot be approved any more",
    options: [["--notify", "tell them"]],
    ask: ([code], { notify }) => ({
      method: "xmpp.pairing.deny",
      params: { code, ...(notify ? { notify: true } : {}) },
    }),
  },
];

async function passwordIn(file: unknown): Promise<{ password?: string }> {
  if (typeof file !== "string") return {};
  const { readFile } = await import("node:fs/promises");
  const password = (await readFile(file, "utf8")).split(/\r?\n/, 1).join("");
  if (password === "") throw new Error(`${file} holds no password`);
  return { password };
}
