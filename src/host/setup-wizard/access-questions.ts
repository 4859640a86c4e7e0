/** Which rooms, and who may talk to the agent. */
import type { WizardPrompter } from "openclaw/plugin-sdk/setup";
import { askEntrance, type PublicRooms, type RoomEntrance } from "../../client/public-rooms.ts";
import type { Trial } from "../../client/trial.ts";
import { normalizeAllowEntry, parseAllowEntry } from "../../policy/allowlist.ts";
import { parseRoomEntry } from "../../policy/room-entry.ts";
import type { BareJid } from "../../protocol/jid.ts";
import type { XmppAccount } from "../account.ts";
import { roomJid, writtenRoomJid } from "../account-rooms.ts";
import type { AccessAnswers, RoomAnswer } from "./answers.ts";
import type { Network } from "./network.ts";
import { oneLine } from "./words.ts";

function splitList(text: string): string[] {
  return text.split(/[\s,;]+/).filter(Boolean);
}

/** How the wizard may ask the server; undefined where the login did not work. */
export type Connected = { trial: Trial; publicRooms: PublicRooms } | undefined;

/** The server's public rooms to choose from, and any others in words; then whether one can get in. */
export async function askRooms(
  prompter: WizardPrompter,
  network: Network,
  account: XmppAccount,
  connected: Connected,
): Promise<RoomAnswer[]> {
  const before = (account.config.rooms ?? []).map((entry) => roomJid(writtenRoomJid(entry)) ?? "");
  const rooms = connected?.publicRooms.rooms ?? [];
  const listed = new Set<string>(rooms.map(({ jid }) => jid));
  const chosen =
    rooms.length === 0
      ? []
      : await prompter.multiselect<string>({
          message: "Rooms to join (Tab marks one, Enter goes on, none is fine)",
          options: rooms.map(({ jid, name }) => ({
            value: jid,
            label: jid,
            ...(name ? { hint: oneLine(name, 60) } : {}),
          })),
          initialValues: before.filter((jid) => listed.has(jid)),
          // Without a search, the terminal's list takes no empty choice.
          searchable: true,
        });
  const example = connected?.publicRooms.services[0] ?? "conference.example.com";
  const others = await prompter.text({
    message: rooms.length === 0 ? "Rooms to join (empty: none)" : "Other rooms (empty: none)",
    placeholder: `team@${example}, …`,
    initialValue: before.filter((jid) => jid !== "" && !listed.has(jid)).join(", "),
    validate: (value) => {
      const bad = splitList(value).find((room) => !roomJid(room));
      return bad ? `"${bad}" should look like team@${example}` : undefined;
    },
  });
  const jids = [...new Set([...chosen, ...splitList(others)])].flatMap(
    (room) => roomJid(room) ?? [],
  );
  if (!connected || jids.length === 0) return jids.map((jid) => ({ jid }));
  const progress = prompter.progress("Rooms: looking at each");
  const entrances = await Promise.all(
    jids.map(async (jid) => ({ jid, entrance: await network.askEntrance(connected.trial, jid) })),
  );
  progress.stop(
    `Rooms: ${entrances.map(({ jid, entrance }) => `${jid} ${ENTRANCES[entrance]}`).join(", ")}`,
  );
  return await askRoomPasswords(prompter, account, entrances);
}

const ENTRANCES: Readonly<Record<RoomEntrance, string>> = {
  open: "(open)",
  password: "(needs a password)",
  members: "(members only: let its owner add the agent's JID)",
  missing: "(not there: let its owner make it first)",
  unknown: "(does not say what it is)",
};

type Looked = { jid: BareJid; entrance: Awaited<ReturnType<typeof askEntrance>> };

async function askRoomPasswords(
  prompter: Pick<WizardPrompter, "text">,
  account: XmppAccount,
  looked: readonly Looked[],
): Promise<RoomAnswer[]> {
  const answers: RoomAnswer[] = [];
  for (const { jid, entrance } of looked) {
    const was = account.config.rooms?.find((entry) => roomJid(writtenRoomJid(entry)) === jid);
    const hasOne = typeof was === "object" && was.password !== undefined;
    const password =
      entrance === "password"
        ? await prompter.text({
            message: `Password of ${jid} (hidden${hasOne ? "; empty: the one that is set" : ""})`,
            sensitive: true,
          })
        : "";
    answers.push(password ? { jid, password } : { jid });
  }
  return answers;
}

