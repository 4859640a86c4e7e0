import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";

import { startProcess } from "./process.ts";
import type { RunningProcess } from "./process.ts";
import type { XmppServer } from "./xmpp-server.ts";

/** The system's Python: another one in front on PATH would not have slixmpp. */
const PYTHON = "/usr/bin/python3";
const SCRIPT = fileURLToPath(new URL("slixmpp-client.py", import.meta.url));

/** A stanza that the client received. */
export interface StanzaEvent {
  readonly event: "message" | "presence" | "iq";
  readonly from: string;
  readonly to: string;
  /** The stanza's `type`, "" when it has none. */
  readonly type: string;
  /** The stanza's `id`, "" when it has none. */
  readonly stanzaId: string;
  /** The text of its `<body/>`, when it has one, as a client shows it that knows replies: without what it quotes. */
  readonly body?: string;
  readonly xml: string;
}

export interface SlixmppLogin {
  readonly jid: string;
  readonly password: string;
  readonly port: number;
  readonly caFile: string;
  /** True connects by direct TLS. */
  readonly directTls?: boolean;
  /** False leaves subscription requests unanswered. Default true: accepted and returned. */
  readonly autoSubscribe?: boolean;
  /** False sends no initial presence. */
  readonly presence?: boolean;
  /** True announces that corrected messages are understood (XEP-0308). */
  readonly corrections?: boolean;
}

export interface SlixmppMessage {
  readonly to: string;
  readonly body?: string;
  /** Default "chat". */
  readonly type?: "chat" | "groupchat" | "normal" | "headline" | "error";
  /** Raw XML beside the body. */
  readonly extra?: string;
  /** The stanza's id; one is made when left out. */
  readonly id?: string;
}

export interface AdHocItem {
  readonly jid: string;
  readonly node: string;
  readonly name: string;
}

/** How an ad-hoc command ended: refused by an error's condition, or with what it answered. */
export interface AdHocResult {
  readonly refused?: string;
  /** Of the error. */
  readonly text?: string;
  readonly status?: string;
  /** Type and text of each. */
  readonly notes?: readonly (readonly [string, string])[];
  /** The fields that the form asked for, with the options of each. */
  readonly offered?: Readonly<Record<string, readonly string[]>>;
  /** Of a form that answers. */
  readonly values?: Readonly<Record<string, string>>;
  /** The rows of a table. */
  readonly items?: readonly Readonly<Record<string, string>>[];
}

export interface SlixmppClient {
  /** The full JID that the server bound. */
  readonly jid: string;
  /** Everything received so far, oldest first. */
  readonly stanzas: readonly StanzaEvent[];
  /** False from when its stream ended until {@link SlixmppClient.reconnect}. */
  isConnected(): boolean;
  /** Resolves when the stream of now ends. */
  disconnected(): Promise<void>;
  /** Logs in again on a stream of its own, without what the last one had sent. @throws as startSlixmpp */
  reconnect(): Promise<void>;
  /** Sends a message and returns its id. */
  send(message: SlixmppMessage): Promise<string>;
  /**
   * Joins `room` (bare JID) as `nick` and resolves after the room confirmed it.
   * @throws with the error condition when the room refuses
   */
  join(room: string, nick: string, password?: string): Promise<void>;
  leave(room: string, nick: string): Promise<void>;
  /** Sends presence; `type` e.g. "subscribe", "unavailable". */
  presence(options?: { to?: string; type?: string; show?: string; status?: string }): Promise<void>;
  /** Puts raw XML on the stream. */
  raw(xml: string): Promise<void>;
  /** An iq of `type` get or set with raw XML inside; resolves to the answer, an error included. */
  iq(
    to: string,
    type: "get" | "set",
    payload: string,
  ): Promise<{ readonly type: string; readonly xml: string }>;
  /** The menu of ad-hoc commands (XEP-0050) that `jid` offers. @throws where it refuses */
  commands(jid: string): Promise<readonly AdHocItem[]>;
  /** Runs an ad-hoc command to its end, and fills in its form, if it has one. */
  command(
    jid: string,
    node: string,
    values?: Readonly<Record<string, string>>,
  ): Promise<AdHocResult>;
  /**
   * The first stanza that `matches`, out of those received after position `since` of `stanzas`
   * (default 0: from the start), waiting for it if need be (default 60,000 ms).
   */
  waitFor(
    matches: (stanza: StanzaEvent) => boolean,
    options?: WaitForOptions,
  ): Promise<StanzaEvent>;
  /**
   * The next message with a body from this JID (bare or full), after position `since`.
   */
  waitForBody(from: string, options?: WaitForOptions): Promise<StanzaEvent>;
  /** Makes a round trip through the server: what it had sent us before is in `stanzas` afterwards. */
  ping(): Promise<void>;
  stop(): Promise<void>;
}

