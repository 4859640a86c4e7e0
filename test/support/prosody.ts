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
import { secret } from "./secrets.ts";
import { waitFor } from "./wait.ts";
import type { RoomOptions, XmppServer } from "./xmpp-server.ts";

export type { RoomOptions } from "./xmpp-server.ts";

/** The one command that brings the server on Debian and its children. */
export const PROSODY_INSTALL_COMMAND = "apt-get install -y prosody";

export interface ProsodyOptions extends ProsodyTuning {
  /** What it serves, with `conference.` and `upload.` below. Default `localhost`. */
  readonly domain?: string;
  /** The server's certificate; by default one that covers all its names and 127.0.0.1. */
  readonly certificate?: CertificateRequest;
}

/**
 * A private Prosody on 127.0.0.1; up in 0.2 s.
 *
 * What rooms of Prosody 0.12.3 announce in disco#info: `urn:xmpp:occupant-id:0`,
 * `http://jabber.org/protocol/muc#self-ping-optimization` and `…/muc#stable_id` always;
 * `urn:xmpp:mam:2` and `urn:xmpp:sid:0` only with an archive (`roomArchive`). A sender's forged
 * occupant-id is always replaced, a forged stanza-id `by` the room only where there is an archive.
 * A self-ping (XEP-0410) is answered by the room; after leaving, with `not-acceptable`.
 */
export interface Prosody extends ProsodyNames, XmppServer {
  readonly ports: ProsodyPorts;
  /** Issues further certificates under the same authority. */
  readonly authority: CertificateAuthority;
  readonly dataDir: string;
  readonly logFile: string;
  /** Creates or reconfigures many rooms in one go (500 take two seconds) and returns their JIDs. */
  rooms(names: readonly string[], options?: RoomOptions): Promise<string[]>;
  /** Ends every client stream of a bare or full JID, as the server's administrator would. */
  closeSessions(jid: string): Promise<void>;
  /** Ends the process as an administrator does, with a goodbye on each stream; `restart` brings it back. */
  shutDown(): Promise<void>;
  /** Runs `prosodyctl` with this server's configuration, and returns what it printed. @throws when it fails */
  prosodyctl(words: readonly string[], input?: string): Promise<string>;
  /** Runs a line in Prosody's admin shell (`> ` in front: any Lua) and returns what it printed. */
  shell(line: string): Promise<string>;
}

function isOnPath(command: string): boolean {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.some((folder) => folder !== "" && existsSync(join(folder, command)));
}

/** True when a Prosody is installed. Never runs it: `prosody --version` starts a server. */
export function hasProsody(): boolean {
  return isOnPath("prosody") && isOnPath("prosodyctl");
}

