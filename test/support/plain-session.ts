import { createSession } from "../../src/client/session.ts";
import type { XmppSession } from "../../src/client/types.ts";
import { bareJid } from "../../src/protocol/jid.ts";

export const SILENT = { info: () => {}, warn: () => {}, error: () => {} };

/** A session as the Gateway has it, with default timings, that says nothing; not started yet. */
export function createPlainSession(options: {
  jid: string;
  password: string;
  /** On 127.0.0.1, with STARTTLS. */
  port: number;
  caFile: string;
}): XmppSession {
  const { password, port, caFile } = options;
  const jid = bareJid(options.jid);
  if (jid === undefined) throw new Error(`${options.jid} is no bare JID`);
  return createSession({
    jid,
    resource: "bench",
    password: () => password,
    server: { kind: "endpoint", endpoint: { transport: "tcp", host: "127.0.0.1", port } },
    caFile,
    log: SILENT,
  });
}
