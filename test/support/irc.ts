import { existsSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";

import { createTempDir } from "./at-exit.ts";
import { freePort } from "./ports.ts";
import { startProcess } from "./process.ts";
import { waitFor } from "./wait.ts";

const NGIRCD = "/usr/sbin/ngircd";

/** True when ngircd is installed. */
export function hasNgircd(): boolean {
  return existsSync(NGIRCD);
}

/** A private IRC server on 127.0.0.1 (no TLS, no DNS or ident look-ups, no flood penalty). */
export interface IrcServer {
  readonly port: number;
  log(): string;
  stop(): Promise<void>;
}

/** A PRIVMSG that a client received. */
export interface IrcMessage {
  readonly nick: string;
  readonly target: string;
  readonly text: string;
}

/** A raw IRC client. */
export interface IrcClient {
  readonly nick: string;
  readonly messages: readonly IrcMessage[];
  send(target: string, text: string): void;
  join(channel: string): void;
  /** The first message, past or future, that `matches`. */
  waitFor(matches: (message: IrcMessage) => boolean, timeoutMs?: number): Promise<IrcMessage>;
  /** True when somebody with this nick is on the server now. */
  isOnline(nick: string): Promise<boolean>;
  quit(): Promise<void>;
}

/** @throws with the command that installs ngircd when it is missing. */
export async function startNgircd(): Promise<IrcServer> {
  if (!hasNgircd()) {
    throw new Error("ngircd is not installed; this installs it: apt-get install -y ngircd");
  }
  const temp = createTempDir("ngircd");
  const port = await freePort();
  const configFile = join(temp.path, "ngircd.conf");
  const config = `
[Global]
  Name = irc.test
  Info = bench
  Listen = 127.0.0.1
  Ports = ${port}
  MotdPhrase = hello
[Limits]
  MaxConnections = 0
  MaxConnectionsIP = 0
  MaxNickLength = 20
  MaxPenaltyTime = 0
  PingTimeout = 120
[Options]
  DNS = no
  Ident = no
  PAM = no
  RequireAuthPing = no
`;
  // Started by root, ngircd reads its file as the user it changes to.
  writeFileSync(configFile, config);
  const server = await startProcess({
    name: "ngircd",
    command: NGIRCD,
    args: ["-n", "-f", configFile],
  });
  await server.waitForOutput(/Now listening on/);
  return {
    port,
    log: () => server.output(),
    async stop() {
      await server.stop();
      temp.remove();
    },
  };
}

/** Logs in at 127.0.0.1 and resolves once the server welcomed us. */
export async function connectIrc(port: number, nick: string): Promise<IrcClient> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.setNoDelay(true).setEncoding("utf8");
  const messages: IrcMessage[] = [];
  const watchers = new Set<() => void>();
  let numerics = "";
  let pending = "";
  let failure: Error | undefined;
  const write = (line: string): void => void socket.write(`${line}\r\n`);
  const onLine = (line: string): void => {
    if (line.startsWith("PING")) write(`PONG${line.slice(4)}`);
    const said = /^:([^! ]+)\S* PRIVMSG (\S+) :(.*)$/.exec(line);
    if (said === null) numerics = `${numerics}\n${line}`.slice(-20_000);
    else messages.push({ nick: said[1] ?? "", target: said[2] ?? "", text: said[3] ?? "" });
    for (const watcher of watchers) watcher();
  };
  socket.on("data", (chunk) => {
    const lines = (pending + String(chunk)).split("\r\n");
    pending = lines.pop() ?? "";
    lines.forEach(onLine);
  });
  socket.on("error", (error) => (failure = error));
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  write(`NICK ${nick}`);
  write(`USER ${nick} 0 * :${nick}`);
  const isWelcome = (): boolean => {
    if (failure !== undefined) throw failure;
    return / 001 /.test(numerics);
  };
  await waitFor(isWelcome, { what: "the IRC welcome", intervalMs: 5, evidence: () => numerics });

  return {
    nick,
    messages,
    send: (target, text) => write(`PRIVMSG ${target} :${text}`),
    join: (channel) => write(`JOIN ${channel}`),
    async waitFor(matches, timeoutMs = 15_000) {
      const found = messages.find(matches);
      if (found !== undefined) return found;
      return await new Promise<IrcMessage>((resolve, reject) => {
        const watcher = (): void => {
          const message = messages.find(matches);
          if (message === undefined) return;
          watchers.delete(watcher);
          clearTimeout(timer);
          resolve(message);
        };
        const timer = setTimeout(() => {
          watchers.delete(watcher);
          reject(
            new Error(`no such IRC message in ${timeoutMs} ms; got ${JSON.stringify(messages)}`),
          );
        }, timeoutMs);
        watchers.add(watcher);
      });
    },
    async isOnline(who) {
      const from = numerics.length;
      write(`ISON ${who}`);
      const answer = await waitFor(() => / 303 [^\n]*/.exec(numerics.slice(from))?.[0], {
        what: "the answer to ISON",
        intervalMs: 5,
      });
      return answer.toLowerCase().includes(`:${who.toLowerCase()}`);
    },
    async quit() {
      const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
      write("QUIT :bye");
      socket.end();
      await closed;
    },
  };
}
