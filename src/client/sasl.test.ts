/**
 * Logins on the wire: a scripted server behind TLS, and what it, or somebody between, may try.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createTempDir } from "../../test/support/at-exit.ts";
import type { TempDir } from "../../test/support/at-exit.ts";
import { createAuthority } from "../../test/support/certificates.ts";
import type { CertificateAuthority, CertificateFiles } from "../../test/support/certificates.ts";
import { mechanismsFeature, startFakeServer } from "../../test/support/fake-server.ts";
import type {
  FakeLogin,
  FakePeer,
  FakeServer,
  FakeServerOptions,
} from "../../test/support/fake-server.ts";
import { startMiddleman } from "../../test/support/middleman.ts";
import type { MiddlemanOptions } from "../../test/support/middleman.ts";
import { ours, prepared, reached } from "../../test/support/xmpp-subjects.ts";
import type { OursOptions } from "../../test/support/xmpp-subjects.ts";
import type { ServerRecord } from "../policy/sasl.ts";
import { hashOffer } from "../protocol/xep-0474-downgrade.ts";
import type { ServerMemory } from "../state/server-memory.ts";
import type { ConnectionState, XmppSession } from "./types.ts";

const SCRAM = ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"];
const PLUS = SCRAM.map((name) => `${name}-PLUS`);
const DOMAIN = prepared("xmpp.example");

let temp: TempDir;
let authority: CertificateAuthority;
let certificate: CertificateFiles;
beforeAll(async () => {
  temp = createTempDir("sasl");
  authority = await createAuthority(temp.path);
  certificate = await authority.issue("good", { names: [DOMAIN] });
});
afterAll(() => temp.remove());

const cleanUp: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  await Promise.all(cleanUp.splice(0).map((task) => task()));
});

/** `offers` are what the server does at each login in turn; the last one for all that follow. */
async function serve(
  offers: FakeLogin[],
  options: Partial<FakeServerOptions> = {},
): Promise<FakeServer & { used: string[] }> {
  const used: string[] = [];
  const server = await startFakeServer({
    domain: DOMAIN,
    certificate,
    directTls: true,
    script: async (peer, index) => {
      used.push(await peer.login(offers[index] ?? offers.at(-1)));
    },
    ...options,
  });
  cleanUp.push(() => server.stop());
  return Object.assign(server, { used });
}

async function between(options: Partial<MiddlemanOptions> & { target: number }) {
  const caFile = authority.caFile;
  const middleman = await startMiddleman({ domain: DOMAIN, caFile, certificate, ...options });
  cleanUp.push(() => middleman.stop());
  return middleman;
}

/** A session that has begun to log in. */
function begin(port: number, options: OursOptions = {}): XmppSession {
  const session = ours(port, {
    jid: `bot@${DOMAIN}`,
    caFile: authority.caFile,
    transport: "tls",
    plaintext: false,
    ...options,
  });
  cleanUp.push(() => session.stop());
  session.start();
  return session;
}

/** A session until it is online or refused. */
async function attempt(port: number, options: OursOptions = {}): Promise<ConnectionState> {
  const session = begin(port, options);
  await Promise.race([reached(session, "online"), reached(session, "refused")]);
  return session.state;
}

/** What a process before this one has left on disk. */
function remembering(record: Partial<ServerRecord> = {}): ServerMemory & { kept: ServerRecord } {
  return {
    kept: { mechanism: "SCRAM-SHA-256", encrypted: true, ...record },
    recall(domain) {
      return domain === DOMAIN ? this.kept : undefined;
    },
    remember(domain, next) {
      if (domain === DOMAIN) this.kept = next;
    },
    forget: () => false,
  };
}
const refusedFor = (condition: string) => ({
  kind: "refused",
  error: { condition, fatal: true, advice: expect.stringMatching(/^[A-Z].*\.$/) },
});
const onlineWith = (mechanism: string) => ({ kind: "online", facts: { mechanism } });

