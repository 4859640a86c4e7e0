/** Dino 0.4, a graphical client, on a screen of its own. It can be told neither host nor port of its server. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { startProcess } from "../../test/support/process.ts";

export type Dino = {
  /** To the contact. */
  say(text: string): void;
  /** Resolves when that has come over the wire. */
  hears(text: RegExp): Promise<void>;
  photograph(file: string): void;
  close(): Promise<void>;
};

export type DinoOptions = {
  /** At localhost, with the name as the password. */
  user: string;
  /** Whose conversation is opened. */
  contact: string;
  /** Of the screen, in steps of two pixels. */
  height: number;
  /** Where it may write. */
  folder: string;
};

export async function startDino({ user, contact, height, folder }: DinoOptions): Promise<Dino> {
  const home = join(folder, user);
  mkdirSync(home);
  const env: NodeJS.ProcessEnv = { PATH: process.env["PATH"], HOME: home, LANG: "C.UTF-8" };
  Object.assign(env, { GDK_BACKEND: "x11", GDK_SCALE: "2", GSK_RENDERER: "cairo" });
  const start = async (command: string, ...args: string[]) =>
    await startProcess({ name: command, command, args, env });
  const run = (command: string, ...args: string[]) =>
    execFileSync(command, args, { env, stdio: "pipe" });
  const screen = await start("Xvfb", "-displayfd", "1", "-screen", "0", `1000x${2 * height}x24`);
  env["DISPLAY"] = `:${(await screen.waitForOutput(/^(\d+)$/m))[1]}`;
  const bus = await start("dbus-daemon", "--session", "--nofork", "--print-address");
  env["DBUS_SESSION_BUS_ADDRESS"] = (await bus.waitForOutput(/^unix:\S+/m))[0];
  const manager = await start("openbox");
  // The first time it makes its database.
  const first = await start("dino-im");
  await delay(6_000);
  await first.stop();
  const db = new DatabaseSync(join(home, ".local/share/dino/dino.db"));
  db.exec(`INSERT INTO account (bare_jid, resourcepart, password, enabled) VALUES
    ('${user}@localhost', 'dino', '${user}', 1)`);
  db.exec("INSERT OR REPLACE INTO settings (key, value) VALUES ('window_maximized', 'true')");
  db.close();
  const dino = await start("dino-im", "--print-xmpp=all");
  await dino.waitForOutput(/jabber:iq:roster/, 60_000);
  run("dino-im", `xmpp:${contact}?message`);
  await delay(3_000);
  return {
    say(text) {
      run("xdotool", "type", "--delay", "15", text);
      run("xdotool", "key", "Return");
    },
    hears: async (text) => void (await dino.waitForOutput(text, 60_000)),
    photograph(file) {
      // Dino opens a menu on a message until it has seen the pointer leave.
      for (const y of ["400", "55"]) run("xdotool", "mousemove", "300", y, "sleep", "0.3");
      const raw = join(home, "raw.png");
      run("convert", "x:root", "-shave", "10x10", "+repage", raw);
      run("pngquant", "--force", "--strip", "64", "--output", file, raw);
    },
    async close() {
      for (const each of [dino, manager, bus, screen]) await each.stop();
    },
  };
}
