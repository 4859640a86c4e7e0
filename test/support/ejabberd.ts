import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { createTempDir } from "./at-exit.ts";
import { createAuthority } from "./certificates.ts";
import type { CertificateAuthority, CertificateRequest } from "./certificates.ts";
import { ejabberdConfig } from "./ejabberd-config.ts";
import type { EjabberdNames, EjabberdPorts, EjabberdTuning } from "./ejabberd-config.ts";
import { freePorts } from "./ports.ts";
import { runOrThrow, startProcess } from "./process.ts";
import type { RunningProcess } from "./process.ts";
import { secret } from "./secrets.ts";
import { waitFor } from "./wait.ts";
import type { RoomOptions, XmppServer } from "./xmpp-server.ts";

/** The one command that brings the server on Debian and its children. */
export const EJABBERD_INSTALL_COMMAND = "apt-get install -y ejabberd";

/** Debian's launcher. We start Erlang ourselves: this runs as user ejabberd only, or becomes it. */
const LAUNCHER = "/usr/sbin/ejabberdctl";

export interface EjabberdOptions extends EjabberdTuning {
  /** What it serves, with `conference.` below. Default `localhost`. */
  readonly domain?: string;
  /** The server's certificate; by default one that covers all its names and 127.0.0.1. */
  readonly certificate?: CertificateRequest;
}

/**
 * A private ejabberd on 127.0.0.1, as the user that the tests run as, with a fixed port for Erlang's
 * distribution and so without epmd; up in one to two seconds.
 *
 * What rooms of ejabberd 23.01 announce in disco#info: no occupant-id (a sender's forged one passes!)
 * and no self-ping optimisation; `urn:xmpp:mam:2` and `urn:xmpp:sid:0` only with an archive
 * (`roomArchive`); a forged stanza-id `by` the room is always taken out. A self-ping (XEP-0410) goes to
 * the client itself; after leaving it is answered with `not-acceptable`. All rooms are moderated, with
 * a voice for newcomers. The subject comes without a delay.
 */
export interface Ejabberd extends EjabberdNames, XmppServer {
  readonly ports: EjabberdPorts;
  /** Issues further certificates under the same authority. */
  readonly authority: CertificateAuthority;
  readonly logFile: string;
  /**
   * Runs a command of ejabberd's API, e.g. `api("kick_user", { user, host })`.
   * @throws with ejabberd's words when it is refused
   */
  api(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown>;
  /** Runs `ejabberdctl` against this server, and returns what it printed. @throws when it fails */
  ejabberdctl(words: readonly string[]): Promise<string>;
  /** Ends every client stream of a bare JID, as the server's administrator would. */
  closeSessions(jid: string): Promise<void>;
  /** `subject` is for new rooms only: ejabberd lets nobody but occupants change it. */
  room: XmppServer["room"];
}

const NODE = "ejabberd@127.0.0.1";

/** True when an ejabberd is installed. */
export function hasEjabberd(): boolean {
  return existsSync(LAUNCHER);
}

/** Where Debian keeps Erlang's libraries: differs by architecture, and the launcher knows it. */
function erlangLibraries(): string {
  const found = /^ERL_LIBS='?([^'\n]+)/m.exec(readFileSync(LAUNCHER, "utf8"))?.[1];
  if (found === undefined) throw new Error(`${LAUNCHER} names no ERL_LIBS`);
  return found;
}

/** Room options as `create_room_with_opts` and `change_room_option` know them. */
function roomSettings(options: RoomOptions): Record<string, string> {
  const { name, publicJids = true, hidden = false, persistent = true } = options;
  const settings: Record<string, string> = {
    persistent: String(persistent),
    public: String(!hidden),
    public_list: String(!hidden),
    anonymous: String(!publicJids),
  };
  if (options.membersOnly !== undefined) settings["members_only"] = String(options.membersOnly);
  if (options.moderated !== undefined) {
    settings["moderated"] = String(options.moderated);
    // In ejabberd newcomers of a moderated room have a voice unless told otherwise.
    settings["members_by_default"] = String(!options.moderated);
  }
  if (options.password) secret("the password of a room", options.password);
  if (options.password !== undefined) {
    settings["password_protected"] = String(options.password !== "");
    settings["password"] = options.password;
  }
  if (options.archive !== undefined) settings["mam"] = String(options.archive);
  if (name !== undefined) settings["title"] = name;
  return settings;
}

/**
 * Starts an ejabberd with its own data directory, certificate authority and ports.
 * @throws with the command that installs it when it is missing, with its log when it does not come up.
 */
