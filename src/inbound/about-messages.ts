/**
 * Messages that only say something of another one: it arrived, it was read (XEP-0184, XEP-0333), somebody reacts to it
 * (XEP-0444), takes it back (XEP-0424), or the room takes it away (XEP-0425). None of them is input. What the agent is
 * told of them, it is told of those only whom policy lets speak there.
 *
 * They are not kept on disk: a crash loses the news of them, never a message. Only that a waiting message was taken
 * back is written down before the server hears that the retraction is handled.
 */
import { randomUUID } from "node:crypto";
import { messageOf } from "../errors.ts";
import { placeOfConversation, type SaidMessage } from "../outbound/recent-messages.ts";
import type { Conversation } from "../policy/admission.ts";
import { matchesAllowlist } from "../policy/allowlist.ts";
import { createRate } from "../policy/rate.ts";
import { matchesRoomEntry } from "../policy/room-entry.ts";
import type { BareJid } from "../protocol/jid.ts";
import type { Message } from "../protocol/stanza.ts";
import { nameOf, snippet, tellAgent } from "./agent-events.ts";
import { namesBy, roomsNameOf } from "./revisions.ts";
import { resolveRoute } from "./route.ts";
import { senderKey, type Sender } from "./sender.ts";
import { findHeard } from "./standing.ts";
import type { InboundConfig, InboundContext, InboundMessage, ReceiverContext } from "./types.ts";

/** Of one sender, and of all; each one asks policy. */
const PER_MINUTE = { each: 20, total: 300 };
/** As people may have it; the host has no limit of its own. */
const MAX_TOLD = 10;
/** Of messages that were taken back it is remembered that they were. */
const REMEMBERED = 2_000;

export type About = {
  message: Message;
  conversation: Conversation;
  sender: Sender;
  ownNick?: string | undefined;
  isArchived: boolean;
};

export type AboutMessages = {
  /** Resolves when nothing of it could be lost any more. */
  receive(about: About): Promise<void>;
  /** A room took a message away. */
  moderate(room: BareJid, id: string): Promise<void>;
  /** How far the sender has got with our messages; also on messages that say something. */
  noteProgress(message: Message, conversation: Conversation): void;
  idle(): Promise<void>;
};