describe("channel binding", () => {
  const types = ["tls-exporter", "tls-unique", "tls-server-end-point"];

  it.each([
    ["TLSv1.3", types, "tls-exporter"],
    ["TLSv1.2", types, "tls-unique"],
    ["TLSv1.2", undefined, "tls-unique"],
    ["TLSv1.3", ["tls-server-end-point"], "tls-server-end-point"],
    ["TLSv1.2", ["tls-server-end-point", "tls-exporter"], "tls-server-end-point"],
  ] as const)("%s, announced: %j: the server takes %s", async (maxTls, bindings, used) => {
    const login = { mechanisms: [...SCRAM, ...PLUS], ...(bindings ? { bindings } : {}) };
    const server = await serve([login], { maxTls });
    const state = await attempt(server.port);
    expect(state).toMatchObject(onlineWith("SCRAM-SHA-512-PLUS"));
    expect(state).toMatchObject({ facts: { channelBinding: used } });
    expect(server.peers).toHaveLength(1);
  });

  it("after STARTTLS, too", async () => {
    const script: FakeServerOptions["script"] = async (peer) => {
      await peer.openStream("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
      await peer.startTls();
      await peer.login({ mechanisms: PLUS, bindings: types });
    };
    const server = await serve([], { directTls: false, script });
    const state = await attempt(server.port, { transport: "tcp" });
    expect(state).toMatchObject({ facts: { channelBinding: "tls-exporter" } });
  });

  it("a server that offers it on TLS 1.3 and announces no type (ejabberd 23.01) is not asked for it", async () => {
    const server = await serve([{ mechanisms: [...SCRAM, ...PLUS], refusesBinding: true }]);
    expect(await attempt(server.port)).toMatchObject(onlineWith("SCRAM-SHA-512"));
    expect(server.peers).toHaveLength(1);
  });

  it("a server that refuses what it announces is logged in to without, and asked once", async () => {
    const login = { mechanisms: [...SCRAM, ...PLUS], bindings: types, refusesBinding: true };
    const server = await serve([login]);
    const lines: string[] = [];
    const log = { info() {}, warn: (line: string) => void lines.push(line), error() {} };
    const session = begin(server.port, { log });
    await reached(session, "online");
    expect(session.state).toMatchObject(onlineWith("SCRAM-SHA-512"));
    expect(server.peers).toHaveLength(3); // tls-exporter, tls-server-end-point, none
    expect(lines.filter((line) => line.includes("refuses tls-"))).toHaveLength(2);
    server.peers.at(-1)?.end();
    await reached(session, "waiting");
    await reached(session, "online");
    expect(server.peers).toHaveLength(4);
  });

  it("a wrong password is told as such, with and without it", async () => {
    const login = {
      mechanisms: [...SCRAM, ...PLUS],
      bindings: ["tls-exporter"],
      password: "other",
    };
    const server = await serve([login]);
    expect(await attempt(server.port)).toMatchObject(refusedFor("not-authorized"));
    expect(server.peers).toHaveLength(2);
  });

  it("is used again after a wrong password: it was not for the binding", async () => {
    const login = { mechanisms: [...SCRAM, ...PLUS], bindings: ["tls-exporter"] };
    const wrong = { ...login, password: "other" };
    const server = await serve([wrong, wrong, login]);
    const session = begin(server.port);
    await reached(session, "refused");
    expect(server.peers).toHaveLength(2);
    session.start();
    await reached(session, "online");
    expect(session.state).toMatchObject({ facts: { channelBinding: "tls-exporter" } });
  });

  it("`require`: no login without", async () => {
    const server = await serve([{ mechanisms: SCRAM }]);
    const sasl = { channelBinding: "require" } as const;
    expect(await attempt(server.port, { sasl })).toMatchObject(refusedFor("channel-binding"));
    expect(server.peers[0]?.received).not.toContain("<auth");
    const refusing = { mechanisms: PLUS, bindings: types, refusesBinding: true };
    const liar = await serve([refusing]);
    expect(await attempt(liar.port, { sasl })).toMatchObject(refusedFor("channel-binding"));
    expect(liar.peers).toHaveLength(1);
  });

  it("`off`: a login without, though it is offered", async () => {
    const server = await serve([{ mechanisms: [...SCRAM, ...PLUS], bindings: types }]);
    const state = await attempt(server.port, { sasl: { channelBinding: "off" } });
    expect(state).toMatchObject(onlineWith("SCRAM-SHA-512"));
  });
});

describe("an account that the server keeps out", () => {
  const refusing = (condition: string) => async (peer: FakePeer) => {
    await peer.openStream(mechanismsFeature(["SCRAM-SHA-256"]));
    await peer.expect(/<auth [^>]*>/);
    peer.send(
      `<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><${condition}/><text>Ask the office.</text></failure>`,
    );
    await peer.closed;
  };

  it.each(["account-disabled", "credentials-expired", "invalid-authzid"])(
    "%s is told with what to do, and it is not tried again",
    async (condition) => {
      const server = await serve([], { script: refusing(condition) });
      const state = await attempt(server.port);
      expect(state).toMatchObject(refusedFor(condition));
      expect(state).toMatchObject({ error: { message: expect.stringContaining(condition) } });
      expect(server.peers).toHaveLength(1);
      expect(server.peers[0]?.received).not.toContain("<response");
    },
  );

  it("account-disabled while it is online: it comes back once, and is told", async () => {
    const script: FakeServerOptions["script"] = async (peer, index) => {
      if (index > 0) return await refusing("account-disabled")(peer);
      await peer.login({ mechanisms: ["SCRAM-SHA-256"] });
    };
    const server = await serve([], { script });
    const session = begin(server.port);
    await reached(session, "online");
    server.peers[0]?.end();
    await reached(session, "refused");
    expect(session.state).toMatchObject(refusedFor("account-disabled"));
    expect(server.peers).toHaveLength(2);
  });
});

describe("a middleman with a valid certificate", () => {
  const genuine = { mechanisms: [...SCRAM, ...PLUS], bindings: ["tls-exporter"] };
  const bound = () => remembering({ mechanism: "SCRAM-SHA-512", binding: "tls-exporter" });
  const secrets = /<response/;

  it("who changes nothing: what is bound to his TLS is worth nothing on the server's", async () => {
    const server = await serve([genuine]);
    const middleman = await between({ target: server.port });
    const state = await attempt(middleman.port, { serverMemory: bound() });
    expect(state).toMatchObject(refusedFor("channel-binding"));
    expect(server.used).toEqual([]);
  });

  const withoutPlus = (text: string) =>
    text
      .replaceAll(/<mechanism>[^<]*-PLUS<\/mechanism>/g, "")
      .replace(/<sasl-channel-binding.*<\/sasl-channel-binding>/, "");

  it("who strips -PLUS: the server learns of it at the first login already", async () => {
    const server = await serve([genuine]);
    const middleman = await between({ target: server.port, rewrite: withoutPlus });
    expect(await attempt(middleman.port)).toMatchObject(refusedFor("channel-binding"));
    expect(server.used).toEqual([]);
  });

  it("who strips -PLUS, with a server that does not mind: gets no proof later on", async () => {
    const server = await serve([{ mechanisms: SCRAM }]);
    const middleman = await between({ target: server.port });
    const state = await attempt(middleman.port, { serverMemory: bound() });
    expect(state).toMatchObject(refusedFor("downgrade"));
    expect(middleman.heard).not.toMatch(secrets);
  });

  it("who announces other types: no proof", async () => {
    const server = await serve([genuine]);
    const rewrite = (text: string) => text.replace("'tls-exporter'", "'tls-magic'");
    const middleman = await between({ target: server.port, rewrite });
    const state = await attempt(middleman.port, { serverMemory: bound() });
    expect(state).toMatchObject(refusedFor("downgrade"));
    expect(middleman.heard).not.toMatch(secrets);
  });

  it("who speaks TLS 1.2, where tls-exporter is not defined: no proof", async () => {
    const server = await serve([genuine]);
    const middleman = await between({ target: server.port, maxTls: "TLSv1.2" });
    const state = await attempt(middleman.port, { serverMemory: bound() });
    expect(state).toMatchObject(refusedFor("downgrade"));
    expect(middleman.heard).not.toMatch(secrets);
  });

  it("who speaks TLS 1.2 to us, with a server that vouches for its offer (XEP-0474): no proof", async () => {
    const extension = `h=${hashOffer(genuine, "h", "sha512")}`;
    const server = await serve([{ ...genuine, extension }]);
    const middleman = await between({ target: server.port, maxTls: "TLSv1.2" });
    const serverMemory = bound();
    const state = await attempt(middleman.port, { serverMemory });
    expect(state).toMatchObject(refusedFor("downgrade"));
    expect(serverMemory.kept).toMatchObject({ binding: "tls-exporter" });
    expect(middleman.heard).not.toMatch(secrets);
  });

  it("who forges the hash of XEP-0474 for what he left of the offer: no proof", async () => {
    const server = await serve([genuine]);
    const left = { mechanisms: ["SCRAM-SHA-1"] };
    const rewrite = (text: string) =>
      text
        .replace(/(<mechanisms[^>]*>).*(<\/mechanisms>)/, "$1<mechanism>SCRAM-SHA-1</mechanism>$2")
        .replace(/<sasl-channel-binding.*<\/sasl-channel-binding>/, "")
        .replace(/(<challenge[^>]*>)([^<]*)/, (_all, tag: string, first: string) => {
          const forged = `${Buffer.from(first, "base64").toString()},h=${hashOffer(left, "h", "sha1")}`;
          return tag + Buffer.from(forged).toString("base64");
        });
    const middleman = await between({ target: server.port, rewrite });
    const state = await attempt(middleman.port, { serverMemory: bound() });
    expect(state).toMatchObject(refusedFor("downgrade"));
    expect(middleman.heard).not.toMatch(secrets);
  });

  const onlyPlain = (text: string) =>
    text.replace(/(<mechanisms[^>]*>).*(<\/mechanisms>)/, "$1<mechanism>PLAIN</mechanism>$2");

  it.each([false, true])(
    "who leaves only PLAIN after SCRAM was seen: gets nothing (allowPlain: %s)",
    async (allowPlain) => {
      const server = await serve([{ mechanisms: ["PLAIN", ...SCRAM] }]);
      const serverMemory = remembering();
      const sasl = { allowPlain };
      const first = await attempt(server.port, { serverMemory, sasl });
      expect(first).toMatchObject(onlineWith("SCRAM-SHA-512"));
      const middleman = await between({ target: server.port, rewrite: onlyPlain });
      const state = await attempt(middleman.port, { serverMemory, sasl });
      expect(state).toMatchObject(refusedFor("downgrade"));
      expect(state).toMatchObject({ error: { advice: expect.stringContaining("forget") } });
      expect(middleman.heard).not.toContain("<auth");
    },
  );

  it("who leaves only the weaker hash: no proof", async () => {
    const server = await serve([{ mechanisms: SCRAM }]);
    const rewrite = (text: string) =>
      text.replace(/<mechanism>SCRAM-SHA-(256|512)<\/mechanism>/g, "");
    const middleman = await between({ target: server.port, rewrite });
    const state = await attempt(middleman.port, { serverMemory: remembering() });
    expect(state).toMatchObject(refusedFor("downgrade"));
    expect(middleman.heard).not.toMatch(secrets);
  });

  it("is found out at the first login by XEP-0474", async () => {
    const extension = `h=${hashOffer({ mechanisms: SCRAM }, "h", "sha1")}`;
    const server = await serve([{ mechanisms: SCRAM, extension }]);
    const rewrite = (text: string) =>
      text.replace(/<mechanism>SCRAM-SHA-(256|512)<\/mechanism>/g, "");
    const middleman = await between({ target: server.port, rewrite });
    expect(await attempt(middleman.port)).toMatchObject(refusedFor("downgrade"));
    expect(middleman.heard).not.toMatch(secrets);
  });

  it("who takes the hash of XEP-0474 away: his server refuses the proof", async () => {
    const extension = `h=${hashOffer({ mechanisms: SCRAM }, "h", "sha512")}`;
    const server = await serve([{ mechanisms: SCRAM, extension }]);
    const rewrite = (text: string) =>
      text.replace(/(<challenge[^>]*>)([^<]*)/, (_all, tag: string, first: string) => {
        const changed = Buffer.from(first, "base64")
          .toString()
          .replace(/,h=.*$/, "");
        return tag + Buffer.from(changed).toString("base64");
      });
    const middleman = await between({ target: server.port, rewrite });
    expect(await attempt(middleman.port)).toMatchObject(refusedFor("not-authorized"));
    expect(server.used).toEqual([]);
  });
});

describe("what a server offered before", () => {
  it("is remembered from the login, and raised by a better one", async () => {
    const server = await serve([{ mechanisms: ["SCRAM-SHA-1"] }, { mechanisms: SCRAM }]);
    const serverMemory = remembering({ mechanism: "PLAIN" });
    await attempt(server.port, { serverMemory });
    expect(serverMemory.kept).toEqual({ mechanism: "SCRAM-SHA-1", encrypted: true });
    await attempt(server.port, { serverMemory });
    expect(serverMemory.kept).toEqual({ mechanism: "SCRAM-SHA-512", encrypted: true });
  });

  it("is not learnt from who cannot prove to know the password", async () => {
    const server = await serve([{ mechanisms: SCRAM, signature: "bad" }]);
    const serverMemory = remembering({ mechanism: "SCRAM-SHA-1" });
    const state = await attempt(server.port, { serverMemory });
    expect(state).toMatchObject(refusedFor("server-signature"));
    expect(serverMemory.kept.mechanism).toBe("SCRAM-SHA-1");
  });

  it("within one session, too, where nothing is kept on disk", async () => {
    const server = await serve([{ mechanisms: SCRAM }, { mechanisms: ["SCRAM-SHA-1"] }]);
    const session = begin(server.port);
    await reached(session, "online");
    server.peers[0]?.end();
    await reached(session, "refused");
    expect(session.state).toMatchObject({ error: { condition: "downgrade" } });
  });

  it.each(["h", "d"] as const)(
    "must not become less though the hash of the offer is right: anybody can reckon it (XEP-0474, `%s`)",
    async (form) => {
      const mechanisms = ["SCRAM-SHA-1", "PLAIN"];
      const extension = `${form}=${hashOffer({ mechanisms }, form, "sha1")}`;
      const server = await serve([{ mechanisms, extension }]);
      const kept = { mechanism: "SCRAM-SHA-512", binding: "tls-exporter" } as const;
      const serverMemory = remembering(kept);
      const state = await attempt(server.port, { serverMemory });
      expect(state).toMatchObject(refusedFor("downgrade"));
      expect(server.peers[0]?.received).not.toContain("<auth");
      expect(serverMemory.kept).toMatchObject(kept);
    },
  );

  it("does not matter with the protection off", async () => {
    const server = await serve([{ mechanisms: ["SCRAM-SHA-1"], extension: "h=wrong" }]);
    const serverMemory = remembering({ binding: "tls-exporter" });
    const sasl = { downgradeProtection: "off" } as const;
    const state = await attempt(server.port, { serverMemory, sasl });
    expect(state).toMatchObject(onlineWith("SCRAM-SHA-1"));
  });

  it("TLS, stripped from a server that had it: nothing is sent, whatever is allowed", async () => {
    const server = await serve([{}], { directTls: false });
    const serverMemory = remembering();
    const state = await attempt(server.port, { transport: "tcp", plaintext: true, serverMemory });
    expect(state).toMatchObject(refusedFor("downgrade"));
    expect(server.peers[0]?.received).not.toMatch(/<auth|bot/);
  });
});

describe("PLAIN", () => {
  it("by option, behind TLS, where there is no SCRAM", async () => {
    const server = await serve([{ mechanisms: ["PLAIN"] }]);
    const state = await attempt(server.port, { sasl: { allowPlain: true } });
    expect(state).toMatchObject(onlineWith("PLAIN"));
  });

  it("never by itself, and never in the clear", async () => {
    const server = await serve([{ mechanisms: ["PLAIN"] }]);
    expect(await attempt(server.port)).toMatchObject(refusedFor("no-mechanism"));
    const open = await serve([{ mechanisms: ["PLAIN"] }], { directTls: false });
    const state = await attempt(open.port, {
      transport: "tcp",
      plaintext: true,
      sasl: { allowPlain: true },
    });
    expect(state).toMatchObject(refusedFor("no-mechanism"));
    for (const { peers } of [server, open]) expect(peers[0]?.received).not.toContain("<auth");
  });
});

describe("rounds of hashing", () => {
  it.each([1, 4095, 2_000_001])("%i: no proof is made of them", async (iterations) => {
    const server = await serve([{ iterations }]);
    const session = begin(server.port);
    await reached(session, "waiting");
    expect(session.state).toMatchObject({ error: { condition: "protocol" } });
    await session.stop();
    expect(server.peers[0]?.received).not.toContain("<response");
  });
});
