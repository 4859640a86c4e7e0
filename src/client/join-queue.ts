/** Lets so many attempts run at once; the others wait in the order in which they came. */
export type JoinQueue<T> = {
  add(entry: T): void;
  /** The attempt is over, or is not wanted any more. */
  end(entry: T): void;
  isRunning(entry: T): boolean;
  /** Waiting attempts may begin. */
  open(): void;
  /** Drops all attempts and begins no other. */
  close(): void;
};

export function createJoinQueue<T>(limit: number, begin: (entry: T) => void): JoinQueue<T> {
  const waiting = new Set<T>();
  const running = new Set<T>();
  let isOpen = false;

  function next(): void {
    for (const entry of waiting) {
      if (!isOpen || running.size >= limit) return;
      waiting.delete(entry);
      running.add(entry);
      begin(entry);
    }
  }

  return {
    add(entry) {
      waiting.add(entry);
      next();
    },
    end(entry) {
      waiting.delete(entry);
      if (running.delete(entry)) next();
    },
    isRunning: (entry) => running.has(entry),
    open() {
      isOpen = true;
      next();
    },
    close() {
      isOpen = false;
      waiting.clear();
      running.clear();
    },
  };
}
