import { client } from "@xmpp/client";
import type { StockClient } from "@xmpp/client";
import { Element } from "ltx";

import { createSession } from "../../src/client/session.ts";
import type { Timings } from "../../src/client/session.ts";
import type { Endpoint, Logger, XmppSession } from "../../src/client/types.ts";
import type { SaslPolicy } from "../../src/policy/sasl.ts";
import { bareJid } from "../../src/protocol/jid.ts";
import type { BareJid } from "../../src/protocol/jid.ts";
import type { ServerMemory } from "../../src/state/server-memory.ts";

/** Times short enough for a test that waits for a time-out. */
export const QUICK: Partial<Timings> = {
  attemptMs: 5_000,
  endpointTimeoutMs: 2_000,
  backoffMs: 10,
  maxBackoffMs: 20,
  probeMs: 40,
  probeSpreadMs: 20,
  // A look is a connection, and the scripts of fake servers count those.
  probesAfterLoss: 0,
  stopMs: 2_000,
};

export const SILENT: Logger = { info() {}, warn() {}, error() {} };

export function prepared(text: string): BareJid {
  const jid = bareJid(text);
  if (!jid) throw new Error(`not a JID: ${text}`);
  return jid;
}

export interface OursOptions {
  readonly jid?: string;
  readonly password?: string;
  readonly caFile?: string | undefined;
  readonly transport?: "tcp" | "tls";
  readonly host?: string;
  readonly timings?: Partial<Timings>;
  readonly plaintext?: boolean;
  readonly endpoint?: Endpoint;
  readonly log?: Logger;
  readonly sasl?: SaslPolicy;
  readonly serverMemory?: ServerMemory;
  /** In [0, 1), for all that is left to chance. Default: always 1, the longest. */
  readonly random?: () => number;
}

/** Our session against a server on `port`; plaintext unless a CA file is given. */
export function ours(port: number, options: OursOptions = {}): XmppSession {
  const { transport = "tcp", host = "127.0.0.1" } = options;
  return createSession(
    {
      jid: prepared(options.jid ?? "bot@localhost"),
      resource: "test",
      password: () => options.password ?? "secret",
      server: { kind: "endpoint", endpoint: options.endpoint ?? { transport, host, port } },
      caFile: options.caFile,
      dangerouslyAllowPlaintext: options.plaintext ?? options.caFile === undefined,
      sasl: options.sasl,
      serverMemory: options.serverMemory,
      log: options.log ?? SILENT,
    },
    { timings: { ...QUICK, ...options.timings }, random: options.random ?? (() => 1) },
  );
}

/** The stock client of @xmpp/client against the same server, with its reconnect as fast as ours. */
export function stock(
  port: number,
  options: { password?: string; timeout?: number } = {},
): StockClient {
  const xmpp = client({
    service: `xmpp://127.0.0.1:${port}`,
    domain: "localhost",
    username: "bot",
    password: options.password ?? "secret",
    resource: "test",
    timeout: options.timeout ?? 2000,
  });
  xmpp.reconnect.delay = 10;
  xmpp.on("error", () => {});
  return xmpp;
}

/** Resolves when the session is in the state. */
export async function reached(
  session: XmppSession,
  kind: XmppSession["state"]["kind"],
): Promise<void> {
  if (session.state.kind === kind) return;
  await new Promise<void>((resolve) => {
    const off = session.onState((state) => {
      if (state.kind !== kind) return;
      off();
      resolve();
    });
  });
}

export function chat(body: string, to = "alice@localhost"): Element {
  const message = new Element("message", { to, type: "chat" });
  message.c("body").t(body);
  return message;
}
