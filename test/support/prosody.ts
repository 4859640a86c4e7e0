import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { delimiter, join } from "node:path";

import { createTempDir } from "./at-exit.ts";
import { createAuthority } from "./certificates.ts";
import type { CertificateAuthority, CertificateRequest } from "./certificates.ts";
import { freePorts } from "./ports.ts";
import { runOrThrow, startProcess } from "./process.ts";
import type { RunningProcess } from "./process.ts";
import { lua, prosodyConfig } from "./prosody-config.ts";
import type { ProsodyNames, ProsodyPorts, ProsodyTuning } from "./prosody-config.ts";
import { waitFor } from "./wait.ts";

/** The one command that brings the server on Debian and its children. */
export const PROSODY_INSTALL_COMMAND = "apt-get install -y prosody";

export interface ProsodyOptions extends ProsodyTuning {
  /** The server's certificate; by default one that covers all its names and 127.0.0.1. */
  readonly certificate?: CertificateRequest;
}

/** How a room is set up. What is left out stays as Prosody has it (public, open, semi-anonymous). */
export interface RoomOptions {
  /** True shows real JIDs to everybody (non-anonymous), false only to moderators. Default true. */
  readonly publicJids?: boolean;
  readonly membersOnly?: boolean;
  readonly moderated?: boolean;
  readonly password?: string;
  /** The room's human-readable name. */
  readonly name?: string;
  readonly subject?: string;
  /** Bare JID to affiliation. */
  readonly affiliations?: Readonly<
    Record<string, "owner" | "admin" | "member" | "outcast" | "none">
  >;
}

