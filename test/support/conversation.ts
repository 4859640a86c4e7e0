/** What a person and the agent say to each other, for tests that look at answers and at silence. */
import { randomUUID } from "node:crypto";
import type { SlixmppClient, StanzaEvent } from "./slixmpp.ts";
import type { ModelReply, ModelRequest, StubModel } from "./stub-model.ts";

/** The first turn of a fresh Gateway loads what it needs; later ones take a fraction of a second. */
const ANSWER_MS = 90_000;

/** Says `text` to the agent and gives its first answer. */
export async function ask(
  person: SlixmppClient,
  bot: string,
  text: string,
  extra = "",
): Promise<StanzaEvent> {
  const since = person.stanzas.length;
  await person.send({ to: bot, body: text, extra });
  return await person.waitForBody(bot, { since, timeoutMs: ANSWER_MS });
}

/**
 * Asks something new and waits until it is answered: what the same person had said before to the same
 * agent has been handled by then, because a conversation is taken up in order.
 */
export async function askMarker(
  person: SlixmppClient,
  bot: string,
  timeoutMs = ANSWER_MS,
): Promise<string> {
  const marker = `marker ${randomUUID()}`;
  const since = person.stanzas.length;
  await person.send({ to: bot, body: marker });
  await person.waitFor(({ body }) => body === `echo: ${marker}`, { since, timeoutMs });
  return marker;
}

/** Every text that `bot` sent to this person after position `since`, in order. */
export function bodiesFrom(person: SlixmppClient, bot: string, since = 0): string[] {
  return person.stanzas
    .slice(since)
    .filter(
      ({ event, from }) => event === "message" && (from === bot || from.startsWith(`${bot}/`)),
    )
    .flatMap(({ body }) => (body === undefined ? [] : [body]));
}

/** Whether `text` stands anywhere in what the model was asked, as prompt, history or system text. */
export function hasReachedModel(model: StubModel, text: string): boolean {
  return model.requests.some(({ body }) => JSON.stringify(body).includes(text));
}

/** A model that thinks until the test lets it answer. */
export type Thinking = {
  /** Resolves once the model was asked `count` times. */
  asked(count?: number): Promise<readonly ModelRequest[]>;
  /** Lets every question be answered, those to come as well. */
  answer(reply: (request: ModelRequest) => ModelReply): void;
};

/** Makes the model think; `model.setReply()` brings the echo back. */
export function think(model: StubModel): Thinking {
  const requests: ModelRequest[] = [];
  const watchers = new Set<() => void>();
  let release: (reply: (request: ModelRequest) => ModelReply) => void = () => undefined;
  const released = new Promise<(request: ModelRequest) => ModelReply>((resolve) => {
    release = resolve;
  });
  model.setReply(async (request) => {
    requests.push(request);
    for (const watcher of watchers) watcher();
    return (await released)(request);
  });
  return {
    asked: async (count = 1) =>
      await new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`the model was asked ${requests.length} of ${count} times`)),
          ANSWER_MS,
        );
        const watcher = () => {
          if (requests.length < count) return;
          watchers.delete(watcher);
          clearTimeout(timer);
          resolve(requests);
        };
        watchers.add(watcher);
        watcher();
      }),
    answer: (reply) => release(reply),
  };
}
