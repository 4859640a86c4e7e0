import { createHash, createHmac, pbkdf2Sync, randomBytes, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";

import type { CertificateFiles } from "./certificates.ts";

/** The client went away while the script waited for it. */
export class PeerGoneError extends Error {
  override name = "PeerGoneError";
}

export interface FakeLogin {
  /** In the order of the offer. Default: SCRAM-SHA-1 alone. */
  readonly mechanisms?: readonly string[];
  /** Default "secret". */
  readonly password?: string;
  /** "bad" and "none" are what a server does that does not know the password. Default "good". */
  readonly signature?: "good" | "bad" | "none";
  /** Types of channel binding to announce (XEP-0440). Default: none are. */
  readonly bindings?: readonly string[];
  /** Refuses what is bound to the connection, whatever it is. */
  readonly refusesBinding?: boolean;
  /** Rounds of the password's hash. Default 4096. */
  readonly iterations?: number;
  /** Further attributes of its first SCRAM message, e.g. `h=…` (XEP-0474). */
  readonly extension?: string;
  /** Offers and accepts XEP-0198. Default false. */
  readonly streamManagement?: boolean;
  /** Stands in the stream features behind the login. */
  readonly features?: string;
  /** The same, and the stream can be resumed: attributes of `<enabled/>`. */
  readonly resumable?: string;
  /** What it says in one breath with `<enabled/>`, before and after it. */
  readonly aroundEnabled?: readonly [before: string, after: string];
  /** Expects `<resume/>` instead of a bind; answers it so. What is not `<failed/>` ends the login. */
  readonly resume?: string;
}

/** The server's end of one connection, for a script. */
export interface FakePeer {
  /** All text that the client sent, decrypted. */
  readonly received: string;
  readonly isOpen: boolean;
  /** What the client's TLS handshake said. */
  readonly servername: string | false | undefined;
  readonly alpn: string | false | undefined;
  /** Waits for the next text that matches, past what earlier calls matched. @throws PeerGoneError */
  expect(pattern: RegExp): Promise<RegExpExecArray>;
  send(data: string | Uint8Array): void;
  /** Answers <starttls/>: sends `proceed` (with whatever stands behind it) and does the handshake. */
  startTls(proceed?: string): Promise<void>;
  /** Waits for a stream header and answers with one, and with these features. */
  openStream(features: string): Promise<void>;
  /** The server's whole part from after TLS to a bound resource. @returns the mechanism */
  login(options?: FakeLogin): Promise<string>;
  /** Ends the connection with a TCP reset. */
  reset(): void;
  end(): void;
  /** Resolves when the client ended the connection, or it is over. */
  readonly closed: Promise<void>;
}

export interface FakeServerOptions {
  readonly domain?: string;
  /** Default: a free one. */
  readonly port?: number;
  readonly certificate?: CertificateFiles;
  /** TLS from the first byte. */
  readonly directTls?: boolean;
  /** The newest version of TLS that it speaks. Default 1.3. */
  readonly maxTls?: "TLSv1.2" | "TLSv1.3";
  /** What to do with each connection; `index` counts from 0. */
  readonly script: (peer: FakePeer, index: number) => Promise<void>;
}

/** A scripted XMPP server on 127.0.0.1 that misbehaves as told. */
export interface FakeServer {
  readonly port: number;
  readonly peers: readonly FakePeer[];
  /** @throws the first failure of a script, other than that the client left */
  stop(): Promise<void>;
}

const HASHES: Readonly<Record<string, string>> = {
  "SCRAM-SHA-512": "sha512",
  "SCRAM-SHA-256": "sha256",
  "SCRAM-SHA-1": "sha1",
};

/** The server's view of what a client may bind its login to (RFC 5929, RFC 9266). */
function bindingOf(
  socket: Socket,
  type: string,
  certificate: CertificateFiles,
): Buffer | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const isTls13 = socket.getProtocol() === "TLSv1.3";
  if (type === "tls-exporter" && isTls13) {
    return socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));
  }
  if (type === "tls-unique" && !isTls13) return socket.getPeerFinished();
  if (type !== "tls-server-end-point") return undefined;
  const { raw } = new X509Certificate(readFileSync(certificate.certFile));
  return createHash("sha256").update(raw).digest();
}

export const STARTTLS_FEATURE = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const PROCEED = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const SASL = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'";

export function mechanismsFeature(names: readonly string[], bindings?: readonly string[]): string {
  const list = names.map((name) => `<mechanism>${name}</mechanism>`).join("");
  const types = bindings?.map((type) => `<channel-binding type='${type}'/>`).join("");
  const announced =
    types === undefined
      ? ""
      : `<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>${types}</sasl-channel-binding>`;
  return `<mechanisms ${SASL}>${list}</mechanisms>${announced}`;
}

