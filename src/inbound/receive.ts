/**
 * The road in, step by step: stanza → decode → admission → identity → disk → policy → pairing challenge,
 * or route → context → dispatch. Nobody's text reaches a model, a command or a session before policy
 * said yes.
 */
import { Element } from "ltx";
import { isAbortRequestText } from "openclaw/plugin-sdk/command-primitives-runtime";
import { messageOf } from "../errors.ts";
import { stripMention } from "../policy/mention.ts";
import { bareJid, type BareJid, type FullJid } from "../protocol/jid.ts";
import { decodeMessage, type Message } from "../protocol/stanza.ts";
import { createAboutMessages } from "./about-messages.ts";
import { createAnnouncedFiles } from "./announced-files.ts";
import { createApprovalAnswers } from "./approval-answers.ts";
import type { AuthorsOf } from "./archive-revisions.ts";
import { findAddressed, findAuthors, findStanding, type Standing } from "./archived-addressing.ts";
import { hostConversation } from "./conversation.ts";
import { IngressFullError } from "./ingress-queue.ts";
import { createIngress } from "./ingress.ts";
import { createKept, identify, readMessage, type Found, type Read } from "./read-message.ts";
import { correctedBy } from "./revisions.ts";
import type { SavedFile } from "./save-file.ts";
import { directPlace, senderKey } from "./sender.ts";
import { storeMessage, type StoredMessage } from "./stored-message.ts";
import { createStops, stopLane } from "./stops.ts";
import { takeTurn } from "./turn.ts";
import type { Archived, InboundMessage, ReceiverContext } from "./types.ts";

/** A line in the log about refused messages, ms. */
const TELL_EVERY_MS = 60_000;

export type Receiver = {
  /**
   * Resolves when the message is on disk, or is nothing to act on.
   * @param archived where it was read from, unless it came by itself
   * @param wanted what it has to wait for, and is nothing to act on where that says no; who spoke is settled
   *   before
   * @throws IngressFullError too many wait, for an archived one; anything else: it could not be stored. The
   *   server has to keep it
   */
  receive(stanza: Element, archived?: Archived, wanted?: Promise<boolean>): Promise<void>;
  /**
   * A file that somebody sent within the stream itself, with what they said of it: a message of theirs, in its order.
   * Resolves when it is on disk. @throws where it is not
   */
  receiveFile(from: FullJid, file: SavedFile, words: string): Promise<void>;
  /** Which messages of a room's archive may be orders to the agent. */
  findAddressed(room: BareJid): (message: Message) => boolean;
  /** Who wrote the messages of a room's archive; undefined: of our account's. */
  findAuthors(room: BareJid | undefined): AuthorsOf;
  /** Of whom its messages are. */
  findStanding(room: BareJid): (message: Message) => Standing;
  /** Begins to take up what lies on disk. Until then, and after `stop`, messages are only stored. */
  start(): void;
  /** Resolves when no message is taken up any more. */
  stop(): Promise<void>;
  /** Resolves when all that was received has been handed over, unless it has to be tried again. */
  idle(): Promise<void>;
};

