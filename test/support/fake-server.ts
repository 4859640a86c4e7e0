import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
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
  /** Offers and accepts XEP-0198. Default false. */
  readonly streamManagement?: boolean;
  /** The same, and the stream can be resumed: attributes of `<enabled/>`. */
  readonly resumable?: string;
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
  readonly certificate?: CertificateFiles;
  /** TLS from the first byte. */
  readonly directTls?: boolean;
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

export const STARTTLS_FEATURE = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const PROCEED = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const SASL = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'";

export function mechanismsFeature(names: readonly string[]): string {
  const list = names.map((name) => `<mechanism>${name}</mechanism>`).join("");
  return `<mechanisms ${SASL}>${list}</mechanisms>`;
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
): string | undefined {
  const salted = pbkdf2Sync(password, salt, 4096, createHash(hash).digest().length, hash);
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
      await peer.openStream(mechanismsFeature(mechanisms));
      const [, mechanism = "", first = ""] = await peer.expect(
        /<auth [^>]*mechanism="([^"]+)"[^>]*>([^<]*)<\/auth>/,
      );
      const hash = HASHES[mechanism] ?? "sha1";
      const bare = decode(first).slice(3);
      const salt = randomBytes(12);
      const serverFirst = `r=${/r=(.*)$/.exec(bare)?.[1]}more,s=${salt.toString("base64")},i=4096`;
      peer.send(`<challenge ${SASL}>${encode(serverFirst)}</challenge>`);
      const [, response = ""] = await peer.expect(/<response[^>]*>([^<]*)<\/response>/);
      const [withoutProof = "", proof = ""] = decode(response).split(/,p=/);
      const authMessage = `${bare},${serverFirst},${withoutProof}`;
      const proofBytes = Buffer.from(proof, "base64");
      const genuine = serverSignature(hash, password, salt, authMessage, proofBytes);
      if (genuine === undefined) {
        peer.send(`<failure ${SASL}><not-authorized/></failure>`);
        throw new PeerGoneError("wrong password");
      }
      const proofOfServer = { good: `v=${genuine}`, bad: `v=${encode("forged")}`, none: "" }[
        signature
      ];
      peer.send(`<success ${SASL}>${encode(proofOfServer)}</success>`);
      const { resumable, resume } = login;
      const isManaged = login.streamManagement || resumable !== undefined || resume !== undefined;
      const sm = isManaged ? "<sm xmlns='urn:xmpp:sm:3'/>" : "";
      await peer.openStream(`<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>${sm}`);
      if (resume !== undefined) {
        await peer.expect(/<resume [^>]*>/);
        peer.send(resume);
        if (!resume.startsWith("<failed")) return mechanism;
      }
      const [iq] = await peer.expect(/<iq .*?<\/iq>/s);
      const id = /id="([^"]+)"/.exec(iq)?.[1];
      const resource = /<resource>([^<]+)</.exec(iq)?.[1] ?? "given";
      const user = /n=([^,]*)/.exec(bare)?.[1];
      peer.send(
        `<iq type='result' id='${id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>${user}@${domain}/${resource}</jid></bind></iq>`,
      );
      if (isManaged) {
        await peer.expect(/<enable [^>]*>/);
        peer.send(`<enabled xmlns='urn:xmpp:sm:3' ${resumable ?? ""}/>`);
      }
      return mechanism;
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
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
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
