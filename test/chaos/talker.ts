/**
 * Somebody who says numbered messages in one conversation and never loses one on the way: what is not known
 * to have reached the server is looked up in the server's archive, and said again if it is not there.
 */
import { setTimeout as delay } from "node:timers/promises";

import type { Prosody } from "../support/prosody.ts";
import { startSlixmppUser } from "../support/slixmpp.ts";
import { createArchiveReader, type ArchiveReader } from "./archive-reader.ts";
import { numberedText, numbersIn } from "./numbers.ts";
import { between, type Random } from "./schedule.ts";

export interface Conversation {
  /** Lower-case letters. */
  readonly name: string;
  /** Local part of the person's account. */
  readonly user: string;
  /** Whom the person talks to: the agent, or a room that both are in. */
  readonly to: string;
  readonly isRoom: boolean;
}

export interface Said {
  readonly number: number;
  /** The stanza's id. */
  readonly id: string;
  /** ms, when the server had it for certain. */
  readonly acceptedAt: number;
}

export interface Talker extends Conversation {
  readonly said: readonly Said[];
  /** The archive in which both the messages and their answers stand: the person's own, or the room's. */
  readonly archive: ArchiveReader;
  /** Takes up talking; resolves when it is told to stop and the last message is with the server. */
  talk(signal: AbortSignal): Promise<void>;
  /** The archive's messages of now, logging in again if need be. */
  readArchive(): Promise<void>;
  stop(): Promise<void>;
}

/** So many since the last one that was answered, and one waits before one says more. */
const PATIENCE = 30;

export interface TalkerOptions {
  readonly prosody: Prosody;
  readonly conversation: Conversation;
  readonly random: Random;
  /** ms between two messages, at least and at most. */
  readonly paceMs: readonly [number, number];
  readonly onSaid: (text: string) => void;
}

export async function startTalker(options: TalkerOptions): Promise<Talker> {
  const { prosody, conversation, random, paceMs, onSaid } = options;
  const { name, user, to, isRoom } = conversation;
  const client = await startSlixmppUser(prosody, user);
  const archive = createArchiveReader(client, isRoom ? to : undefined);
  const said: Said[] = [];

  const enter = async (): Promise<void> => {
    if (isRoom) await client.join(to, user);
  };
  let entering: Promise<void> | undefined;
  /** Logged in, and in the room. */
  const comeBack = async (): Promise<void> => {
    for (;;) {
      try {
        await client.reconnect();
        await enter();
        return;
      } catch {
        // The server is not back yet.
        await delay(300);
      }
    }
  };
  const beOnline = async (): Promise<void> => {
    if (client.isConnected()) return;
    entering ??= comeBack().finally(() => (entering = undefined));
    await entering;
  };
  const lookUp = async (id: string): Promise<boolean> => {
    for (;;) {
      await beOnline();
      try {
        // The room may have lost us while the stream stayed.
        await enter();
        return (await archive.read()).some(({ stanzaId }) => stanzaId === id);
      } catch {
        await delay(300);
      }
    }
  };

  /** True when the server has handled it, false when that is unknown. */
  const sendOnce = async (id: string, text: string): Promise<boolean> => {
    const since = client.stanzas.length;
    const ended = client.disconnected().then(() => false);
    const handled = async (): Promise<boolean> => {
      const extra = `<origin-id xmlns='urn:xmpp:sid:0' id='${id}'/>`;
      await client.send({ to, body: text, id, extra, type: isRoom ? "groupchat" : "chat" });
      // A room says it to everybody, us too; a stanza to a person is handled before the ping after it.
      if (!isRoom) await client.ping();
      else {
        const back = await client.waitFor(
          ({ event, stanzaId }) => event === "message" && stanzaId === id,
          { since },
        );
        if (back.type === "error") throw new Error(`${to} refused: ${back.xml}`);
      }
      return true;
    };
    try {
      return await Promise.race([handled(), ended]);
    } catch {
      return false;
    }
  };
  const say = async (number: number): Promise<void> => {
    const id = `${name}-${number}-${Math.floor(random() * 2 ** 32).toString(16)}`;
    const text = numberedText({ conversation: name, number });
    for (;;) {
      await beOnline();
      if ((await sendOnce(id, text)) || (await lookUp(id))) break;
    }
    said.push({ number, id, acceptedAt: Date.now() });
    onSaid(text);
  };
  const lastAnswered = (): number =>
    Math.max(
      0,
      ...archive.messages
        .filter(({ body }) => body.startsWith("answer "))
        .flatMap(({ body }) => numbersIn(body).map(({ number }) => number)),
    );

  await enter();
  return {
    ...conversation,
    said,
    archive,
    async talk(signal) {
      while (!signal.aborted) {
        await delay(between(random, ...paceMs), undefined, { signal }).catch(() => {});
        if (signal.aborted) return;
        if (said.length - lastAnswered() < PATIENCE) await say(said.length + 1);
      }
    },
    async readArchive() {
      await beOnline();
      await archive.read();
    },
    stop: () => client.stop(),
  };
}
