import { readFileSync } from "node:fs";
import { connect } from "node:tls";

import { waitFor } from "./wait.ts";

/** A client of a few lines over direct TLS: nothing between a test and the bytes on the stream. */
export interface RawXmpp {
  /** The full JID that the server bound. */
  readonly jid: string;
  /** Everything received since login (the last 1 MB). */
  received(): string;
  write(xml: string | Uint8Array): void;
  /** The first match in what comes after now; by event, so it costs no polling. */
  next(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  /** Resolves when the stream is over, whoever ended it. */
  readonly closed: Promise<void>;
  stop(): Promise<void>;
}

export interface RawLogin {
  readonly jid: string;
  readonly password: string;
  /** The direct TLS port on 127.0.0.1. */
  readonly port: number;
  readonly caFile: string;
  readonly resource?: string;
}

const LIMIT = 1024 * 1024;

/** Logs in by SASL PLAIN inside TLS, binds a resource, sends initial presence. */
export async function connectRawXmpp(login: RawLogin): Promise<RawXmpp> {
  const [user = "", domain = ""] = login.jid.split("@");
  const socket = connect({
    host: "127.0.0.1",
    port: login.port,
    servername: domain,
    ca: readFileSync(login.caFile),
    ALPNProtocols: ["xmpp-client"],
  });
  socket.setNoDelay(true).setEncoding("utf8");
  let received = "";
  let failure: Error | undefined;
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const watchers = new Set<() => void>();
  socket.on("data", (chunk) => {
    received = (received + String(chunk)).slice(-LIMIT);
    for (const watcher of watchers) watcher();
  });
  socket.on("error", (error) => (failure = error));
  const write = (xml: string | Uint8Array): void => void socket.write(xml);
  const ask = async (xml: string, answer: RegExp): Promise<RegExpExecArray> => {
    received = "";
    write(xml);
    const look = (): RegExpExecArray | undefined => {
      if (failure !== undefined) throw failure;
      return answer.exec(received) ?? undefined;
    };
    return await waitFor(look, { what: String(answer), intervalMs: 2, evidence: () => received });
  };
  const header = `<stream:stream xmlns="jabber:client" xmlns:stream="http://etherx.jabber.org/streams" to="${domain}" version="1.0">`;
  const plain = Buffer.from(`\0${user}\0${login.password}`).toString("base64");
  await ask(header, /<\/stream:features>/);
  await ask(
    `<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="PLAIN">${plain}</auth>`,
    /<success[^>]*>/,
  );
  await ask(header, /<\/stream:features>/);
  const resource = `<resource>${login.resource ?? "raw"}</resource>`;
  const bind = `<bind xmlns="urn:ietf:params:xml:ns:xmpp-bind">${resource}</bind>`;
  const [, jid = ""] = await ask(`<iq type="set" id="bind">${bind}</iq>`, /<jid>([^<]+)<\/jid>/);
  await ask("<presence/>", /<presence /);

  return {
    jid,
    received: () => received,
    write,
    closed,
    async next(pattern, timeoutMs = 15_000) {
      received = "";
      return await new Promise<RegExpExecArray>((resolve, reject) => {
        const watcher = (): void => {
          const match = pattern.exec(received);
          if (match === null) return;
          watchers.delete(watcher);
          clearTimeout(timer);
          resolve(match);
        };
        const timer = setTimeout(() => {
          watchers.delete(watcher);
          reject(new Error(`nothing like ${pattern} in ${timeoutMs} ms; got:\n${received}`));
        }, timeoutMs);
        watchers.add(watcher);
      });
    },
    async stop() {
      socket.end("</stream:stream>");
      // Prosody answers with its own end of stream; a dead one does not.
      const timer = setTimeout(() => socket.destroy(), 2_000);
      await closed;
      clearTimeout(timer);
    },
  };
}