const encode = (text: string): string => Buffer.from(text).toString("base64");
const decode = (text: string): string => Buffer.from(text, "base64").toString();

function hmac(hash: string, key: Buffer, text: string): Buffer {
  return createHmac(hash, key).update(text).digest();
}

/** What proves to a client that the server knows the password (RFC 5802 §3); undefined: wrong proof. */
function serverSignature(
  hash: string,
  password: string,
  salt: Buffer,
  authMessage: string,
  proof: Buffer,
  iterations: number,
): string | undefined {
  const salted = pbkdf2Sync(password, salt, iterations, createHash(hash).digest().length, hash);
  const clientKey = hmac(hash, salted, "Client Key");
  const signature = hmac(hash, createHash(hash).update(clientKey).digest(), authMessage);
  const expected = clientKey.map((byte, index) => byte ^ (signature[index] ?? 0));
  if (!proof.equals(expected)) return undefined;
  return hmac(hash, hmac(hash, salted, "Server Key"), authMessage).toString("base64");
}

function createPeer(
  raw: Socket,
  options: FakeServerOptions,
): FakePeer & { handshake(): Promise<void> } {
  const domain = options.domain ?? "localhost";
  let socket: Socket = raw;
  let received = "";
  let position = 0;
  let alpn: string | false | undefined;
  let servername: string | false | undefined;
  const watchers = new Set<() => void>();
  let gone = false;
  const wake = (): void => {
    for (const watcher of watchers) watcher();
  };
  const closed = new Promise<void>((resolve) => {
    // Our side stays open when the client's ends, so that a script can go on misbehaving.
    for (const event of ["end", "close"] as const) {
      raw.once(event, () => {
        gone = true;
        wake();
        resolve();
      });
    }
  });
  const attach = (next: Socket): void => {
    socket = next;
    next.on("error", () => {}); // "closed" tells the story
    next.setEncoding("utf8").on("data", (text: string) => {
      received += text;
      wake();
    });
  };
  raw.setNoDelay(true);
  if (!options.directTls) attach(raw);

  const handshake = async (): Promise<void> => {
    const { certificate } = options;
    if (!certificate) throw new Error("this fake server has no certificate");
    raw.removeAllListeners("data");
    raw.on("error", () => {});
    const context = createSecureContext({
      key: readFileSync(certificate.keyFile),
      cert: readFileSync(certificate.certFile),
      maxVersion: options.maxTls ?? "TLSv1.3",
    });
    const secure = new TLSSocket(raw, {
      isServer: true,
      secureContext: context,
      ALPNProtocols: ["xmpp-client"],
    });
    attach(secure);
    await new Promise<void>((resolve, reject) => {
      secure.once("secure", () => resolve());
      secure.once("error", (error) => reject(new PeerGoneError(error.message)));
      secure.once("close", () => reject(new PeerGoneError("closed in the handshake")));
    });
    alpn = secure.alpnProtocol ?? false;
    servername = (secure as TLSSocket & { servername?: string | false }).servername ?? false;
  };

  const peer: FakePeer & { handshake(): Promise<void> } = {
    get received() {
      return received;
    },
    get isOpen() {
      return !gone;
    },
    get alpn() {
      return alpn;
    },
    get servername() {
      return servername;
    },
    closed,
    handshake,
    expect(pattern) {
      return new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(received.slice(position));
          if (match) {
            position += match.index + match[0].length;
            watchers.delete(look);
            resolve(match);
          } else if (gone) {
            watchers.delete(look);
            reject(new PeerGoneError(`the client left before ${pattern}; it sent: ${received}`));
          }
        };
        watchers.add(look);
        look();
      });
    },
    send: (data) => void (socket.writable && socket.write(data)),
    async startTls(proceed = PROCEED) {
      await peer.expect(/<starttls[^>]*>/);
      peer.send(proceed);
      await handshake();
    },
    async openStream(features) {
      await peer.expect(/<stream:stream[^>]*>/);
      const id = randomBytes(6).toString("hex");
      peer.send(
        `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='${id}' from='${domain}' version='1.0'><stream:features>${features}</stream:features>`,
      );
    },
    async login(login = {}) {
      const { mechanisms = ["SCRAM-SHA-1"], password = "secret", signature = "good" } = login;
      const { iterations = 4096, extension } = login;
      await peer.openStream(mechanismsFeature(mechanisms, login.bindings));
      const [, offered = "", first = ""] = await peer.expect(
        /<auth [^>]*mechanism="([^"]+)"[^>]*>([^<]*)<\/auth>/,
      );
      const refuse = (condition: string): never => {
        peer.send(`<failure ${SASL}><${condition}/></failure>`);
        throw new PeerGoneError(`login refused: ${condition}`);
      };
      const mechanism = offered.replace("-PLUS", "");
      let user: string | undefined;
      if (mechanism === "PLAIN") {
        const [, name, given] = decode(first).split("\0");
        if (given !== password) refuse("not-authorized");
        user = name;
        peer.send(`<success ${SASL}/>`);
      } else {
        user = await scram(offered, mechanism, decode(first));
      }
      async function scram(name: string, plain: string, message: string) {
        const [, header = "", flag = "", bare = ""] = /^(([^,]*),[^,]*,)(.*)$/s.exec(message) ?? [];
        const hash = HASHES[plain] ?? "sha1";
        const offersBinding = mechanisms.some((each) => each.endsWith("-PLUS"));
        if (flag === "y" && offersBinding) refuse("malformed-request");
        if (flag.startsWith("p=") !== name.endsWith("-PLUS")) refuse("malformed-request");
        const { certificate } = options;
        const bound =
          flag.startsWith("p=") && certificate
            ? bindingOf(socket, flag.slice(2), certificate)
            : Buffer.alloc(0);
        if (!bound) return refuse("malformed-request");
        const salt = randomBytes(12);
        const nonce = /r=(.*)$/.exec(bare)?.[1];
        const serverFirst = `r=${nonce}more,s=${salt.toString("base64")},i=${iterations}${extension ? `,${extension}` : ""}`;
        peer.send(`<challenge ${SASL}>${encode(serverFirst)}</challenge>`);
        const [, response = ""] = await peer.expect(/<response[^>]*>([^<]*)<\/response>/);
        const [withoutProof = "", proof = ""] = decode(response).split(/,p=/);
        const said = Buffer.from(/^c=([^,]*)/.exec(withoutProof)?.[1] ?? "", "base64");
        const isBound = said.equals(Buffer.concat([Buffer.from(header), bound]));
        if (!isBound || (flag.startsWith("p=") && login.refusesBinding))
          refuse("malformed-request");
        const authMessage = `${bare},${serverFirst},${withoutProof}`;
        const bytes = Buffer.from(proof, "base64");
        const genuine = serverSignature(hash, password, salt, authMessage, bytes, iterations);
        if (genuine === undefined) refuse("not-authorized");
        const forged = Buffer.from(Buffer.from(genuine ?? "", "base64").toReversed()).toString(
          "base64",
        );
        const proofs = { good: `v=${genuine}`, bad: `v=${forged}`, none: "" };
        peer.send(`<success ${SASL}>${encode(proofs[signature])}</success>`);
        return /n=([^,]*)/.exec(bare)?.[1];
      }
      const { resumable, resume } = login;
      const isManaged = login.streamManagement || resumable !== undefined || resume !== undefined;
      const sm = isManaged ? "<sm xmlns='urn:xmpp:sm:3'/>" : "";
      await peer.openStream(
        `<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>${sm}${login.features ?? ""}`,
      );
      if (resume !== undefined) {
        await peer.expect(/<resume [^>]*>/);
        peer.send(resume);
        if (!resume.startsWith("<failed")) return offered;
      }
      const [iq] = await peer.expect(/<iq .*?<\/iq>/s);
      const id = /id="([^"]+)"/.exec(iq)?.[1];
      const resource = /<resource>([^<]+)</.exec(iq)?.[1] ?? "given";
      peer.send(
        `<iq type='result' id='${id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>${user}@${domain}/${resource}</jid></bind></iq>`,
      );
      if (isManaged) {
        await peer.expect(/<enable [^>]*>/);
        const [before, after] = login.aroundEnabled ?? ["", ""];
        peer.send(`${before}<enabled xmlns='urn:xmpp:sm:3' ${resumable ?? ""}/>${after}`);
      }
      return offered;
    },
    reset: () => void raw.resetAndDestroy(),
    end: () => void raw.destroy(),
  };
  return peer;
}

/** Starts a fake server on a free port. */
export async function startFakeServer(options: FakeServerOptions): Promise<FakeServer> {
  const peers: FakePeer[] = [];
  const failures: unknown[] = [];
  const run = async (raw: Socket): Promise<void> => {
    const peer = createPeer(raw, options);
    const index = peers.push(peer) - 1;
    try {
      if (options.directTls) await peer.handshake();
      await options.script(peer, index);
    } catch (error) {
      if (!(error instanceof PeerGoneError)) failures.push(error);
    }
  };
  const server = createServer({ allowHalfOpen: true }, (raw) => {
    raw.on("error", () => {});
    void run(raw);
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    peers,
    async stop() {
      for (const peer of peers) peer.end();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      if (failures.length > 0) throw failures[0];
    },
  };
}
