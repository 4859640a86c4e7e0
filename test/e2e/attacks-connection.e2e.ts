/**
 * Logins on real servers, with and without channel binding, and a middleman before them who has a
 * certificate that we trust. (What a scripted server can show is in src/client/sasl.test.ts.)
 */
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import type { ServerRecord } from "../../src/policy/sasl.ts";
import type { ConnectionState } from "../../src/client/types.ts";
import { createServerMemory } from "../../src/state/server-memory.ts";
import { createTempDir } from "../support/at-exit.ts";
import { startEjabberd } from "../support/ejabberd.ts";
import type { Ejabberd } from "../support/ejabberd.ts";
import { startMiddleman } from "../support/middleman.ts";
import { startProsody } from "../support/prosody.ts";
import type { Prosody } from "../support/prosody.ts";
import { SILENT, ours, prepared, reached } from "../support/xmpp-subjects.ts";
import type { OursOptions } from "../support/xmpp-subjects.ts";

const temp = createTempDir("attacks-connection");
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
});
afterAll(() => temp.remove());

type Server = Prosody | Ejabberd;
const DOMAIN = prepared("localhost");

async function attempt(port: number, options: OursOptions): Promise<ConnectionState> {
  const session = ours(port, { plaintext: false, ...options });
  ends.push(() => session.stop());
  session.start();
  await Promise.race([reached(session, "online"), reached(session, "refused")]);
  return session.state;
}

let files = 0;
function memory(record?: ServerRecord) {
  const kept = createServerMemory(join(temp.path, `${(files += 1)}.json`), { log: SILENT });
  if (record) kept.remember(DOMAIN, record);
  return kept;
}

const servers: [
  string,
  (oldTls: boolean) => Promise<Server>,
  string,
  Record<"old" | "new", object>,
][] = [
  [
    "Prosody",
    (oldTls) => startProsody({ oldTls }),
    "SCRAM-SHA-256",
    { old: { channelBinding: "tls-unique" }, new: {} },
  ],
  [
    "ejabberd",
    (oldTls) => startEjabberd({ oldTls }),
    "SCRAM-SHA-512",
    { old: { channelBinding: "tls-unique" }, new: {} },
  ],
];

describe.each(servers)("%s", (_name, start, strongest, bound) => {
  test("TLS 1.2: the login is bound to the connection, and worth nothing on another", async () => {
    const server = await start(true);
    try {
      await server.register("bot", "secret");
      const { caFile, ports } = server;
      const serverMemory = memory();
      for (const transport of ["tcp", "tls"] as const) {
        const port = transport === "tcp" ? ports.c2s : ports.c2sTls;
        const state = await attempt(port, { caFile, transport, serverMemory });
        expect(state).toMatchObject({
          kind: "online",
          facts: { mechanism: `${strongest}-PLUS`, tls: { version: "TLSv1.2" }, ...bound.old },
        });
        await Promise.all(ends.splice(0).map((end) => end()));
      }
      const middleman = await startMiddleman({
        target: ports.c2sTls,
        domain: DOMAIN,
        caFile,
        certificate: await server.authority.issue("middleman", { names: [DOMAIN] }),
        maxTls: "TLSv1.2",
      });
      ends.push(() => middleman.stop());
      const state = await attempt(middleman.port, { caFile, transport: "tls", serverMemory });
      expect(state).toMatchObject({ kind: "refused" });
      expect(middleman.heard).toContain("-PLUS");
      const wrong = { caFile, transport: "tls", password: "wrong", serverMemory } as const;
      expect(await attempt(ports.c2sTls, wrong)).toMatchObject({
        kind: "refused",
        error: { condition: "not-authorized" },
      });
    } finally {
      await server.stop();
    }
  });

  test("TLS 1.3: a login without binding, at once; less than before is refused, until forgotten", async () => {
    const server = await start(false);
    try {
      await server.register("bot", "secret");
      const { caFile, ports } = server;
      const record = {
        mechanism: "SCRAM-SHA-512",
        binding: "tls-unique",
        encrypted: true,
      } as const;
      const serverMemory = memory(record);
      for (const transport of ["tcp", "tls"] as const) {
        const port = transport === "tcp" ? ports.c2s : ports.c2sTls;
        const options = { caFile, transport, serverMemory };
        serverMemory.remember(DOMAIN, record);
        expect(await attempt(port, options)).toMatchObject({
          kind: "refused",
          error: { condition: "downgrade", advice: expect.stringContaining("forget") },
        });
        serverMemory.forget(DOMAIN);
        expect(await attempt(port, options)).toMatchObject({
          kind: "online",
          facts: { mechanism: strongest, tls: { version: "TLSv1.3" }, ...bound.new },
        });
        await Promise.all(ends.splice(0).map((end) => end()));
      }
    } finally {
      await server.stop();
    }
  });
});
