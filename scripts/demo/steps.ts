/** Progress on standard error, so that standard output holds nothing but the agent's answer. */
export function say(line = ""): void {
  process.stderr.write(`${line}\n`);
}

/** Runs one step of the demo, telling its name, its result and how long it took. */
export async function step<T>(name: string, run: () => Promise<T>): Promise<T> {
  process.stderr.write(`  ${name} … `);
  const since = performance.now();
  try {
    const result = await run();
    say(`done (${((performance.now() - since) / 1000).toFixed(1)} s)`);
    return result;
  } catch (error) {
    say("failed");
    throw error;
  }
}

/** The person pressed Ctrl-C, or closed the terminal. */
export class InterruptedError extends Error {
  override name = "InterruptedError";
}

/** Things to undo, newest first. */
export interface CleanUp {
  add(undo: () => Promise<void> | void): void;
  run(): Promise<void>;
}

export function createCleanUp(): CleanUp {
  const undos: Array<() => Promise<void> | void> = [];
  return {
    add: (undo) => void undos.push(undo),
    async run() {
      for (let undo = undos.pop(); undo !== undefined; undo = undos.pop()) {
        try {
          await undo();
        } catch (error) {
          say(`  while cleaning up: ${String(error)}`);
        }
      }
    },
  };
}