async function canConnect(to: { port: number } | { path: string }): Promise<boolean> {
  return await new Promise<boolean>((resolve) => {
    const socket = connect("path" in to ? to : { ...to, host: "127.0.0.1" });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** A line for the admin shell that creates or changes rooms with these local parts. */
function roomScript(conference: string, rooms: readonly string[], options: RoomOptions): string {
  const { publicJids = true, persistent = true, hidden = false, affiliations = {} } = options;
  const lines = [
    `local jid = node .. ${lua(`@${conference}`)}`,
    "local r = m.get_room_from_jid(jid) or m.create_room(jid)",
    `if not r then error("no room " .. jid) end`,
    `r:set_persistent(${persistent})`,
    `r:set_public(${!hidden})`,
    `r:set_whois(${publicJids ? '"anyone"' : '"moderators"'})`,
  ];
  if (options.membersOnly !== undefined) lines.push(`r:set_members_only(${options.membersOnly})`);
  if (options.moderated !== undefined) lines.push(`r:set_moderated(${options.moderated})`);
  if (options.password) secret("the password of a room", options.password);
  if (options.password !== undefined) lines.push(`r:set_password(${lua(options.password)})`);
  if (options.archive !== undefined) lines.push(`r._data.archiving = ${options.archive}`);
  if (options.name !== undefined) lines.push(`r:set_name(${lua(options.name)})`);
  if (options.subject !== undefined) lines.push(`r:set_subject(jid, ${lua(options.subject)})`);
  for (const [who, affiliation] of Object.entries(affiliations)) {
    lines.push(`r:set_affiliation(true, ${lua(who)}, ${lua(affiliation)})`);
  }
  lines.push("r:save(true)");
  const muc = `local m = prosody.hosts[${lua(conference)}].modules.muc`;
  const nodes = `{ ${rooms.map(lua).join(", ")} }`;
  return `> (function() ${muc}; for _, node in ipairs(${nodes}) do ${lines.join("; ")} end; return "done" end)()`;
}

/** A line for the admin shell that prints who is in a room. */
function occupantsScript(room: string): string {
  const [, service = ""] = room.split("@");
  const find = `prosody.hosts[${lua(service)}].modules.muc.get_room_from_jid(${lua(room)})`;
  const list = `for nick, o in r:each_occupant() do t[#t+1] = "occupant "..o.bare_jid.." "..nick:match("/(.*)") end`;
  return `> (function() local r, t = ${find}, { "occupants" }; if not r then return "no such room" end; ${list}; return table.concat(t, "\\n") end)()`;
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
  const domain = options.domain ?? "localhost";
  const names: ProsodyNames = {
    domain,
    otherDomain: `${domain}.evil.test`,
    conference: `conference.${domain}`,
    upload: `upload.${domain}`,
  };
  const [c2s = 0, c2sTls = 0, http = 0, https = 0, spare = 0] = await freePorts(5);
  const component = options.components?.length ? spare : 0;
  const ports: ProsodyPorts = { c2s, c2sTls, http, https, component };
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
      const listening = Object.values(ports).filter(Boolean);
      const adminShell = { path: join(dataDir, "prosody.sock") };
      const all = [...listening.map((port) => ({ port })), adminShell];
      return (await Promise.all(all.map(canConnect))).every(Boolean);
    };
    await waitFor(isUp, { what: "Prosody's ports", evidence: () => server.output() + log() });
  };
  const prosodyctl: Prosody["prosodyctl"] = async (args, input) => {
    const result = await runOrThrow({
      name: `prosodyctl ${args[0] ?? ""}`,
      command: "prosodyctl",
      args: ["--config", configFile, ...args],
      ...(input === undefined ? {} : { input }),
    });
    return result.stdout.trim();
  };
  const shell = async (line: string): Promise<string> => await prosodyctl(["shell", line]);

  const rooms: Prosody["rooms"] = async (nodes, roomOptions = {}) => {
    const printed = await shell(roomScript(names.conference, nodes, roomOptions));
    if (!printed.includes("done")) throw new Error(`Prosody did not create rooms: ${printed}`);
    return nodes.map((name) => `${name}@${names.conference}`);
  };

  await launch();
  return {
    ...names,
    ports,
    caFile: authority.caFile,
    authority,
    dataDir,
    logFile,
    log,
    prosodyctl,
    shell,
    async register(user, password, host = names.domain) {
      if (password !== user) secret(`the password of ${user}@${host}`, password);
      await prosodyctl(["register", user, host, password]);
      return `${user}@${host}`;
    },
    async unregister(user, host = names.domain) {
      await prosodyctl(["deluser", `${user}@${host}`]);
    },
    rooms,
    async room(name, roomOptions = {}) {
      const [jid = ""] = await rooms([name], roomOptions);
      return jid;
    },
    async occupants(room) {
      const printed = await shell(occupantsScript(room));
      if (printed.includes("no such room")) return undefined;
      const lines = printed.matchAll(/^.*occupant (\S+) (.+)$/gm);
      return Object.fromEntries([...lines].map(([, jid = "", nick = ""]) => [nick, jid]));
    },
    async closeSessions(jid) {
      await shell(`c2s:close(${lua(jid)})`);
    },
    async shutDown() {
      await server.stop();
    },
    async kill() {
      await server.kill();
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