export async function startEjabberd(options: EjabberdOptions = {}): Promise<Ejabberd> {
  if (!hasEjabberd()) {
    throw new Error(`ejabberd is not installed; this installs it: ${EJABBERD_INSTALL_COMMAND}`);
  }
  const temp = createTempDir("ejabberd");
  const domain = options.domain ?? "localhost";
  const names: EjabberdNames = { domain, conference: `conference.${domain}` };
  const [c2s = 0, c2sTls = 0, http = 0, https = 0, erlang = 0] = await freePorts(5);
  const ports: EjabberdPorts = { c2s, c2sTls, http, https };
  const authority = await createAuthority(temp.path);
  const certificate = await authority.issue(
    "server",
    options.certificate ?? { names: [...Object.values(names), `pubsub.${domain}`, "127.0.0.1"] },
  );
  const spool = join(temp.path, "spool");
  mkdirSync(spool);
  const logFile = join(temp.path, "ejabberd.log");
  const configFile = join(temp.path, "ejabberd.yml");
  writeFileSync(configFile, ejabberdConfig(names, ports, temp.path, certificate, options));
  const cookie = secret("ejabberd's Erlang cookie", randomUUID());
  const ctlConfig = join(temp.path, "ejabberdctl.cfg");
  writeFileSync(ctlConfig, `ERL_DIST_PORT=${erlang}\nERL_OPTIONS="-setcookie ${cookie}"\n`);
  writeFileSync(join(temp.path, "inetrc"), "");
  // The launcher as it stands, but for the user that it would become.
  const launcher = join(temp.path, "ejabberdctl");
  const forAnybody = readFileSync(LAUNCHER, "utf8").replace(/^INSTALLUSER=.*$/m, "INSTALLUSER=");
  writeFileSync(launcher, forAnybody, { mode: 0o700 });
  const env = {
    PATH: process.env["PATH"],
    HOME: temp.path,
    LANG: "C.UTF-8",
    ERL_LIBS: erlangLibraries(),
    ERL_CRASH_DUMP: join(temp.path, "erl_crash.dump"),
    EJABBERD_CONFIG_PATH: configFile,
    EJABBERD_LOG_PATH: logFile,
  };

  const log = (): string => (existsSync(logFile) ? readFileSync(logFile, "utf8") : "");
  const api: Ejabberd["api"] = async (command, args = {}) => {
    const response = await fetch(`http://127.0.0.1:${http}/api/${command}`, {
      method: "POST",
      body: JSON.stringify(args),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`ejabberd refused ${command}: ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  };
  let server: RunningProcess;
  const launch = async (): Promise<void> => {
    server = await startProcess({
      name: "ejabberd",
      command: "erl",
      args: [
        ...["-noinput", "-name", NODE, "-setcookie", cookie],
        ...["-start_epmd", "false", "-erl_epmd_port", String(erlang)],
        ...["-kernel", "inet_dist_use_interface", "{127,0,0,1}"],
        ...["-mnesia", "dir", JSON.stringify(spool), "-s", "ejabberd"],
      ],
      cwd: temp.path,
      env,
    });
    const isUp = async (): Promise<boolean> => {
      if (!server.isRunning()) throw new Error(`ejabberd ended:\n${server.output()}`);
      try {
        return /Status: started/.test(String(await api("status")));
      } catch {
        return false; // not listening yet; `isRunning` tells when it never will
      }
    };
    await waitFor(isUp, { what: "ejabberd", timeoutMs: 90_000, evidence: () => server.output() });
  };

  await launch();
  return {
    ...names,
    ports,
    caFile: authority.caFile,
    authority,
    logFile,
    log,
    api,
    async ejabberdctl(words) {
      const folders = ["--config-dir", temp.path, "--logs", temp.path, "--spool", spool];
      const { stdout } = await runOrThrow({
        name: `ejabberdctl ${words[0] ?? ""}`,
        command: launcher,
        args: [...folders, "--node", NODE, ...words],
        env,
      });
      return stdout.trim();
    },
    async register(user, password, host = names.domain) {
      if (password !== user) secret(`the password of ${user}@${host}`, password);
      await api("register", { user, host, password });
      return `${user}@${host}`;
    },
    async unregister(user, host = names.domain) {
      await api("unregister", { user, host });
    },
    async room(name, roomOptions = {}) {
      const { subject, affiliations = {} } = roomOptions;
      const jid = `${name}@${names.conference}`;
      const where = { name, service: names.conference };
      const online = (await api("muc_online_rooms", { service: names.conference })) as string[];
      const settings = Object.entries(roomSettings(roomOptions));
      if (online.includes(jid)) {
        if (subject !== undefined) throw new Error(`${jid} exists: its occupants set the subject`);
        for (const [option, value] of settings) {
          await api("change_room_option", { ...where, option, value });
        }
      } else {
        if (subject !== undefined) settings.push(["subject", subject]);
        const list = settings.map(([option, value]) => ({ name: option, value }));
        await api("create_room_with_opts", { ...where, host: names.domain, options: list });
      }
      for (const [who, affiliation] of Object.entries(affiliations)) {
        await api("set_room_affiliation", { ...where, jid: who, affiliation });
      }
      return jid;
    },
    async occupants(room) {
      const [name, service] = room.split("@");
      const online = (await api("muc_online_rooms", { service })) as string[];
      if (!online.includes(room)) return undefined;
      const list = await api("get_room_occupants", { name, service });
      const people = list as { nick: string; jid: string }[];
      return Object.fromEntries(people.map(({ nick, jid }) => [nick, jid.split("/")[0] ?? ""]));
    },
    async closeSessions(jid) {
      const [user, host] = jid.split("@");
      await api("kick_user", { user, host });
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
