/** Trial logins and in-band registration (XEP-0077) on a scripted server: what is written where, and when. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createTempDir, type TempDir } from "../../test/support/at-exit.ts";
import {
  createAuthority,
  type CertificateAuthority,
  type CertificateFiles,
} from "../../test/support/certificates.ts";
import {
  mechanismsFeature,
  startFakeServer,
  STARTTLS_FEATURE,
  type FakePeer,
} from "../../test/support/fake-server.ts";
import { parseJid, type Jid } from "../protocol/jid.ts";
import { askRegistration, register, unregister } from "./registration.ts";
import { tryEncounter, tryLogin } from "./trial.ts";
import type { Endpoint } from "./types.ts";

const FEATURE = "<register xmlns='http://jabber.org/features/iq-register'/>";
const account = parseJid("bot@xmpp.example") as Jid & { local: string };

let temp: TempDir;
let authority: CertificateAuthority;
let certificate: CertificateFiles;
beforeAll(async () => {
  temp = createTempDir("registration");
  authority = await createAuthority(temp.path);
  certificate = await authority.issue("good", { names: ["xmpp.example"] });
});
afterAll(() => temp.remove());

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const task of cleanUp.splice(0).toReversed()) await task();
});

async function serve(script: (peer: FakePeer) => Promise<void>) {
  const server = await startFakeServer({ domain: "xmpp.example", certificate, script });
  cleanUp.push(() => server.stop());
  const endpoints: Endpoint[] = [{ transport: "tcp", host: "127.0.0.1", port: server.port }];
  return { server, endpoints };
}

const options = () => ({ account, caFile: authority.caFile, endpointTimeoutMs: 3_000 });
const soon = () => AbortSignal.timeout(5_000);

/** Behind TLS, before any login; then waits for an iq and answers it. */
async function offer(peer: FakePeer, features = FEATURE): Promise<void> {
  await peer.openStream(STARTTLS_FEATURE);
  await peer.startTls();
  await peer.openStream(`${mechanismsFeature(["SCRAM-SHA-1"])}${features}`);
}

async function answer(peer: FakePeer, type: "result" | "error", payload = ""): Promise<string> {
  const [iq] = await peer.expect(/<iq [^>]*>.*?<\/iq>/s);
  const id = /id="([^"]+)"/.exec(iq)?.[1];
  peer.send(`<iq type='${type}' id='${id}' from='xmpp.example'>${payload}</iq>`);
  return iq;
}

const FIELDS =
  "<query xmlns='jabber:iq:register'><instructions>Choose.</instructions><username/><password/></query>";

