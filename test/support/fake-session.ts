import { Element, parse } from "ltx";
import type { ConnectionState, IqHandler, Logger, XmppSession } from "../../src/client/types.ts";
import { XmppNotSentError, XmppStanzaError } from "../../src/errors.ts";
import { type FullJid, parseJid } from "../../src/protocol/jid.ts";

/** A session without a connection: what it sends is kept, what it receives is said by the test. */
export type FakeSession = XmppSession & {
  /** Sent and posted stanzas and requests, as XML, in order; taken out by reading. */
  takeSent(): string[];
  /** Default: by a login of its own. */
  goOnline(options?: { resumed?: boolean }): void;
  /** Default: for good, until the next login. */
  goOffline(options?: { resumable?: boolean }): void;
  /** Lets a stanza arrive. */
  receive(xml: string): Promise<void>;
  /** Lets an iq get or set arrive; answers with the result's XML, "unanswered", or the error's condition. */
  ask(xml: string): Promise<string>;
  /** Answers iqs whose payload has that namespace; an Error rejects. Others stay pending. */
  onRequest(xmlns: string, answer: string | Error): void;
  listenerCount(): number;
};

export const OWN_JID = "bot@example/openclaw";

export function createFakeSession(): FakeSession {
  const stanzaListeners = new Set<(stanza: Element) => void | Promise<void>>();
  const stateListeners = new Set<(state: ConnectionState) => void>();
  const iqHandlers = new Set<IqHandler>();
  const answers = new Map<string, string | Error>();
  const jid = parseJid(OWN_JID)?.full as FullJid;
  let state: ConnectionState = { kind: "idle" };
  let sent: string[] = [];

  function change(next: ConnectionState): void {
    state = next;
    for (const listener of stateListeners) listener(next);
  }

  function post(stanza: Element): void {
    if (state.kind === "online") sent.push(stanza.toString());
  }

  /** For who reads the answer from the stream, and does not wait for it. */
  function postAndAnswer(stanza: Element): void {
    post(stanza);
    const answer = answerTo(stanza);
    if (state.kind !== "online" || answer === undefined) return;
    const { id, to } = stanza.attrs as Record<string, string>;
    const iq = answer instanceof Error ? new Element("iq", { type: "error" }) : parse(answer);
    Object.assign(iq.attrs, { id, from: to });
    for (const listener of stanzaListeners) void listener(iq);
  }

  function answerTo(stanza: Element): string | Error | undefined {
    return stanza.is("iq") ? answers.get(stanza.getChildElements()[0]?.getNS() ?? "") : undefined;
  }

  function add<T>(set: Set<T>, entry: T): () => void {
    set.add(entry);
    return () => void set.delete(entry);
  }

  return {
    get state() {
      return state;
    },
    get jid() {
      return state.kind === "online" ? jid : undefined;
    },
    start: () => undefined,
    stop: async () => change({ kind: "stopped" }),
    async send(stanza) {
      if (state.kind !== "online") throw new XmppNotSentError("offline");
      post(stanza);
    },
    post: postAndAnswer,
    async request(iq) {
      if (state.kind !== "online") throw new XmppNotSentError("offline");
      post(iq);
      const answer = answerTo(iq);
      if (answer === undefined) return await new Promise<Element>(() => undefined);
      if (answer instanceof Error) throw answer;
      return parse(answer);
    },
    onStanza: (listener) => add(stanzaListeners, listener),
    onIq: (handler) => add(iqHandlers, handler),
    onState: (listener) => add(stateListeners, listener),
    takeSent() {
      const taken = sent;
      sent = [];
      return taken;
    },
    goOnline({ resumed = false } = {}) {
      const facts = {
        jid,
        since: Date.now(),
        transport: "tcp",
        address: "localhost:5222",
        mechanism: "SCRAM-SHA-256",
        resumed,
      } as const;
      change({ kind: "online", facts });
    },
    goOffline: ({ resumable } = {}) => change({ kind: "connecting", resumable }),
    async receive(xml) {
      const stanza = parse(xml);
      await Promise.all([...stanzaListeners].map((listener) => listener(stanza)));
    },
    async ask(xml) {
      const iq = parse(xml);
      try {
        for (const handler of iqHandlers) {
          const answer = await handler(iq);
          if (answer) return answer.toString();
        }
        return "unanswered";
      } catch (error) {
        if (error instanceof XmppStanzaError) return error.condition;
        throw error;
      }
    },
    onRequest: (xmlns, answer) => void answers.set(xmlns, answer),
    listenerCount: () => stanzaListeners.size + stateListeners.size + iqHandlers.size,
  };
}

/** A logger that keeps its lines. */
export function createFakeLog(): Logger & { lines: string[] } {
  const lines: string[] = [];
  const keep = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  return { lines, info: keep("info"), warn: keep("warn"), error: keep("error") };
}