export interface WaitForOptions {
  readonly timeoutMs?: number;
  /** Look only at stanzas after this many. */
  readonly since?: number;
}

interface DriverReport {
  readonly event: string;
  readonly id?: number;
  readonly error?: string;
  readonly [key: string]: unknown;
}

function isStanza(report: DriverReport): boolean {
  return report.event === "message" || report.event === "presence" || report.event === "iq";
}

/** Request and answer with the Python process. */
function createDriver(
  child: RunningProcess,
  onStanza: (stanza: StanzaEvent) => void,
  onDisconnected: () => void,
) {
  const waiting = new Map<
    number,
    { resolve(report: DriverReport): void; reject(error: Error): void }
  >();
  let next = 1;
  child.onLine((line) => {
    const report = JSON.parse(line) as DriverReport;
    if (isStanza(report)) onStanza(report as unknown as StanzaEvent);
    if (report.event === "disconnected") onDisconnected();
    if (report.id === undefined) return;
    const waiter = waiting.get(report.id);
    waiting.delete(report.id);
    if (report.event === "done") waiter?.resolve(report);
    else waiter?.reject(new Error(report.error ?? "slixmpp failed"));
  });
  void child.exited.then(() => {
    const error = new Error(`the slixmpp client ended:\n${child.output().slice(-4_000)}`);
    for (const waiter of waiting.values()) waiter.reject(error);
    waiting.clear();
  });
  return async (
    action: string,
    facts: Readonly<Record<string, unknown>> = {},
  ): Promise<DriverReport> =>
    await new Promise<DriverReport>((resolve, reject) => {
      const id = next++;
      waiting.set(id, { resolve, reject });
      child.write(`${JSON.stringify({ id, do: action, ...facts })}\n`);
    });
}

