/**
 * The choices that were offered last in a conversation: a number in answer to them is the choice's value. In memory;
 * after a restart a number is a number.
 */
import type { Choice } from "./choices.ts";
import type { Place } from "./recent-messages.ts";

const KEPT_PLACES = 300;
const KEPT_TEXTS = 50;

export type OfferedChoices = {
  note(place: Place, messageId: string, choices: readonly Choice[]): void;
  /** What was offered there last, and by which message. */
  last(place: Place): { messageId: string; choices: readonly Choice[] } | undefined;
};

const accounts = new Map<string, OfferedChoices>();

/** Those of an account of this process. */
export function offeredChoicesOf(accountId: string): OfferedChoices {
  const known = accounts.get(accountId) ?? createOfferedChoices();
  accounts.set(accountId, known);
  return known;
}

export function createOfferedChoices(): OfferedChoices {
  const places = new Map<Place, { messageId: string; choices: readonly Choice[] }>();
  return {
    note(place, messageId, choices) {
      places.delete(place);
      places.set(place, { messageId, choices });
      forgetOldest(places, KEPT_PLACES);
    },
    last: (place) => places.get(place),
  };
}

/** The host has a message rendered, and then hands over its text alone. */
const rendered = new Map<string, readonly Choice[]>();

export function noteRendered(text: string, choices: readonly Choice[]): void {
  rendered.delete(text);
  if (choices.length > 0) rendered.set(text, choices);
  forgetOldest(rendered, KEPT_TEXTS);
}

/** The choices that were rendered into that very text. */
export const renderedInto = (text: string): readonly Choice[] => rendered.get(text) ?? [];

function forgetOldest(map: Map<unknown, unknown>, most: number): void {
  for (const oldest of map.keys()) {
    if (map.size <= most) break;
    map.delete(oldest);
  }
}
