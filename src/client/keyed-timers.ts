/** Timers of which each key has one at most: setting another takes the former one's place. */
export type KeyedTimers<K> = {
  set(key: K, ms: number, action: () => void): void;
  clear(key: K): void;
  clearAll(): void;
};

export function createKeyedTimers<K>(): KeyedTimers<K> {
  const timers = new Map<K, NodeJS.Timeout>();

  function clear(key: K): void {
    clearTimeout(timers.get(key));
    timers.delete(key);
  }

  return {
    set(key, ms, action) {
      clear(key);
      timers.set(
        key,
        setTimeout(() => (timers.delete(key), action()), ms),
      );
    },
    clear,
    clearAll() {
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
    },
  };
}