export function createReceiver(context: ReceiverContext): Receiver {
  const { log, tally, now, readConfig } = context;
  const stops = createStops(context.queue);
  const ingress = createIngress({
    accountId: context.accountId,
    queue: context.queue,
    isStopped: stops.has,
    isReplaced: context.revisions.isReplaced,
    readConfig: () => readConfig().cfg,
    // Decided by what is the configuration when its turn comes, not when it arrived.
    takeUp: async (inbound, eventId, lifecycle) =>
      await takeTurn({ ...context, ...readConfig(), stops }, inbound, { eventId, lifecycle }),
    log,
    now,
  });
  const mayHaveWaited = createKept(context);
  const aboutMessages = createAboutMessages(context);
  const announcedFiles = createAnnouncedFiles();
  const approvalAnswers = createApprovalAnswers(context);
  /** What is being stored: who says something of a message means one that came before. */
  const storing = new Set<Promise<unknown>>();
  /** Corrections for which a place is looked for: what comes next must not overtake. */
  const placing = new Set<Promise<unknown>>();
  let lastJid: FullJid | undefined;
  const refusals = { count: 0, toldAt: -Infinity };

  /** Undefined when it is nothing to act on. Hostile input must not cost the connection. */
  function guarded<T>(read: () => T | undefined): T | undefined {
    try {
      return read();
    } catch (error) {
      log.error(`a message could not be read: ${messageOf(error)}`);
      return undefined;
    }
  }

  function prepare(stanza: Element, found: Found): StoredMessage {
    const { inbound: identified, archiveId } = identify(context, found);
    const announced = announcedFiles.find(identified);
    const inbound = announced.length > 0 ? { ...identified, announced } : identified;
    const { isHeld } = found;
    context.onInbound(now());
    const { id, kind } = hostConversation({ ...context, ...readConfig() }, inbound);
    const lane = saysStop(inbound) ? stopLane(id) : id;
    const share = kind === "group" ? shareOf(context, inbound) : undefined;
    return storeMessage(inbound, { lane, share, xml: stanza.toString(), archiveId, isHeld });
  }

  async function store(message: StoredMessage, inbound: Found["inbound"]): Promise<boolean> {
    const corrects = correctedBy(inbound.message);
    const stored = (async () => {
      if (corrects === undefined) {
        if (placing.size > 0) await Promise.allSettled(placing);
        return await ingress.admit(message);
      }
      await Promise.allSettled(storing);
      const placed = await context.revisions.place(message, corrects, inbound);
      return await ingress.admit(placed.message, placed.receivedAt);
    })();
    storing.add(stored);
    if (corrects !== undefined) placing.add(stored);
    return await stored.finally(() => {
      storing.delete(stored);
      placing.delete(stored);
    });
  }

  /** As it comes: the message with the places may be right behind it. */
  function noteAnnounced(read: Read, archived: Archived | undefined): void {
    const said = "about" in read ? read.about : "inbound" in read ? read.inbound : undefined;
    if (!said || said.message.fileShares.length === 0) return;
    announcedFiles.note(said, context.strangers.isStranger(said), archived?.id);
  }

  function isApprovalAnswer(read: Read): boolean {
    if ("about" in read) return approvalAnswers.take(read.about, read.about.isArchived);
    if (!("inbound" in read) || read.inbound.isEncrypted) return false;
    if (!approvalAnswers.take(read.inbound, read.isArchived)) return false;
    aboutMessages.noteProgress(read.inbound.message, read.inbound.conversation);
    return true;
  }

  function noteRefusal(error: IngressFullError): void {
    tally.add("queue-full");
    refusals.count += 1;
    if (now() - refusals.toldAt < TELL_EVERY_MS) return;
    log.warn(`refused ${refusals.count} message(s): ${error.message}`);
    Object.assign(refusals, { count: 0, toldAt: now() });
  }

  /** To the disk. @returns false where it is nothing to take up */
  async function take(
    found: Found,
    stanza: Element,
    archived: Archived | undefined,
  ): Promise<boolean> {
    const mayBeStored = context.strangers.mayBeStored(found.inbound);
    // Awaited only where it must be: what comes next must not overtake.
    if (!(mayBeStored === true || (await mayBeStored))) {
      tally.add("not-admitted");
      return false;
    }
    const message = guarded(() => prepare(stanza, found));
    if (!message) return false;
    try {
      if (!(await store(message, found.inbound))) tally.add("duplicate");
      return true;
    } catch (error) {
      // What lies in an archive can wait there.
      if (!(error instanceof IngressFullError) || archived) throw error;
      noteRefusal(error);
      return false;
    }
  }

  return {
    async receive(stanza, archived, wanted) {
      if (!stanza.is("message")) return;
      // What was read while we were online may be handed on when the line is down.
      const ownJid = (lastJid = context.outbox.session.jid ?? lastJid);
      if (!ownJid) throw new Error("a message before the first login");
      const found = guarded(() =>
        readMessage(context, decodeMessage(stanza), ownJid, archived, mayHaveWaited),
      );
      if (!found) return;
      noteAnnounced(found, archived);
      if (wanted && !(await wanted)) return;
      if (isApprovalAnswer(found)) return;
      if ("about" in found) {
        await Promise.allSettled(storing);
        return await aboutMessages.receive(found.about);
      }
      if ("moderated" in found) {
        await Promise.allSettled(storing);
        return await aboutMessages.moderate(found.moderated.room, found.moderated.id);
      }
      aboutMessages.noteProgress(found.inbound.message, found.inbound.conversation);
      await take(found, stanza, archived);
    },
    async receiveFile(from, file, words) {
      const { session } = context.outbox;
      const own = bareJid(session.jid ?? lastJid ?? "");
      const peer = bareJid(from);
      if (!own || !peer) throw new Error("a file before the first login");
      const stanza = new Element("message", { from, to: own, type: "chat" });
      if (words) stanza.c("body").t(words);
      const at = now();
      const inbound = {
        ...directPlace(context, peer),
        message: decodeMessage(stanza),
        body: words,
        isEncrypted: false,
        received: [file],
        timestamp: at,
        waitsSince: at,
      };
      const found = { inbound, by: own, stanzaId: undefined, isArchived: false, isHeld: false };
      if (!(await take(found, stanza, undefined))) throw new Error("it cannot be taken up now");
    },
    findAddressed: (room) => findAddressed({ ...context, ...readConfig() }, room),
    findAuthors: (room) => findAuthors(context, room),
    findStanding: (room) => findStanding(context, room),
    start() {
      try {
        ingress.start();
      } catch (error) {
        log.error(`messages cannot be taken up: ${messageOf(error)}`);
      }
    },
    stop: ingress.stop,
    async idle() {
      await ingress.idle();
      await aboutMessages.idle();
      await approvalAnswers.idle();
    },
  };
}

/** Whom policy cannot let in, or nobody vouches for, could come under any number of names. */
function shareOf({ strangers }: ReceiverContext, inbound: InboundMessage): string {
  return strangers.isStranger(inbound) ? "strangers" : senderKey(inbound);
}

function saysStop({ body, ownNick }: InboundMessage): boolean {
  return isAbortRequestText(ownNick === undefined ? body : stripMention(body, { nick: ownNick }));
}