describe("registration", () => {
  it("asks what is wanted and hands it in, behind TLS", async () => {
    const asked: string[] = [];
    const { endpoints, server } = await serve(async (peer) => {
      await offer(peer);
      asked.push(await answer(peer, "result", FIELDS));
      asked.push(await answer(peer, "result"));
      await peer.closed;
    });
    const { stream, offersRegistration } = await tryEncounter(options(), endpoints, soon());
    cleanUp.push(() => stream.close());
    expect(offersRegistration).toBe(true);
    const wanted = await askRegistration(stream, account);
    expect(wanted).toMatchObject({ kind: "fields", instructions: "Choose." });
    // §3.1.1: whatever stands there is to be given.
    expect(wanted.fields).toMatchObject([
      { name: "username", isRequired: true },
      { name: "password", isRequired: true, type: "text-private" },
    ]);
    const answers = new Map([
      ["username", ["bot"]],
      ["password", ["pencil"]],
    ]);
    await register(stream, account, wanted, answers);
    expect(asked[1]).toContain("<username>bot</username><password>pencil</password>");
    expect(server.peers[0]?.received.split("<starttls")[0]).not.toContain("<iq");
  });

  it("fills a form in with its hidden fields", async () => {
    const form =
      "<query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='form'>" +
      "<field type='hidden' var='FORM_TYPE'><value>jabber:iq:register</value></field>" +
      "<field type='text-single' var='username'><required/></field>" +
      "<field type='text-private' var='password'><required/></field>" +
      "<field type='text-single' var='email'/></x></query>";
    const { endpoints } = await serve(async (peer) => {
      await offer(peer);
      await answer(peer, "result", form);
      const iq = await answer(peer, "result");
      expect(iq).toMatch(/var="FORM_TYPE"[^>]*><value>jabber:iq:register<\/value>/);
      expect(iq).toMatch(/var="password"[^>]*><value>pencil<\/value>/);
      await peer.closed;
    });
    const { stream } = await tryEncounter(options(), endpoints, soon());
    cleanUp.push(() => stream.close());
    const wanted = await askRegistration(stream, account);
    expect(wanted.fields.map(({ name, isRequired }) => [name, isRequired])).toEqual([
      ["FORM_TYPE", false],
      ["username", true],
      ["password", true],
      ["email", false],
    ]);
    const answers = new Map([
      ["username", ["bot"]],
      ["password", ["pencil"]],
    ]);
    await register(stream, account, wanted, answers);
  });

  it("tells a name that is taken", async () => {
    const { endpoints } = await serve(async (peer) => {
      await offer(peer);
      await answer(peer, "result", FIELDS);
      const conflict = "<conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>";
      await answer(peer, "error", `<error type='cancel'>${conflict}</error>`);
      await peer.closed;
    });
    const { stream } = await tryEncounter(options(), endpoints, soon());
    cleanUp.push(() => stream.close());
    const wanted = await askRegistration(stream, account);
    await expect(register(stream, account, wanted, new Map())).rejects.toMatchObject({
      condition: "conflict",
    });
  });

  it("is seen not to be offered", async () => {
    const { endpoints } = await serve(async (peer) => {
      await offer(peer, "");
      await peer.closed;
    });
    const { stream, offersRegistration } = await tryEncounter(options(), endpoints, soon());
    cleanUp.push(() => stream.close());
    expect(offersRegistration).toBe(false);
  });
});

describe("a trial login", () => {
  it("uses a resource of its own each time, and sends no presence", async () => {
    const { endpoints, server } = await serve(async (peer) => {
      await peer.openStream(STARTTLS_FEATURE);
      await peer.startTls();
      await peer.login();
      await peer.closed;
    });
    const resources = new Set<string>();
    for (let round = 0; round < 2; round += 1) {
      const trial = await tryLogin(options(), "secret", endpoints, soon());
      resources.add(trial.facts.jid);
      await trial.close();
    }
    expect([...resources].join(" ")).toMatch(
      /^bot@xmpp\.example\/openclaw-setup-\w{12} bot@xmpp\.example\/openclaw-setup-\w{12}$/,
    );
    for (const peer of server.peers) expect(peer.received).not.toContain("<presence");
  });

  it("writes nothing of a login where there is no TLS, on loopback neither", async () => {
    const { endpoints, server } = await serve(async (peer) => {
      await peer.openStream(`${mechanismsFeature(["PLAIN", "SCRAM-SHA-1"])}${FEATURE}`);
      await peer.closed;
    });
    await expect(tryLogin(options(), "secret", endpoints, soon())).rejects.toMatchObject({
      condition: "tls-required",
    });
    await expect(tryEncounter(options(), endpoints, soon())).rejects.toMatchObject({
      condition: "tls-required",
    });
    for (const peer of server.peers) expect(peer.received).not.toMatch(/<auth|<iq/);
  });

  it("can end its account again", async () => {
    const { endpoints } = await serve(async (peer) => {
      await peer.openStream(STARTTLS_FEATURE);
      await peer.startTls();
      await peer.login();
      expect(await answer(peer, "result")).toContain("<remove/>");
      await peer.closed;
    });
    const trial = await tryLogin(options(), "secret", endpoints, soon());
    await unregister(trial);
    await trial.close();
  });
});
