import { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import * as tls from "node:tls";

import type { Element } from "ltx";

/** What we use of @xmpp/client as it is published. */
interface StockXmpp extends EventEmitter {
  start(): Promise<unknown>;
  stop(): Promise<unknown>;
  send(element: Element): Promise<void>;
  readonly reconnect: { stop(): void };
}

interface StockModule {
  client(options: Readonly<Record<string, string>>): StockXmpp;
  xml(name: string, attributes?: Readonly<Record<string, string>>, ...children: unknown[]): Element;
}

export interface StockLogin {
  readonly jid: string;
  readonly password: string;
  /** The STARTTLS port on 127.0.0.1. */
  readonly port: number;
  readonly caFile: string;
  /** Default "stock". */
  readonly resource?: string;
}

/** A person on an unchanged @xmpp/client: the demo's chat and the bench's yardstick. */
export interface StockClient {
  /** Milliseconds from the first packet to the bound session. */
  readonly loginMs: number;
  /** Sends a chat message. */
  send(to: string, body: string): Promise<void>;
  /** Calls `listener` with each chat message that has a body and is no error. */
  onMessage(listener: (from: string, body: string) => void): () => void;
  /** Calls `listener` with each stanza, and each error the client reports. */
  onStanza(listener: (stanza: Element) => void): () => void;
  onError(listener: (error: Error) => void): void;
  stop(): Promise<void>;
}

/** @xmpp/client takes no TLS options, so the authority is trusted by this whole process. */
function trust(caFile: string): void {
  const ca = readFileSync(caFile, "utf8");
  const trusted = tls.getCACertificates("default");
  if (!trusted.includes(ca)) tls.setDefaultCACertificates([...trusted, ca]);
}

/** Logs in over STARTTLS and sends initial presence. @throws what @xmpp/client reports. */
export async function connectStock(login: StockLogin): Promise<StockClient> {
  trust(login.caFile);
  const { client, xml } = (await import("@xmpp/client")) as unknown as StockModule;
  const [username = "", domain = ""] = login.jid.split("@");
  const xmpp = client({
    service: `xmpp://127.0.0.1:${login.port}`,
    domain,
    username,
    password: login.password,
    resource: login.resource ?? "stock",
  });
  const errors = new Set<(error: Error) => void>();
  xmpp.on("error", (error: Error) => {
    for (const listener of errors) listener(error);
  });
  const since = performance.now();
  try {
    await xmpp.start();
  } catch (error) {
    xmpp.reconnect.stop();
    await xmpp.stop();
    throw error;
  }
  const loginMs = performance.now() - since;
  await xmpp.send(xml("presence"));

  const onStanza: StockClient["onStanza"] = (listener) => {
    xmpp.on("stanza", listener);
    return () => void xmpp.off("stanza", listener);
  };
  return {
    loginMs,
    async send(to, body) {
      await xmpp.send(xml("message", { to, type: "chat" }, xml("body", {}, body)));
    },
    onStanza,
    onMessage: (listener) =>
      onStanza((stanza) => {
        const body = stanza.getChildText("body");
        if (stanza.name !== "message" || stanza.attrs["type"] === "error" || body === null) return;
        listener(String(stanza.attrs["from"]), body);
      }),
    onError: (listener) => void errors.add(listener),
    async stop() {
      xmpp.reconnect.stop();
      await xmpp.stop();
    },
  };
}
