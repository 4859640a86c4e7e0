/**
 * What the owner may tell an account to do, by text (`/xmpp …`) and by form (XEP-0050). What is done is live-rooms.ts's,
 * as for the command line.
 */
import type { ConnectionFacts } from "../client/types.ts";
import type { BareJid } from "../protocol/jid.ts";
import { jidParam } from "./gateway-params.ts";
import type { LiveAccount } from "./live-accounts.ts";
import { inviteToRoom, joinRoom, leaveRoom } from "./live-rooms.ts";
import { describeStatus } from "./live-status.ts";

export type Parameter = {
  name: string;
  label: string;
  kind: "jid" | "room" | "text";
  isRequired: boolean;
  /** A form offers these. */
  choices?: (live: LiveAccount) => readonly string[];
};

export type Fact = { name: string; label: string; value: string };

export type CommandOutcome =
  | { kind: "said"; text: string }
  | { kind: "facts"; title: string; facts: Fact[] }
  | {
      kind: "table";
      title: string;
      columns: { name: string; label: string }[];
      rows: string[][];
    };

export type OwnerCommand = {
  name: string;
  description: string;
  /** In the order of a text; the last takes the rest of it. */
  parameters: readonly Parameter[];
  /** @throws Error in words for the owner */
  run: (
    live: LiveAccount,
    values: ReadonlyMap<string, string>,
  ) => CommandOutcome | Promise<CommandOutcome>;
};

const room = (choices?: Parameter["choices"]): Parameter => ({
  name: "room",
  label: "Room",
  kind: "room",
  isRequired: true,
  ...(choices ? { choices } : {}),
});
const text = (name: string, label: string): Parameter => ({
  name,
  label,
  kind: "text",
  isRequired: false,
});

const said = (words: string): CommandOutcome => ({ kind: "said", text: words });

export const OWNER_COMMANDS: readonly OwnerCommand[] = [
  { name: "status", description: "The connection and its state", parameters: [], run: status },
  {
    name: "rooms",
    description: "The rooms and whether we are in them",
    parameters: [],
    run: rooms,
  },
  {
    name: "join",
    description: "Enter a room, now and after each restart",
    parameters: [room(), text("nick", "Nick there")],
    async run(live, values) {
      const nick = values.get("nick");
      const joined = await joinRoom(live, jidOf(values, "room"), nick ? { nick } : {});
      const { state, reason } = joined;
      return state === "joined"
        ? said(`In room ${joined.room} as ${joined.nick}.`)
        : said(`Not in room ${joined.room} yet (${reason ?? state}); it is tried again.`);
    },
  },
  {
    name: "leave",
    description: "Leave a room that is not in the configuration",
    parameters: [room(roomsToLeave)],
    run: (live, values) => said(`Left room ${leaveRoom(live, jidOf(values, "room")).left}.`),
  },
  {
    name: "invite",
    description: "Invite somebody to a room",
    parameters: [
      room(joinedRooms),
      { name: "jid", label: "Whom (JID)", kind: "jid", isRequired: true },
      text("reason", "Reason"),
    ],
    async run(live, values) {
      const [to, where] = [jidOf(values, "jid"), jidOf(values, "room")];
      const done = await inviteToRoom(live, where, to, values.get("reason"));
      return said(`Invited ${done.invited} to room ${done.room}.`);
    },
  },
];

async function status(live: LiveAccount): Promise<CommandOutcome> {
  const { account, archive, connection, contacts, error, jid, queued, ...rest } =
    await describeStatus(live);
  const facts: Fact[] = [
    { name: "account", label: "Account", value: account },
    { name: "jid", label: "JID", value: String(connection?.jid ?? jid) },
    { name: "state", label: "State", value: rest.state },
    ...(connection ? connectionFacts(connection) : []),
    ...(error === undefined ? [] : [{ name: "error", label: "Last error", value: error }]),
    ...(archive === undefined
      ? []
      : [{ name: "archive", label: "Archive", value: archive ? "yes" : "none" }]),
    { name: "rooms", label: "Rooms", value: `${rest.roomsJoined} of ${rest.rooms} joined` },
    { name: "contacts", label: "Contacts", value: String(contacts) },
    { name: "queued", label: "Messages that wait", value: String(queued ?? rest.queueError) },
  ];
  return { kind: "facts", title: "Status", facts };
}

function connectionFacts({ since, transport, tls, mechanism, resumed }: ConnectionFacts): Fact[] {
  const secured = tls
    ? `${transport}, ${tls.version} ${tls.cipher}`
    : `${transport}, not encrypted`;
  return [
    { name: "since", label: "Online since", value: new Date(since).toISOString() },
    { name: "transport", label: "Transport", value: secured },
    { name: "login", label: "Login", value: resumed ? `${mechanism}, resumed` : mechanism },
  ];
}

function rooms({ rooms: all }: LiveAccount): CommandOutcome {
  const rows = all
    .list()
    .map(({ room: jid, state, nick, occupantCount, reason }) =>
      state === "joined"
        ? [jid, state, `as ${nick}, ${occupantCount} present`]
        : [jid, state, reason ?? ""],
    );
  const columns = [
    { name: "room", label: "Room" },
    { name: "state", label: "State" },
    { name: "details", label: "Details" },
  ];
  return { kind: "table", title: "Rooms", columns, rows };
}

function joinedRooms({ rooms: all }: LiveAccount): string[] {
  return all.list().flatMap((view) => (view.state === "joined" ? view.room : []));
}

/** Without those of the configuration, which would be entered again. */
function roomsToLeave({ membership, rooms: all }: LiveAccount): string[] {
  return all.list().flatMap(({ room: jid }) => (membership.originOf(jid) ? jid : []));
}

/** @throws Error that says what is wrong */
function jidOf(values: ReadonlyMap<string, string>, name: string): BareJid {
  return jidParam(Object.fromEntries(values), name);
}

/** For a chat. */
export function describeOutcome(outcome: CommandOutcome): string {
  switch (outcome.kind) {
    case "said":
      return outcome.text;
    case "facts":
      return outcome.facts.map(({ label, value }) => `${label}: ${value}`).join("\n");
    case "table":
      if (outcome.rows.length === 0) return `${outcome.title}: none`;
      return outcome.rows.map((row) => row.filter(Boolean).join(" – ")).join("\n");
  }
}
