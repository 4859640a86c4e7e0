import { spawn } from "node:child_process";
import type { Socket } from "node:net";
import type { Writable } from "node:stream";

/**
 * A shell that outlives us by a moment: it reads what to clean up and does it when its input ends,
 * which happens however this process dies. Vitest, for one, kills its workers 500 ms after SIGTERM.
 */
const SCRIPT = `
without() { for one in $1; do [ "$one" = "$2" ] || printf '%s ' "$one"; done; }
while read -r what name; do
  case $what in
    +group) groups="$groups $name" ;;
    -group) groups=$(without "$groups" "$name") ;;
    +folder) folders="$folders $name" ;;
    -folder) folders=$(without "$folders" "$name") ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group"; done
[ -z "$groups" ] || sleep 0.2
for folder in $folders; do rm -rf -- "$folder"; done
`;

let input: Writable | undefined;

function tell(line: string): void {
  if (input === undefined) {
    const shell = spawn("/bin/sh", ["-c", SCRIPT], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
    shell.unref();
    // Without a shell the exit handlers of at-exit.ts are what is left.
    shell.on("error", () => {});
    shell.stdin.on("error", () => {});
    (shell.stdin as unknown as Socket).unref();
    input = shell.stdin;
  }
  input.write(`${line}\n`);
}

/** Kills the process group `id` when this process is gone. @returns a function that forgets it. */
export function watchGroup(id: number): () => void {
  tell(`+group ${id}`);
  return () => tell(`-group ${id}`);
}

/** Removes the folder when this process is gone. @returns a function that forgets it. */
export function watchFolder(path: string): () => void {
  // The shell splits at blanks; a temporary directory with one is left to the exit handlers.
  if (/\s/.test(path) || process.env["OPENCLAW_XMPP_KEEP"] === "1") return () => {};
  tell(`+folder ${path}`);
  return () => tell(`-folder ${path}`);
}