/** @param hasRooms whether the agent is to be in any */
export async function askAccess(
  prompter: WizardPrompter,
  account: XmppAccount,
  rooms: readonly RoomAnswer[],
): Promise<AccessAnswers> {
  const dmPolicy = await prompter.select<AccessAnswers["dmPolicy"]>({
    message: "Who may write to the agent directly?",
    options: [
      { value: "pairing", label: "Whoever you approve", hint: "a stranger gets a code: pairing" },
      { value: "allowlist", label: "Only whom you list" },
      { value: "open", label: "Everybody", hint: "anybody on the network can use your agent" },
      { value: "disabled", label: "Nobody" },
    ],
    initialValue: account.dmPolicy,
  });
  const asksForPeople = dmPolicy === "pairing" || dmPolicy === "allowlist";
  const allowFrom = asksForPeople
    ? await askList(prompter, {
        message:
          dmPolicy === "allowlist"
            ? "Who may write?"
            : "Who needs no code? (empty: everybody does)",
        current: account.config.allowFrom,
        isRequired: dmPolicy === "allowlist" && account.config.adminJid === undefined,
        isEntry: (entry) => parseAllowEntry(entry) !== undefined,
        example: "you@example.com, *@example.com",
      })
    : (account.config.allowFrom ?? []).map(String);
  const groupPolicy = await prompter.select<AccessAnswers["groupPolicy"]>({
    message: "In which rooms does the agent answer?",
    options: [
      { value: "open", label: "In every room that it is in", hint: "invitations count too" },
      { value: "allowlist", label: "Only in rooms that you list" },
      { value: "disabled", label: "In none" },
    ],
    initialValue: account.groupPolicy,
  });
  const current = account.config.groupAllowFrom;
  if (groupPolicy === "disabled") {
    const groupAllowFrom = (current ?? []).map(String);
    return { dmPolicy, allowFrom, groupPolicy, groupAllowFrom, requireMention: undefined };
  }
  const groupAllowFrom = await askList(prompter, {
    message: "Who may address it in rooms? (empty: everybody in the room)",
    current,
    isRequired: false,
    isEntry: (entry) => parseRoomEntry(entry) !== undefined,
    example: "you@example.com, affiliation:member",
  });
  const requireMention =
    rooms.length === 0
      ? undefined
      : await prompter.confirm({
          message: "In rooms, answer only what names the agent?",
          initialValue: isMentionNeeded(account, rooms),
        });
  return { dmPolicy, allowFrom, groupPolicy, groupAllowFrom, requireMention };
}

/** As it is now: of the rooms that have an entry, or of all. */
function isMentionNeeded(account: XmppAccount, rooms: readonly RoomAnswer[]): boolean {
  const { roomSettings } = account;
  const every = roomSettings["*"]?.requireMention ?? true;
  return rooms.some(({ jid }) => roomSettings[jid]?.requireMention ?? every);
}

type ListQuestion = {
  message: string;
  current: readonly (string | number)[] | undefined;
  isRequired: boolean;
  isEntry: (entry: string) => boolean;
  example: string;
};

async function askList(
  prompter: Pick<WizardPrompter, "text">,
  { message, current, isRequired, isEntry, example }: ListQuestion,
): Promise<string[]> {
  const isKnown = (entry: string) => entry.startsWith("accessGroup:") || isEntry(entry);
  const written = await prompter.text({
    message,
    placeholder: example,
    initialValue: (current ?? []).join(", "),
    validate: (value) => {
      const entries = splitList(value);
      if (isRequired && entries.length === 0) return `Name at least one, e.g. ${example}`;
      const bad = entries.find((entry) => !isKnown(entry));
      return bad ? `"${bad}" names nobody; write e.g. ${example}` : undefined;
    },
  });
  return [...new Set(splitList(written).map((entry) => normalizeAllowEntry(entry) || entry))];
}