/** Starts a slixmpp client and logs it in at 127.0.0.1. @throws what slixmpp or the server says. */
export async function startSlixmpp(login: SlixmppLogin): Promise<SlixmppClient> {
  const child = await startProcess({
    name: `slixmpp (${login.jid})`,
    command: PYTHON,
    args: ["-u", SCRIPT],
  });
  const stanzas: StanzaEvent[] = [];
  const watchers = new Set<() => void>();
  let ended = Promise.withResolvers<void>();
  let isConnected = true;
  const request = createDriver(
    child,
    (stanza) => {
      stanzas.push(stanza);
      for (const watcher of watchers) watcher();
    },
    () => {
      isConnected = false;
      ended.resolve();
    },
  );
  const { jid, password, port, caFile: ca, directTls, autoSubscribe, presence } = login;
  const { corrections } = login;
  const logIn = async (): Promise<string> => {
    const host = "127.0.0.1";
    const flags = { directTls, autoSubscribe, presence, corrections };
    ended = Promise.withResolvers<void>();
    isConnected = true;
    const connected = await request("connect", { jid, password, host, port, ca, ...flags });
    return String(connected["jid"]);
  };
  let bound: string;
  try {
    await child.waitForOutput(/"ready"/);
    bound = await logIn();
  } catch (error) {
    await child.stop();
    throw error;
  }

  const waitFor: SlixmppClient["waitFor"] = async (matches, options = {}) => {
    const { timeoutMs = 60_000, since = 0 } = options;
    const look = (): StanzaEvent | undefined => stanzas.slice(since).find(matches);
    const found = look();
    if (found !== undefined) return found;
    return await new Promise<StanzaEvent>((resolve, reject) => {
      const watcher = (): void => {
        const stanza = look();
        if (stanza === undefined) return;
        watchers.delete(watcher);
        clearTimeout(timer);
        resolve(stanza);
      };
      const timer = setTimeout(() => {
        watchers.delete(watcher);
        const got = stanzas.slice(since).map(({ xml }) => xml);
        reject(
          new Error(`${bound} got no such stanza in ${timeoutMs} ms; got:\n${got.join("\n")}`),
        );
      }, timeoutMs);
      watchers.add(watcher);
    });
  };
  const iq: SlixmppClient["iq"] = async (to, type, payload) => {
    const answer = await request("iq", { to, type, payload });
    return { type: String(answer["type"]), xml: String(answer["xml"]) };
  };

  return {
    get jid() {
      return bound;
    },
    stanzas,
    isConnected: () => isConnected && child.isRunning(),
    disconnected: () => ended.promise,
    async reconnect() {
      try {
        bound = await logIn();
      } catch (error) {
        isConnected = false;
        throw error;
      }
    },
    async send({ to, body, type = "chat", extra = "", id: messageId }) {
      const sent = await request("send", { to, body, type, extra, messageId });
      return String(sent["stanzaId"]);
    },
    async join(room, nick, roomPassword) {
      await request("join", { room, nick, password: roomPassword });
    },
    async leave(room, nick) {
      await request("leave", { room, nick });
    },
    async presence(options = {}) {
      await request("presence", options);
    },
    async raw(xml) {
      await request("raw", { xml });
    },
    iq,
    async commands(to) {
      return (await request("commands", { jid: to }))["commands"] as readonly AdHocItem[];
    },
    command: async (to, node, values = {}) =>
      (await request("command", { jid: to, node, values })) as AdHocResult,
    waitFor,
    async waitForBody(from, options) {
      const isFrom = (stanza: StanzaEvent): boolean =>
        stanza.from === from || stanza.from.startsWith(`${from}/`);
      return await waitFor(
        (stanza) =>
          stanza.event === "message" &&
          stanza.type !== "error" &&
          stanza.body !== undefined &&
          isFrom(stanza),
        options,
      );
    },
    async ping() {
      await iq(
        bound.slice(bound.indexOf("@") + 1).split("/")[0] ?? "",
        "get",
        "<ping xmlns='urn:xmpp:ping'/>",
      );
    },
    async stop() {
      if (child.isRunning())
        await Promise.race([request("disconnect").catch(() => {}), child.exited]);
      await child.stop(1_000);
    },
  };
}

/** Registers `user` at the server (password: the user's name, unless the options say otherwise) and logs a slixmpp client in. */
export async function startSlixmppUser(
  server: Pick<XmppServer, "domain" | "ports" | "caFile" | "register">,
  user: string,
  options: Partial<SlixmppLogin> & { readonly host?: string } = {},
): Promise<SlixmppClient> {
  const { host = server.domain, ...login } = options;
  const password = login.password ?? user;
  const jid = await server.register(user, password, host);
  const port = options.directTls === true ? server.ports.c2sTls : server.ports.c2s;
  return await startSlixmpp({ jid, password, port, caFile: server.caFile, ...login });
}

/** What {@link expectSilence} needs to know. */
export interface Silence {
  /** The client that must not be answered. */
  readonly client: SlixmppClient;
  /** Position in `client.stanzas` before the provoking stanza. */
  readonly since: number;
  /** What would break the silence. */
  readonly breaks: (stanza: StanzaEvent) => boolean;
  /**
   * A later message by somebody who is answered, sent when the silence begins to be judged, which the
   * agent handles after the provoking one. Resolves when its answer is there.
   */
  readonly marker: (text: string) => Promise<unknown>;
}

/**
 * Proves that nothing came: somebody who is allowed to asks the agent after the provocation and is
 * answered, then a round trip through the server flushes what was on its way to the silent client.
 * @throws with the stanza that broke the silence.
 */
export async function expectSilence({ client, since, breaks, marker }: Silence): Promise<void> {
  await marker(`marker ${randomUUID()}`);
  await client.ping();
  const broken = client.stanzas.slice(since).find(breaks);
  if (broken !== undefined)
    throw new Error(`${client.jid} should have got nothing, got:\n${broken.xml}`);
}
