/**
 * Answers ad-hoc commands (XEP-0050): what somebody may run is a menu in their client. Who may run what says
 * `commandsFor`, which is asked at each step; whoever may run nothing learns nothing.
 */
import { randomUUID } from "node:crypto";
import type { Element } from "ltx";
import { messageOf, XmppStanzaError } from "../errors.ts";
import { attribute } from "../protocol/element.ts";
import { parseJid, type BareJid, type FullJid, type Jid } from "../protocol/jid.ts";
import { decodeRequest } from "../protocol/rfc-6120-iq.ts";
import {
  DATA_FORM,
  encodeQuestions,
  type FormQuestions,
  type SubmittedField,
} from "../protocol/xep-0004-forms.ts";
import {
  DISCO_INFO,
  DISCO_ITEMS,
  encodeDiscoInfo,
  encodeDiscoItems,
} from "../protocol/xep-0030-disco.ts";
import {
  COMMANDS,
  decodeCommandRequest,
  encodeCommandAnswer,
  encodeCommandRefusal,
  type CommandNote,
  type CommandRequest,
} from "../protocol/xep-0050-commands.ts";
import type { XmppSession } from "./types.ts";

export type AdHocOutcome = { payload?: Element | undefined; note?: CommandNote | undefined };

export type AdHocCommand = {
  /** Begins with NODE_PREFIX. */
  node: string;
  name: string;
  /** What it asks for before it runs; undefined: nothing. */
  questions?: FormQuestions | undefined;
  /** It is said for them as a message, and counted as that. */
  isMessage?: boolean | undefined;
  /** `values`: of each question that was answered, the lines. @throws Error whose message the person is told */
  run: (values: ReadonlyMap<string, string>) => Promise<AdHocOutcome>;
};

/** Of the nodes of commands: who may run none is told the same of all of them. */
export const NODE_PREFIX = "openclaw/";

const SESSION_MS = 10 * 60_000;
const OPEN_EACH = 5;
const MAX_SESSIONS = 200;

type Session = { asker: FullJid; bare: BareJid; node: string; since: number; isOpen: boolean };

/**
 * Answers from now on, and before `registerResponders`, which refuses nodes that it does not know.
 * @returns what ends it
 */
export function registerAdHocCommands(params: {
  session: XmppSession;
  /** What somebody may run; `asker` is the `from` that the server stamped. */
  commandsFor: (asker: Jid) => Promise<readonly AdHocCommand[]>;
  /** Counts one command of somebody, and says whether it is one too many. */
  isTooMany: (asker: BareJid) => boolean;
  now: () => number;
}): () => void {
  const { session, commandsFor, isTooMany, now } = params;
  const sessions = createSessions(now);
  return session.onIq(async (iq) => {
    const asker = parseJid(attribute(iq, "from") ?? "");
    const allowed = async () => (asker ? await commandsFor(asker) : []);
    if (decodeRequest(iq, "set", "command", COMMANDS)) {
      const request = decodeCommandRequest(iq);
      const commands = await allowed();
      if (!asker || commands.length === 0) throw forbidden();
      if (!request) throw new XmppStanzaError("modify", "bad-request", "which command?");
      return await answer(asker, request, commands);
    }
    const items = decodeRequest(iq, "get", "query", DISCO_ITEMS);
    if (items && attribute(items, "node") === COMMANDS) {
      const jid = session.jid;
      const commands = jid === undefined ? [] : await allowed();
      return encodeDiscoItems(
        commands.map(({ node, name }) => ({ jid: jid as FullJid, node, name })),
        COMMANDS,
      );
    }
    const info = decodeRequest(iq, "get", "query", DISCO_INFO);
    const node = info && attribute(info, "node");
    if (node === COMMANDS) return describe(node, "command-list", "Commands");
    if (!node?.startsWith(NODE_PREFIX)) return undefined;
    const commands = await allowed();
    if (commands.length === 0) throw forbidden();
    return describe(node, "command-node", find(commands, node).name);
  });

  async function answer(
    { bare, full }: Jid,
    { node, sessionId, action, fields }: CommandRequest,
    commands: readonly AdHocCommand[],
  ): Promise<Element> {
    if (action === "malformed") return encodeCommandRefusal("malformed-action");
    const command = find(commands, node);
    const { questions } = command;
    if (sessionId === undefined) {
      const isRun = action === "execute" || (action === "complete" && !questions);
      if (!isRun) return encodeCommandRefusal("bad-action");
      if (!command.isMessage && isTooMany(bare))
        throw new XmppStanzaError("wait", "policy-violation", TOO_MANY_COMMANDS);
      const id = sessions.open({ asker: full, bare, node });
      if (!questions) {
        sessions.end(id);
        return await run(command, id, new Map());
      }
      const payload = encodeQuestions(questions);
      return encodeCommandAnswer({ node, sessionId: id, status: "executing", payload });
    }
    const found = sessions.find(sessionId);
    if (found?.asker !== full || found.node !== node) return encodeCommandRefusal("bad-sessionid");
    if (!found.isOpen) return encodeCommandRefusal("session-expired");
    if (action === "cancel") {
      sessions.end(sessionId);
      return encodeCommandAnswer({ node, sessionId, status: "canceled" });
    }
    if (action === "prev" || action === "next") return encodeCommandRefusal("bad-action");
    if (!fields) return encodeCommandRefusal("bad-payload", "the form is missing");
    const values = valuesOf(fields);
    const missing = questions?.fields.find((field) => field.isRequired && !values.has(field.name));
    if (missing) return encodeCommandRefusal("bad-payload", `${missing.label} is missing`);
    // Before it runs: whoever sends it twice at once runs it once.
    sessions.end(sessionId);
    return await run(command, sessionId, values);
  }
}