/** A private Prosody on 127.0.0.1. */
export interface Prosody extends ProsodyNames {
  readonly ports: ProsodyPorts;
  /** PEM file of the authority that signed the server's certificate. */
  readonly caFile: string;
  /** Issues further certificates under the same authority. */
  readonly authority: CertificateAuthority;
  readonly dataDir: string;
  readonly logFile: string;
  log(): string;
  /** Creates the account `user@host` (default host: `domain`) and returns its bare JID. */
  register(user: string, password: string, host?: string): Promise<string>;
  unregister(user: string, host?: string): Promise<void>;
  /** Creates or reconfigures a persistent room and returns its JID. Nobody owns it unless told. */
  room(name: string, options?: RoomOptions): Promise<string>;
  /** Ends every client stream of a bare or full JID, as the server's administrator would. */
  closeSessions(jid: string): Promise<void>;
  /** Runs a line in Prosody's admin shell (`> ` in front: any Lua) and returns what it printed. */
  shell(line: string): Promise<string>;
  /** Ends the process at once, without a goodbye on any stream. */
  kill(): Promise<void>;
  /** Starts it again on the same ports and data after `stop`-less ends, or restarts it. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

function isOnPath(command: string): boolean {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.some((folder) => folder !== "" && existsSync(join(folder, command)));
}

/** True when a Prosody is installed. Never runs it: `prosody --version` starts a server. */
export function hasProsody(): boolean {
  return isOnPath("prosody") && isOnPath("prosodyctl");
}

async function canConnect(port: number): Promise<boolean> {
  return await new Promise<boolean>((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function roomScript(conference: string, jid: string, options: RoomOptions): string {
  const lines = [
    `local m = prosody.hosts[${lua(conference)}].modules.muc`,
    `local r = m.get_room_from_jid(${lua(jid)}) or m.create_room(${lua(jid)})`,
    "r:set_persistent(true)",
    "r:set_public(true)",
    `r:set_whois(${(options.publicJids ?? true) ? '"anyone"' : '"moderators"'})`,
  ];
  if (options.membersOnly !== undefined) lines.push(`r:set_members_only(${options.membersOnly})`);
  if (options.moderated !== undefined) lines.push(`r:set_moderated(${options.moderated})`);
  if (options.password !== undefined) lines.push(`r:set_password(${lua(options.password)})`);
  if (options.name !== undefined) lines.push(`r:set_name(${lua(options.name)})`);
  if (options.subject !== undefined) {
    lines.push(`r:set_subject(${lua(jid)}, ${lua(options.subject)})`);
  }
  for (const [who, affiliation] of Object.entries(options.affiliations ?? {})) {
    lines.push(`r:set_affiliation(true, ${lua(who)}, ${lua(affiliation)})`);
  }
  lines.push("r:save(true)", 'return "done"');
  return `> (function() ${lines.join("; ")} end)()`;
}

/**
 * Starts a Prosody with its own data directory, certificate authority and ports.
 * @throws with the command that installs it when it is missing, with its log when it does not come up.
 */
export async function startProsody(options: ProsodyOptions = {}): Promise<Prosody> {
  if (!hasProsody()) {
    throw new Error(`Prosody is not installed; this installs it: ${PROSODY_INSTALL_COMMAND}`);
  }
  const temp = createTempDir("prosody");
  const names: ProsodyNames = {
    domain: "localhost",
    otherDomain: "localhost.evil.test",
    conference: "conference.localhost",
    upload: "upload.localhost",
  };
  const [c2s = 0, c2sTls = 0, http = 0, https = 0] = await freePorts(4);
  const ports: ProsodyPorts = { c2s, c2sTls, http, https };
  const authority = await createAuthority(temp.path);
  const certificate = await authority.issue(
    "server",
    options.certificate ?? { names: [...Object.values(names), "127.0.0.1"] },
  );
  const dataDir = join(temp.path, "data");
  mkdirSync(dataDir);
  // Prosody logs an error when the folder it would look for further certificates in is missing.
  mkdirSync(join(temp.path, "certs"));
  const logFile = join(temp.path, "prosody.log");
  const configFile = join(temp.path, "prosody.cfg.lua");
  const paths = { dataDir, logFile, pidFile: join(temp.path, "prosody.pid") };
  writeFileSync(configFile, prosodyConfig(names, ports, paths, certificate, options));

  const log = (): string => (existsSync(logFile) ? readFileSync(logFile, "utf8") : "");
  let server: RunningProcess;
  const launch = async (): Promise<void> => {
    server = await startProcess({
      name: "prosody",
      command: "prosody",
      args: ["--config", configFile, "-F"],
    });
    const isUp = async (): Promise<boolean> => {
      if (!server.isRunning()) throw new Error(`prosody ended:\n${server.output()}\n${log()}`);
      const answers = await Promise.all(Object.values(ports).map(canConnect));
      return answers.every(Boolean);
    };
    await waitFor(isUp, { what: "Prosody's ports", evidence: () => server.output() + log() });
  };
  const control = async (args: readonly string[], input?: string): Promise<string> => {
    const result = await runOrThrow({
      name: `prosodyctl ${args[0] ?? ""}`,
      command: "prosodyctl",
      args: ["--config", configFile, ...args],
      ...(input === undefined ? {} : { input }),
    });
    return result.stdout.trim();
  };
  const shell = async (line: string): Promise<string> => await control(["shell", line]);

  await launch();
  return {
    ...names,
    ports,
    caFile: authority.caFile,
    authority,
    dataDir,
    logFile,
    log,
    shell,
    async register(user, password, host = names.domain) {
      await control(["register", user, host, password]);
      return `${user}@${host}`;
    },
    async unregister(user, host = names.domain) {
      await control(["deluser", `${user}@${host}`]);
    },
    async room(name, roomOptions = {}) {
      const jid = `${name}@${names.conference}`;
      const printed = await shell(roomScript(names.conference, jid, roomOptions));
      if (!printed.includes("done")) throw new Error(`Prosody did not create ${jid}: ${printed}`);
      return jid;
    },
    async closeSessions(jid) {
      await shell(`c2s:close(${lua(jid)})`);
    },
    async kill() {
      await server.stop(0);
    },
    async restart() {
      await server.stop();
      await launch();
    },
    async stop() {
      await server.stop();
      temp.remove();
    },
  };
}
