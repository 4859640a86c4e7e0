import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { Element } from "ltx";

import { StreamParser } from "../../src/client/stream-parser.ts";

export interface ComponentLogin {
  /** The component port on 127.0.0.1. */
  readonly port: number;
  readonly domain: string;
  readonly secret: string;
}

/** A component of a server (XEP-0114): whatever is addressed to its domain comes to the test. */
export interface Component {
  readonly domain: string;
  /** Everything received so far, oldest first; in the namespace jabber:client. */
  readonly stanzas: readonly Element[];
  /** Puts stanzas on the stream: an element, or raw XML of one or many. */
  send(stanza: string | Element): void;
  /** Resolves when all that was sent is handed to the kernel. */
  flushed(): Promise<void>;
  /** Calls `listener` with each further stanza. @returns a function that ends it */
  onStanza(listener: (stanza: Element) => void): () => void;
  /**
   * The first stanza that `matches`, out of those after position `since` of `stanzas` (default 0: from
   * the start), waiting for it if need be (default 15,000 ms).
   */
  waitFor(
    matches: (stanza: Element) => boolean,
    options?: { readonly since?: number; readonly timeoutMs?: number },
  ): Promise<Element>;
  /** Resolves when the stream is over, whoever ended it. */
  readonly closed: Promise<void>;
  stop(): Promise<void>;
}

const NS_STREAM = "http://etherx.jabber.org/streams";
/** So that what clients send looks as it does to clients, whatever the component's stream declares. */
const CLIENT_STREAM = new Element("stream", { xmlns: "jabber:client" });

/** Opens the stream and does the handshake. @throws what the server says when it refuses */
export async function connectComponent(login: ComponentLogin): Promise<Component> {
  const { port, domain, secret } = login;
  const socket = connect({ port, host: "127.0.0.1" });
  socket.setNoDelay(true).setEncoding("utf8");
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const parser = new StreamParser();
  const stanzas: Element[] = [];
  const listeners = new Set<(stanza: Element) => void>();
  const ready = Promise.withResolvers<void>();
  socket.on("data", (text) => parser.write(String(text)));
  // After the handshake `closed` tells the story.
  socket.on("error", (error) => ready.reject(error));
  parser.on("error", (error: Error) => {
    ready.reject(error);
    socket.destroy();
  });
  parser.on("start", ({ attrs }: Element) => {
    const digest = createHash("sha1").update(`${attrs["id"]}${secret}`).digest("hex");
    socket.write(`<handshake>${digest}</handshake>`);
  });
  parser.on("element", (stanza: Element) => {
    if (stanza.getName() === "handshake") return ready.resolve();
    if (stanza.getName() === "error") {
      return ready.reject(new Error(`the server refused the component: ${stanza}`));
    }
    stanza.parent = CLIENT_STREAM;
    stanzas.push(stanza);
    for (const listener of listeners) listener(stanza);
  });
  void closed.then(() => ready.reject(new Error(`no component stream for ${domain}`)));
  socket.write(
    `<stream:stream xmlns="jabber:component:accept" xmlns:stream="${NS_STREAM}" to="${domain}">`,
  );
  try {
    await ready.promise;
  } catch (error) {
    socket.destroy();
    throw error;
  }

  const onStanza: Component["onStanza"] = (listener) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  return {
    domain,
    stanzas,
    closed,
    onStanza,
    send: (stanza) => void socket.write(String(stanza)),
    async flushed() {
      if (socket.writableNeedDrain) await Promise.race([once(socket, "drain"), closed]);
    },
    async waitFor(matches, { since = 0, timeoutMs = 15_000 } = {}) {
      const found = stanzas.slice(since).find(matches);
      if (found) return found;
      return await new Promise<Element>((resolve, reject) => {
        const stop = onStanza((stanza) => {
          if (!matches(stanza)) return;
          stop();
          clearTimeout(timer);
          resolve(stanza);
        });
        const timer = setTimeout(() => {
          stop();
          const got = stanzas.slice(since).slice(-20).join("\n");
          reject(new Error(`${domain} got no such stanza in ${timeoutMs} ms; the last:\n${got}`));
        }, timeoutMs);
      });
    },
    async stop() {
      socket.end("</stream:stream>");
      const timer = setTimeout(() => socket.destroy(), 2_000);
      await closed;
      clearTimeout(timer);
    },
  };
}