export function createAboutMessages(context: ReceiverContext): AboutMessages {
  const { history, log, now, outbox, readConfig, revisions, tally } = context;
  const rate = createRate(60_000);
  /** What is being told, by whom it is about. */
  const running = new Map<string, Promise<void>>();
  /** What was taken back since the start: an archive says so once more. */
  const takenBack = new Set<string>();

  const current = (): InboundContext => ({ ...context, ...readConfig() });

  /** What is told needs nobody to wait for it, but what the same person did before. */
  function run({ sender }: About, work: () => Promise<void>): void {
    const done = (running.get(sender.id) ?? Promise.resolve())
      .then(work)
      .catch((error: unknown) => log.warn(`an event was not told: ${messageOf(error)}`))
      .finally(() => {
        if (running.get(sender.id) === done) running.delete(sender.id);
      });
    running.set(sender.id, done);
  }

  function isTooMuch(about: About): boolean {
    if (rate.take(senderKey(about), PER_MINUTE, now()) === "granted") return false;
    tally.add("events-limited");
    return true;
  }

  async function react(about: About, said: SaidMessage | undefined): Promise<void> {
    const { conversation, message, sender } = about;
    const { reactions } = message;
    if (!reactions || about.isArchived) return;
    const place = placeOfConversation(conversation);
    const isOurs = outbox.recent.isOurs(place, reactions.id);
    const config = current();
    if ((!said && !isOurs) || !isWanted(config, about, isOurs)) return;
    if (isTooMuch(about)) return;
    const session = await findHeard(config, asInbound(about, now()));
    if (!session) return tally.add("not-admitted");
    // Somebody else's agent has no part in it.
    if (session.awaitsAgent) return;
    const before = said?.reactions.get(sender.id) ?? [];
    const signs = [...new Set(reactions.reactions.map(asSign))].slice(0, MAX_TOLD);
    said?.reactions.set(sender.id, signs);
    if (said && signs.join(" ") === before.join(" ")) return;
    const whose = isOurs ? "your" : "somebody's";
    const what = said ? `${whose} message ${snippet(said.text)}` : "an earlier message of yours";
    const text =
      signs.length > 0
        ? `${nameOf(about)} reacted with ${signs.join(" ")} to ${what}.`
        : `${nameOf(about)} took back their reaction to ${what}.`;
    const key = ["reaction", place, reactions.id, sender.id];
    tellAgent(context, session, key, text);
  }

  function isNews(event: string, by: "author" | "room"): boolean {
    const key = `${by} ${event}`;
    if (takenBack.has(key)) return false;
    takenBack.add(key);
    for (const oldest of takenBack) {
      if (takenBack.size <= REMEMBERED) break;
      takenBack.delete(oldest);
    }
    return true;
  }

  /** @returns what was known of it, where the agent may have read it */
  async function takeBack(
    place: Conversation | BareJid,
    called: readonly string[],
    id: string,
    /** Whose message it is; undefined: the room names it. */
    author?: Sender,
  ): Promise<{ said: SaidMessage | undefined } | undefined> {
    const retracted = await revisions.retract(called);
    if (!retracted) return undefined;
    if (retracted.was === "waiting") {
      log.info("a message that waited was taken back");
      return undefined;
    }
    if (!isNews(retracted.event, author ? "author" : "room")) return undefined;
    const at = typeof place === "string" ? place : placeOfConversation(place);
    const { recent } = outbox;
    const said = author ? recent.findBy(author.id, at, id) : recent.find(at, id);
    if (said) recent.remove(said.senderId, at, id);
    const room = typeof place === "string" ? place : place.kind === "room" ? place.room : undefined;
    // Also of those who are only overheard, of whom nothing else is known.
    const names = { ids: said?.ids ?? [], names: called };
    const wasContext = room !== undefined && history.forgetMessage(room, names);
    return wasContext ? undefined : { said };
  }

  /** A moderator took a message of ours. */
  function takeOurs(room: BareJid, id: string): { said: SaidMessage | undefined } | undefined {
    if (!isNews(`${room} ${id}`, "room")) return undefined;
    const said = outbox.recent.find(room, id);
    outbox.recent.remove(undefined, room, id);
    return { said };
  }

  async function retract(about: About, id: string): Promise<void> {
    const taken = await takeBack(about.conversation, namesBy(about, id), id, about.sender);
    if (!taken) return;
    run(about, async () => {
      if (isTooMuch(about)) return;
      const session = await findHeard(current(), asInbound(about, now()));
      if (!session) return tally.add("not-admitted");
      const what = taken.said ? `their message ${snippet(taken.said.text)}` : "an earlier message";
      const key = ["retraction", placeOfConversation(about.conversation), id];
      const text = `${nameOf(about)} took back ${what}: treat it as not said.`;
      tellAgent(context, session, key, text);
    });
  }

  return {
    async receive(about) {
      const { conversation, message } = about;
      this.noteProgress(message, conversation);
      if (message.retraction) await retract(about, message.retraction.id);
      const { reactions } = message;
      if (!reactions) return;
      const said = outbox.recent.find(placeOfConversation(conversation), reactions.id);
      run(about, async () => await react(about, said));
    },
    async moderate(room, id) {
      const isOurs = outbox.recent.isOurs(room, id);
      const taken = isOurs ? takeOurs(room, id) : await takeBack(room, [roomsNameOf(room, id)], id);
      if (!taken) return;
      const conversation = { kind: "room" as const, room, nick: "" };
      // Whose memory it is in, where people have one each (`sharedSessions`), the room cannot say.
      const { route } = resolveRoute(current(), { conversation, sender: ROOM_ITSELF });
      const [whose, unknown] = isOurs
        ? ["your", "an earlier message of yours"]
        : ["the", "a message"];
      const what = taken.said ? `${whose} message ${snippet(taken.said.text)}` : unknown;
      const text = `A moderator of ${room} removed ${what}: treat it as not said.`;
      tellAgent(context, route, ["retraction", room, id], text);
    },
    noteProgress({ from, marker, receiptFor }, conversation) {
      if (conversation.kind !== "direct" || !from) return;
      if (receiptFor !== undefined)
        outbox.sent.acknowledge(receiptFor, from.full, "delivered", now());
      if (marker) {
        const stage = marker.type === "received" ? "delivered" : "displayed";
        outbox.sent.acknowledge(marker.id, from.full, stage, now());
      }
    },
    async idle() {
      await Promise.allSettled(running.values());
    },
  };
}

const ROOM_ITSELF: Sender = {
  id: "",
  grade: "nick",
  jid: undefined,
  occupant: { jid: undefined, occupantId: undefined, affiliation: "none", role: "none" },
  label: "",
};

/** `reactionNotifications`, as the host's other channels have it. */
function isWanted(
  { settings }: Pick<InboundConfig, "settings">,
  { sender }: About,
  isOurs: boolean,
): boolean {
  switch (settings.reactionNotifications ?? "own") {
    case "off":
      return false;
    case "own":
      return isOurs;
    case "all":
      return true;
    case "allowlist": {
      const entries = (settings.reactionAllowlist ?? []).map(String);
      if (sender.jid && matchesAllowlist(entries, sender.jid)) return true;
      return entries.some((entry) => matchesRoomEntry(entry, sender.occupant));
    }
  }
}

/**
 * An emoji; words have no place in an event, nor have names of emoji: ten of them are a sentence. Keyboards leave out
 * what asks for colour (U+FE0F) where several are joined to one.
 */
const PICTURE = String.raw`\p{Extended_Pictographic}(?:\uFE0F|\p{Emoji_Modifier})?`;
const SIGN = new RegExp(String.raw`^(?:\p{RGI_Emoji}|${PICTURE}(?:\u200D${PICTURE}){0,9})$`, "v");
const asSign = (text: string): string => (SIGN.test(text) ? text : "something else than an emoji");

function asInbound(about: About, at: number): InboundMessage {
  const { isArchived: _unused, ...facts } = about;
  return {
    ...facts,
    body: "",
    isEncrypted: false,
    messageId: randomUUID(),
    timestamp: at,
    waitsSince: at,
  };
}
