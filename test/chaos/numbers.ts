/** Numbered messages: `#team-17` is the 17th that was said in the conversation `team`. */

export interface Numbered {
  readonly conversation: string;
  readonly number: number;
}

export function numberedText({ conversation, number }: Numbered): string {
  return `#${conversation}-${number}`;
}

/** Every numbered message that a text names, in order. */
export function numbersIn(text: string): Numbered[] {
  return [...text.matchAll(/#([a-z]+)-(\d+)/g)].map(([, conversation = "", number]) => ({
    conversation,
    number: Number(number),
  }));
}
