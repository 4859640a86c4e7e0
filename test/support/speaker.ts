/** A model that says its answer piece by piece. */
import { setTimeout as delay } from "node:timers/promises";

export type Speaker = {
  /** What the model's reply function returns. */
  speech(): AsyncIterable<string>;
  say(piece: string): void;
  end(): void;
};

/** Each piece as the test wants it. */
export function createSpeaker(): Speaker {
  const { readable, writable } = new TransformStream<string, string>();
  const writer = writable.getWriter();
  return {
    speech: () => readable,
    say: (piece) => void writer.write(piece),
    end: () => void writer.close(),
  };
}

/** One piece every `ms`, as a real model may take. */
export async function* speakSlowly(pieces: readonly string[], ms: number): AsyncIterable<string> {
  for (const piece of pieces) {
    yield piece;
    await delay(ms);
  }
}