export const TOO_MANY_COMMANDS = "Too many commands. Please wait before sending more.";

const forbidden = () => new XmppStanzaError("cancel", "forbidden");

/** @throws XmppStanzaError item-not-found */
function find(commands: readonly AdHocCommand[], node: string): AdHocCommand {
  const command = commands.find((each) => each.node === node);
  if (!command) throw new XmppStanzaError("cancel", "item-not-found");
  return command;
}

function describe(node: string, type: "command-list" | "command-node", name: string): Element {
  const identities = [{ category: "automation", type, name }];
  return encodeDiscoInfo({ node, identities, features: [COMMANDS, DATA_FORM], forms: [] });
}

async function run(
  command: AdHocCommand,
  sessionId: string,
  values: ReadonlyMap<string, string>,
): Promise<Element> {
  const done = { node: command.node, sessionId, status: "completed" as const };
  try {
    return encodeCommandAnswer({ ...done, ...(await command.run(values)) });
  } catch (error) {
    // §3.7: what failed is completed, too, and says so.
    return encodeCommandAnswer({ ...done, note: { type: "error", text: messageOf(error) } });
  }
}

/** Without what was left blank. */
function valuesOf(fields: readonly SubmittedField[]): ReadonlyMap<string, string> {
  const trimmed = fields.map(({ name, values }) => [name, values.join("\n").trim()] as const);
  return new Map(trimmed.filter(([, value]) => value !== ""));
}

/** §3.3. Those that ended are remembered for a while, so that they can be told from those that never were. */
function createSessions(now: () => number) {
  const sessions = new Map<string, Session>();

  function expire(): void {
    const oldest = now() - SESSION_MS;
    for (const each of sessions.values()) if (each.since < oldest) each.isOpen = false;
  }

  return {
    open(opened: Pick<Session, "asker" | "bare" | "node">): string {
      expire();
      const own = [...sessions.values()].filter(
        ({ bare, isOpen }) => isOpen && bare === opened.bare,
      );
      for (const each of own.slice(0, Math.max(own.length - OPEN_EACH + 1, 0))) each.isOpen = false;
      const id = randomUUID();
      sessions.set(id, { ...opened, since: now(), isOpen: true });
      // Whoever gives many commands takes nobody's form away.
      const all = [...sessions.keys()];
      const over = [...all.filter((each) => !sessions.get(each)?.isOpen), ...all];
      for (const each of over) {
        if (sessions.size <= MAX_SESSIONS) break;
        sessions.delete(each);
      }
      return id;
    },
    find(id: string): Session | undefined {
      expire();
      return sessions.get(id);
    },
    end(id: string): void {
      const found = sessions.get(id);
      if (found) found.isOpen = false;
    },
  };
}
