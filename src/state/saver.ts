/** Writes a file some time after its content changed, for what changes often. */
import { messageOf } from "../errors.ts";
import type { FileLog } from "./json-file.ts";

const SAVE_INTERVAL_MS = 1000;

export type Saver = {
  /** Writes now. @throws what writing throws */
  save(): void;
  /** Writes what is not written yet; trouble is logged, once until it is over. */
  flush(): void;
  /** Something has changed. */
  schedule(): void;
};

/** Writes at most once a second. */
export function createSaver(write: () => void, file: string, log: FileLog): Saver {
  let timer: NodeJS.Timeout | undefined;
  let hasChanges = false;
  let isFailing = false;
  const clear = () => {
    clearTimeout(timer);
    timer = undefined;
  };
  const saver: Saver = {
    save() {
      clear();
      hasChanges = true;
      write();
      hasChanges = isFailing = false;
    },
    flush() {
      clear();
      if (!hasChanges) return;
      try {
        saver.save();
      } catch (error) {
        if (!isFailing) log.warn(`${file} cannot be written: ${messageOf(error)}`);
        isFailing = true;
      }
    },
    schedule() {
      hasChanges = true;
      // Not a reason for a command-line process to live on: `stop` writes the rest.
      timer ??= setTimeout(saver.flush, SAVE_INTERVAL_MS).unref();
    },
  };
  return saver;
}
