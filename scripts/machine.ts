/**
 * Sees to it that the programs which tests, demo and bench talk to are on this machine:
 * `node scripts/machine.ts prosody slixmpp …`. As root it installs what is missing with apt; else it
 * says the one command that does. `host` stands for the host's optional packages, from npm.
 */
import { execFileSync, spawn } from "node:child_process";
import { messageOf } from "../src/errors.ts";

type Program = {
  /** Exits 0 when the program is there. Never starts it: `prosody --version` would run a server. */
  probe: readonly [string, ...string[]];
  packages: readonly string[];
};

const onPath = (command: string): Program["probe"] => ["sh", "-c", `command -v ${command}`];

const PROGRAMS: Record<string, Program> = {
  prosody: { probe: onPath("prosody"), packages: ["prosody"] },
  ejabberd: { probe: onPath("ejabberdctl"), packages: ["ejabberd"] },
  openssl: { probe: onPath("openssl"), packages: ["openssl"] },
  slixmpp: {
    probe: ["/usr/bin/python3", "-c", "import slixmpp, aiohttp"],
    packages: ["python3-slixmpp", "python3-aiohttp"],
  },
  profanity: { probe: onPath("profanity"), packages: ["profanity"] },
  mcabber: { probe: onPath("mcabber"), packages: ["mcabber"] },
  tmux: { probe: onPath("tmux"), packages: ["tmux"] },
  ngircd: { probe: onPath("ngircd"), packages: ["ngircd"] },
};

/** The names in `programs` that this machine lacks. @throws on a name that nobody knows */
function missing(programs: readonly string[]): string[] {
  return programs.filter((name) => {
    const program = PROGRAMS[name];
    if (!program) throw new Error(`no such program: ${name}`);
    const [command, ...args] = program.probe;
    try {
      execFileSync(command, args, { stdio: "ignore" });
      return false;
    } catch {
      return true;
    }
  });
}

/** RUNLEVEL and SYSTEMD_OFFLINE keep Debian from starting the servers that it installs. */
async function apt(...args: string[]): Promise<void> {
  await run("apt-get", args, {
    DEBIAN_FRONTEND: "noninteractive",
    RUNLEVEL: "1",
    SYSTEMD_OFFLINE: "1",
  });
}

/** @throws when the command fails */
async function run(command: string, args: readonly string[], env = {}): Promise<void> {
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", 2, 2],
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} failed`);
}

/**
 * Installs what `npm ci` left out of the host: under a Node older than the host's own optional packages
 * ask for, npm skips them without a word, and the host then cannot, say, send a local file. In a script
 * of this package npm runs under the Node that the host wants, so that it adds them.
 */
async function ensureHost(): Promise<void> {
  await run("npm", ["install", "--no-save", "--no-audit", "--no-fund", "--silent"]);
}

/**
 * Installs what is missing of `programs`.
 * @throws with the command to type, when we may not install or it did not help
 */
export async function ensurePrograms(programs: readonly string[]): Promise<void> {
  const absent = missing(programs);
  if (absent.length === 0) return;
  const packages = absent.flatMap((name) => PROGRAMS[name]?.packages ?? []);
  const command = `apt-get install -y ${packages.join(" ")}`;
  if (process.getuid?.() !== 0) {
    throw new Error(`missing: ${absent.join(", ")}. This installs it:\n\n    sudo ${command}\n`);
  }
  console.error(`installing ${packages.join(", ")} with apt`);
  await apt("update", "-q");
  await apt("install", "-y", "-q", "--no-install-recommends", ...packages);
  const still = missing(programs);
  if (still.length > 0) throw new Error(`still missing: ${still.join(", ")}; try: ${command}`);
}

if (import.meta.main) {
  try {
    const names = process.argv.slice(2);
    if (names.includes("host")) await ensureHost();
    await ensurePrograms(names.filter((name) => name !== "host"));
  } catch (error) {
    console.error(messageOf(error));
    process.exitCode = 1;
  }
}
