/**
 * Our own iq requests and the answers to them (RFC 6120 §8.2.3).
 */
import type { Element } from "ltx";
import { randomUUID } from "node:crypto";
import { XmppConnectionError, XmppStanzaError } from "../errors.ts";
import { attribute } from "../protocol/element.ts";
import { parseJid } from "../protocol/jid.ts";
import type { Jid } from "../protocol/jid.ts";
import { decodeStanzaError } from "../protocol/rfc-6120-stanza-error.ts";

type Pending = {
  /** undefined: our own account or server */
  to: Jid | undefined;
  resolve: (answer: Element) => void;
  reject: (error: unknown) => void;
};

export type IqRequests = {
  /**
   * Registers a request: sets its id and waits for the answer; the caller writes it.
   * @throws XmppStanzaError on type="error"; XmppConnectionError `timeout`; what `end` was given;
   *   the reason of `signal`
   */
  expect(iq: Element, timeoutMs: number, signal?: AbortSignal): Promise<Element>;
  /** @returns true when the stanza was the answer to one of ours */
  settle(stanza: Element): boolean;
  /** Rejects all that is open. */
  end(error: XmppConnectionError): void;
};

/** @param own the full JID that we are bound to */
export function createIqRequests(own: Jid): IqRequests {
  const pending = new Map<string, Pending>();

  /** RFC 6120 §8.1.2.1: our server may answer for our account, and leave out `from`. */
  const answersFor = (to: Jid | undefined, from: string | undefined): boolean => {
    const ours = to === undefined || to.full === own.bare || to.full === own.domain;
    if (from === undefined) return ours;
    const sender = parseJid(from)?.full;
    if (sender === undefined) return false;
    if (to !== undefined && sender === to.full) return true;
    return ours && (sender === own.bare || sender === own.full || sender === own.domain);
  };

  return {
    expect(iq, timeoutMs, signal) {
      const id = randomUUID();
      iq.attrs["id"] = id;
      const to = attribute(iq, "to");
      const { promise, resolve, reject } = Promise.withResolvers<Element>();
      const onAbort = () => reject(signal?.reason);
      const timer = setTimeout(() => {
        const seconds = timeoutMs / 1000;
        reject(
          new XmppConnectionError(
            "timeout",
            `${to ?? "the server"} did not answer in ${seconds} s`,
          ),
        );
      }, timeoutMs);
      signal?.addEventListener("abort", onAbort, { once: true });
      if (signal?.aborted) onAbort();
      pending.set(id, { to: to === undefined ? undefined : parseJid(to), resolve, reject });
      return promise.finally(() => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        pending.delete(id);
      });
    },
    settle(stanza) {
      const type = attribute(stanza, "type");
      if (stanza.name !== "iq" || (type !== "result" && type !== "error")) return false;
      const request = pending.get(attribute(stanza, "id") ?? "");
      if (!request || !answersFor(request.to, attribute(stanza, "from"))) return false;
      if (type === "result") request.resolve(stanza);
      else {
        const error = decodeStanzaError(stanza);
        request.reject(new XmppStanzaError(error.type, error.condition, error.text));
      }
      return true;
    },
    end(error) {
      for (const request of pending.values()) request.reject(error);
    },
  };
}
