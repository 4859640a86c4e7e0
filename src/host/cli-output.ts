/**
 * What `openclaw xmpp …` prints: JSON as the Gateway gives it, or lines for people. What others wrote (nicks, subjects,
 * messages) never steers the terminal.
 */
import { isRecord } from "../state/json-file.ts";

type Facts = Readonly<Record<string, unknown>>;

/** Escapes beyond what JSON escapes: C1 controls are controls to a terminal, others turn the direction of a line. */
const STEERING = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
/** In lines for people: controls, and what turns the direction of the rest of the line. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu;

/** What went wrong, in lines: a server's own words may be among them. */
export const printableError = (message: string): string =>
  message
    .split("\n")
    .map((line) => line.replace(UNPRINTABLE, " "))
    .join("\n");

/** @param result of the Gateway's `method` */
export function printable(method: string, result: Facts, isJson: boolean): string {
  if (isJson) {
    return JSON.stringify(result, null, 2).replace(
      STEERING,
      (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
  }
  return (FOR_PEOPLE[method] ?? describeFacts)(result);
}

const FOR_PEOPLE: Readonly<Record<string, (result: Facts) => string>> = {
  "xmpp.status": ({ connection, dropped, oldestQueuedMs, ...facts }) => {
    const { jid: session, since, ...line } = isRecord(connection) ? connection : {};
    return describeFacts({
      ...facts,
      ...(oldestQueuedMs === undefined ? {} : { oldest: age(oldestQueuedMs) }),
      ...(since === undefined ? {} : { session, since: `${age(Date.now() - Number(since))} ago` }),
      ...line,
      ...(isRecord(dropped) && Object.keys(dropped).length > 0 ? { dropped } : {}),
    });
  },
  send: ({ messageId }) => `sent: ${text(messageId)}`,
  "xmpp.roster": ({ contacts }) =>
    list("contacts", contacts, {
      jid: (each) => each["jid"],
      name: (each) => each["name"],
      subscription: (each) =>
        each["asked"] === true ? `${text(each["subscription"])}, asked` : each["subscription"],
      presence: (each) => (each["online"] === true ? (each["show"] ?? "online") : "offline"),
      groups: (each) => (Array.isArray(each["groups"]) ? each["groups"].join(", ") : ""),
    }),
  "xmpp.nick": ({ jid, name, added }) =>
    `${text(jid)} ${name === "" ? "has no name any more" : `is called ${text(name)}`}` +
    (added === true ? ", and is a contact now (without a subscription)" : ""),
  "xmpp.rooms": ({ rooms }) =>
    list("rooms", rooms, {
      room: (each) => each["room"],
      state: (each) => each["state"],
      nick: (each) => each["nick"],
      people: (each) => (each["state"] === "joined" ? each["occupantCount"] : ""),
      name: (each) => each["name"],
      reason: (each) => each["reason"],
    }),
  "xmpp.join": ({ room, state, nick, reason }) =>
    state === "joined"
      ? `joined ${text(room)} as ${text(nick)}`
      : `not yet in ${text(room)} (${text(state)}${reason === undefined ? "" : `: ${text(reason)}`}); it is tried again`,
  "xmpp.leave": ({ left }) => `left ${text(left)}`,
  "xmpp.invite": ({ room, invited }) => `invited ${text(invited)} to ${text(room)}`,
  "xmpp.poll": ({ total, messages }) =>
    list(
      "waiting",
      messages,
      {
        age: (each) => age(each["ageMs"]),
        conversation: (each) => each["conversation"],
        from: (each) => (each["from"] === each["conversation"] ? "" : each["from"]),
        state: (each) => each["state"],
        text: (each) => shorten(text(each["text"] ?? "(cannot be shown)")),
      },
      Number(total),
    ),
  "xmpp.queue": ({ waiting, limits, conversations }) => {
    const { conversation, account, maxAgeMinutes } = isRecord(limits) ? limits : {};
    return [
      `waiting: ${text(waiting)} of ${text(account)}, up to ${text(conversation)} a conversation, for up to ${age(Number(maxAgeMinutes) * 60_000)}`,
      ...table(conversations, {
        conversation: (each) => each["conversation"],
        waiting: (each) => each["waiting"],
        oldest: (each) => age(each["oldestMs"]),
      }),
    ].join("\n");
  },
  "xmpp.clear": ({ cleared, kept }) =>
    `cleared: ${text(cleared)}` +
    (Number(kept) > 0 ? `; ${text(kept)} are with the agent already, and are answered` : ""),
  "xmpp.known": ({ known }) =>
    list("known", known, {
      jid: (each) => each["jid"],
      "last seen": (each) => `${age(Date.now() - Number(each["lastSeen"]))} ago`,
      nicks: (each) => [...new Set(Object.values(isRecord(each["nicks"]) ? each["nicks"] : {}))],
      "occupant ids": (each) =>
        Object.values(isRecord(each["occupantIds"]) ? each["occupantIds"] : {}).length,
    }),
  "xmpp.forget": ({ forgotten }) => `forgotten: ${text(forgotten)}`,
  "xmpp.ping": ({ jid, latencyMs }) => `${text(jid)} answers after ${text(latencyMs)} ms`,
  "xmpp.disco": ({ jid, node, identities, features, items }) =>
    [
      describeFacts({ jid, node }),
      list("identities", identities, {
        what: (each) => `${text(each["category"])}/${text(each["type"])}`,
        name: (each) => each["name"],
      }),
      `features: ${Array.isArray(features) ? features.length : 0}`,
      ...(Array.isArray(features) ? features.map((feature) => `  ${text(feature)}`) : []),
      list("items", items, {
        jid: (each) => each["jid"],
        node: (each) => each["node"],
        name: (each) => each["name"],
      }),
    ].join("\n"),
  "xmpp.vcard": ({ photo, ...facts }) =>
    describeFacts({
      ...facts,
      ...(isRecord(photo)
        ? { photo: `${text(photo["type"] ?? "picture")}, ${text(photo["bytes"])} bytes` }
        : {}),
    }),
  "xmpp.upload": ({ url }) => text(url),
  "xmpp.pairing.approved": ({ approved }) => {
    const jids = Array.isArray(approved) ? approved : [];
    return [`approved: ${jids.length}`, ...jids.map((jid) => `  ${text(jid)}`)].join("\n");
  },
  "xmpp.pairing.pending": ({ pending }) =>
    list("pending", pending, {
      code: (each) => each["code"] ?? "?",
      jid: (each) => each["jid"],
      asked: (each) => `${age(Date.now() - Date.parse(String(each["createdAt"])))} ago`,
      expires: (each) => `in ${age(Date.parse(String(each["expiresAt"])) - Date.now())}`,
    }),
  "xmpp.pairing.deny": ({ denied, notified }) =>
    `denied: ${text(denied)} ${notified === true ? "(was told)" : "(was not told)"}`,
};

/** One fact a line, the values in a column. */
function describeFacts(facts: Facts): string {
  const shown = Object.entries(facts).filter(([, value]) => value !== undefined);
  const width = Math.max(0, ...shown.map(([key]) => key.length));
  return shown.map(([key, value]) => `${`${key}:`.padEnd(width + 1)} ${text(value)}`).join("\n");
}

type Columns = Readonly<Record<string, (each: Facts) => unknown>>;

/** How many there are, and a table of them. */
function list(title: string, entries: unknown, columns: Columns, total?: number): string {
  const all = Array.isArray(entries) ? entries.length : 0;
  const more = total !== undefined && total > all ? [`  … and ${total - all} more`] : [];
  return [`${title}: ${total ?? all}`, ...table(entries, columns), ...more].join("\n");
}

/** Columns of which nobody has anything are left out. */
function table(entries: unknown, columns: Columns): string[] {
  const facts = Array.isArray(entries) ? entries.filter(isRecord) : [];
  if (facts.length === 0) return [];
  const filled = Object.entries(columns)
    .map(([title, read]) => [title, ...facts.map((each) => text(read(each)))])
    .filter(([, ...cells]) => cells.some((cell) => cell !== ""));
  const widths = filled.map((cells) => Math.max(...cells.map((cell) => cell.length)));
  return [-1, ...facts.keys()].map((row) =>
    `  ${filled.map((cells, column) => (cells[row + 1] ?? "").padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd(),
  );
}

function text(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return value.map(text).join(", ");
  if (isRecord(value)) {
    return Object.entries(value)
      .filter(([, part]) => part !== undefined)
      .map(([key, part]) => `${text(key)}=${text(part)}`)
      .join(" ");
  }
  return String(value).replace(UNPRINTABLE, " ");
}

const MAX_SHOWN = 60;

const shorten = (line: string): string =>
  line.length > MAX_SHOWN ? `${line.slice(0, MAX_SHOWN - 1).toWellFormed()}…` : line;

const UNITS = [
  ["d", 24 * 60 * 60_000],
  ["h", 60 * 60_000],
  ["min", 60_000],
  ["s", 1_000],
] as const;

/** In the largest unit of which it has one: "3 min". */
function age(ms: unknown): string {
  const known = Number(ms);
  if (!Number.isFinite(known)) return "?";
  for (const [unit, size] of UNITS) if (known >= size) return `${Math.floor(known / size)} ${unit}`;
  return "0 s";
}
