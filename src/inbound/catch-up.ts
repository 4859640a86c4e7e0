/**
 * Takes up what was said while we were away, from the archives (XEP-0313) of our own account and of the
 * rooms, and keeps account of how far each of them was handled.
 *
 * After a login, our initial presence goes out first: what comes from then on comes live, and what came before
 * is in the archive, so that nothing falls in between. After a room was entered it is the same. Meanwhile
 * live messages wait at a gate, 20 s at most. After a resumed stream nothing is missing.
 */
import type { Element } from "ltx";
import { XmppNotSentError, XmppStanzaError, messageOf } from "../errors.ts";
import type { Archive } from "../client/archive.ts";
import { createJoinQueue } from "../client/join-queue.ts";
import { createKeyedTimers } from "../client/keyed-timers.ts";
import { mayBeResumed } from "../client/resumption.ts";
import type { Rooms, RoomView } from "../client/rooms.ts";
import type { ConnectionState, Logger, XmppSession } from "../client/types.ts";
import { WITHOUT_ARCHIVE, type CatchUp as CatchUpConfig } from "../policy/limits.ts";
import { bareJid, domainOf, parseJid, type BareJid } from "../protocol/jid.ts";
import { decodeMessage, type Message } from "../protocol/stanza.ts";
import { trustedStanzaId } from "../protocol/xep-0359-ids.ts";
import type { ArchiveCursors } from "../state/archive-cursors.ts";
import { readArchive } from "./archive-reading.ts";
import { isOfUse, isOfUseInRoom, isRoomPrivate, type RoomFinder } from "./archived-message.ts";
import { createArchiveTrack, type ArchiveTrack } from "./archive-track.ts";
import { withoutArchivedAuthor } from "../protocol/xep-0045-muc.ts";
import { isOwnArchived } from "./sender.ts";
import { IngressFullError } from "./ingress-queue.ts";
import type { Tally } from "./tally.ts";
import type { Archived } from "./types.ts";

export type CatchUp = {
  /** A live stanza, on its way to the receiver. @throws what the receiver throws */
  receive(stanza: Element): Promise<void>;
  /** Whether our account has an archive that can be read; undefined while unknown. */
  readonly hasArchive: boolean | undefined;
  stop(): void;
};

export type CatchUpOptions = {
  session: XmppSession;
  rooms: Rooms;
  archive: Archive;
  cursors: ArchiveCursors;
  receiver: {
    /** `wanted`: the message waits for it, and is nothing to act on where it says no. */
    receive(stanza: Element, archived?: Archived, wanted?: Promise<boolean>): Promise<void>;
  };
  /** Tells when our initial presence is out. */
  onReady: (listener: () => void) => () => void;
  /** Domains of our own server's room services. */
  roomServices: () => ReadonlySet<string>;
  /** Tells whom policy cannot let in. */
  findStrangers: () => Promise<(peer: BareJid) => boolean>;
  readConfig: () => CatchUpConfig;
  tally: Tally;
  log: Logger;
  now: () => number;
};

/** How long live messages wait for older ones. */
const GATE_MS = 20_000;
/** Rooms that are asked at once; our own account comes before all of them. */
const PARALLEL_ROOMS = 4;
/** Messages of strangers that are read of an archive at most; it takes one to ask for a pairing code. */
const MAX_OF_STRANGERS = 20;
/** How soon a message is tried again that too many others wait before. */
const FULL_RETRY_MS = 500;
const FIRST_RETRY_MS = 30_000;
const LONGEST_RETRY_MS = 10 * 60_000;
/**
 * A server stores what it holds back a little later than in the archive, or tells whole seconds only. Who
 * said something that close to the limit is found in the archive.
 */
const HELD_LATER_MS = 1_000;

/** One archive that is to be read, from a login or the entry into a room on. */
type Job = {
  track: ArchiveTrack;
  /** undefined: our own account */
  room: BareJid | undefined;
  joinedAt: number | undefined;
  isStarted: boolean;
  /** Of an account: settles once it is known where its first start begins. */
  beginning: Promise<void>;
  retryMs: number;
  /** Aborted when the stream or the stay in the room is over. */
  end: AbortController;
};

export function createCatchUp(options: CatchUpOptions): CatchUp {
  const { session, rooms, archive, cursors, receiver, readConfig, tally, log } = options;
  const tracks = new Map<BareJid, ArchiveTrack>();
  const jobs = new Map<BareJid, Job>();
  const retries = createKeyedTimers<Job>();
  const queue = createJoinQueue<Job>({
    limit: PARALLEL_ROOMS,
    serviceOf: () => "",
    begin: (job) => void run(job).finally(() => queue.end(job)),
  });
  let own: BareJid | undefined;
  let hasArchive: boolean | undefined;

  const showsJids = (room: BareJid | undefined) =>
    room !== undefined && rooms.get(room)?.nonAnonymous === true;

  const isRoom: RoomFinder = ({ bare, domain }) =>
    rooms.get(bare) !== undefined || options.roomServices().has(domain);
  const isOurs = (message: Message) => own !== undefined && isOwnArchived(message, rooms, own);

  function trackOf(by: BareJid): ArchiveTrack {
    const track = tracks.get(by) ?? createArchiveTrack(by, cursors, () => showsJids(by));
    tracks.set(by, track);
    return track;
  }

  /** From now on live messages of that archive wait. */
  function begin(by: BareJid, room?: RoomView): void {
    // Who switches it off and on again begins anew.
    if (!readConfig().enabled) return cursors.forget(by);
    const track = trackOf(by);
    giveUp(by);
    track.fallBehind(GATE_MS);
    const job: Job = {
      track,
      room: room?.room,
      joinedAt: room?.joinedAt,
      isStarted: false,
      beginning: Promise.resolve(),
      retryMs: FIRST_RETRY_MS,
      end: new AbortController(),
    };
    jobs.set(by, job);
    // Asked before our presence goes out: what comes after that question is no old history.
    if (!room && !track.cursor) job.beginning = start(job).catch(() => undefined);
  }

  function onState(state: ConnectionState): void {
    if (state.kind === "online") {
      if (state.facts.resumed) return;
      end();
      own = bareJid(state.facts.jid);
      if (own) begin(own);
    } else if (!mayBeResumed(state)) end();
  }

  /** Nothing more is fetched; who waits at the gate goes on. */
  function giveUp(by: BareJid): void {
    const job = jobs.get(by);
    if (!job) return;
    jobs.delete(by);
    retries.clear(job);
    job.end.abort(new XmppNotSentError("the stream has ended, or the stay in the room"));
    job.track.open();
  }

  function end(): void {
    queue.close();
    for (const by of jobs.keys()) giveUp(by);
  }

  function onPresence(): void {
    const job = own && jobs.get(own);
    if (!job || job.isStarted) return queue.open();
    job.isStarted = true;
    void run(job);
    // An archive that takes longer does not keep the rooms' waiting.
    void (job.track.opening ?? Promise.resolve()).then(() => {
      if (!job.end.signal.aborted) queue.open();
    });
  }

  function onRoom(view: RoomView): void {
    const { room, state, joinedAt } = view;
    if (state !== "joined") giveUp(room);
    if (state === "leaving") {
      // Who comes back one day begins at that moment.
      tracks.delete(room);
      cursors.forget(room);
    }
    if (state !== "joined") return;
    if (jobs.get(room)?.joinedAt !== joinedAt) begin(room, view);
    const job = jobs.get(room);
    // Only once the room has said what it vouches for can its people be told apart.
    if (!job || job.isStarted || view.archive === undefined) return;
    job.isStarted = true;
    if (view.archive) queue.add(job);
    else job.track.open();
  }

  async function run(job: Job): Promise<void> {
    const { signal } = job.end;
    try {
      await job.beginning;
      if (job.room === undefined && !(await hasOwnArchive())) return;
      if (!job.track.cursor) await start(job);
      await fetch(job);
    } catch (error) {
      if (!signal.aborted) retry(job, error);
    } finally {
      if (!signal.aborted) job.track.open();
    }
  }

  async function hasOwnArchive(): Promise<boolean> {
    const before = hasArchive;
    hasArchive = await archive.isAvailable();
    if (!hasArchive && before !== hasArchive) log.info(`no archive: ${WITHOUT_ARCHIVE}`);
    return hasArchive;
  }

  /** Nothing that was said before is ever answered. */
  async function start({ track, room, end: { signal } }: Job): Promise<void> {
    const { value: page } = await archive
      .pages({ of: room, before: "", pageSize: 1, signal })
      .next();
    signal.throwIfAborted();
    const id = page?.last;
    const stamp = page?.messages.at(-1)?.stamp.getTime() ?? (id === undefined ? 0 : options.now());
    track.moveTo({ id, stamp, floor: stamp, showedJids: showsJids(room) });
  }

  async function fetch({ track, room, end: { signal } }: Job): Promise<void> {
    const { cursor } = track;
    if (!cursor) return;
    const { maxAgeMinutes, maxMessages } = readConfig();
    const bounds = { notBefore: options.now() - maxAgeMinutes * 60_000, maxMessages };
    const unproven = new Set<string>();
    const isStranger = room === undefined ? await options.findStrangers() : () => false;
    const account = parseJid(session.jid ?? "");
    let ofStrangers = 0;
    const pages = archive.pages({ of: room, before: "", signal });
    const reading = await readArchive(pages, cursor, bounds, ({ id, message }) => {
      const decoded = decodeMessage(message);
      if (room !== undefined) return isOfUseInRoom(decoded, room, isOurs);
      if (isRoomPrivate(decoded, isRoom)) unproven.add(id);
      if (!account || !isOfUse(decoded, account, isRoom)) return false;
      if (!decoded.from || !isStranger(decoded.from.bare)) return true;
      ofStrangers += 1;
      return ofStrangers <= MAX_OF_STRANGERS;
    });
    if (ofStrangers > MAX_OF_STRANGERS) tally.add("not-admitted", ofStrangers - MAX_OF_STRANGERS);
    signal.throwIfAborted();
    const { messages, end: last, skippedUntil } = reading;
    const showedJids = cursor.showedJids && showsJids(room);
    const floor = Math.max(cursor.floor, skippedUntil ?? 0);
    for (const { id, stamp, message } of messages) {
      signal.throwIfAborted();
      // Where the room did not show them then, what stands there of authors is their own word.
      const believed = room === undefined || showedJids ? message : withoutArchivedAuthor(message);
      const archived = { by: track.by, id, stamp };
      await whenThereIsRoom(() => receiver.receive(believed, archived), signal);
      track.moveTo({ id, stamp: stamp.getTime(), floor, showedJids });
    }
    signal.throwIfAborted();
    if (last) track.moveTo({ ...last, floor, showedJids: showsJids(room) });
    track.catchUp(new Set(messages.map(({ id }) => id)).add(last?.id ?? ""));
    const where = nameOf(room);
    if (messages.length > 0) log.info(`took up ${messages.length} messages from ${where}`);
    if (unproven.size > 0) {
      tally.add("catch-up-skipped", unproven.size);
      log.warn(
        `left ${unproven.size} private messages of rooms in ${where}: who wrote them cannot be told any more`,
      );
    }
    if (skippedUntil === undefined) return;
    const { count, isAll } = await reading.countSkipped();
    tally.add("catch-up-skipped", count);
    log.warn(
      `left ${isAll ? "" : "more than "}${count} messages in ${where}: ` +
        `older than ${maxAgeMinutes} minutes, or more than ${maxMessages}`,
    );
  }

  function retry(job: Job, error: unknown): void {
    const isForGood = error instanceof XmppStanzaError && error.type !== "wait";
    const next = isForGood ? "" : `; trying again in ${job.retryMs / 1000} s`;
    log.warn(`${nameOf(job.room)} cannot be read: ${messageOf(error)}${next}`);
    if (isForGood) return;
    retries.set(job, job.retryMs, () => void run(job));
    job.retryMs = Math.min(job.retryMs * 2, LONGEST_RETRY_MS);
  }

  /** Which archive has a live message, and under which id. */
  function place({ from, type, stanzaIds }: Message) {
    if (!from || !own || type === "error" || !readConfig().enabled) return undefined;
    if (type !== "groupchat") {
      return { track: trackOf(own), id: trustedStanzaId(stanzaIds, own) };
    }
    const room = rooms.get(from.bare);
    if (room?.state !== "joined") return undefined;
    const id = room.stanzaIds ? trustedStanzaId(stanzaIds, room.room) : undefined;
    return { track: trackOf(room.room), id };
  }

  /** Whether our server held a direct message back (XEP-0160) that is not to be answered any more. */
  function isTooOld({ type, delays }: Message, id: string | undefined, { cursor }: ArchiveTrack) {
    if (type === "groupchat" || !own) return false;
    const server = domainOf(own);
    const held = delays.findLast(({ from }) => from?.full === own || from?.full === server);
    const stamp = held?.stamp;
    if (!stamp) return false;
    const at = stamp.getTime();
    if (cursor && (at <= cursor.floor + HELD_LATER_MS || (id !== undefined && id === cursor.id)))
      return true;
    if (at >= options.now() - readConfig().maxAgeMinutes * 60_000) return false;
    // Where there is an archive, it was counted there.
    if (!hasArchive) tally.add("catch-up-skipped");
    return true;
  }

  const unsubscribe = [session.onState(onState), options.onReady(onPresence), rooms.onRoom(onRoom)];

  return {
    receive(stanza) {
      const message = stanza.is("message") ? decodeMessage(stanza) : undefined;
      const at = message && place(message);
      if (!message || !at) return receiver.receive(stanza);
      const { track, id } = at;
      const job = jobs.get(track.by);
      // What waited for older ones as the stream ended comes after them, out of the archive.
      const comesAgain = () => id !== undefined && job?.end.signal.aborted === true;
      const isWanted = () => !comesAgain() && !isTooOld(message, id, track);
      const { opening } = track;
      let handled: Promise<void>;
      if (opening) handled = receiver.receive(stanza, undefined, opening.then(isWanted));
      else handled = isWanted() ? receiver.receive(stanza) : Promise.resolve();
      if (id !== undefined) track.follow(id, handled);
      return handled;
    },
    get hasArchive() {
      return hasArchive;
    },
    stop() {
      for (const off of unsubscribe) off();
      end();
      cursors.stop();
    },
  };
}

/** What lies in the archive is not lost while too many messages wait for their turn. */
async function whenThereIsRoom(store: () => Promise<void>, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      return await store();
    } catch (error) {
      if (!(error instanceof IngressFullError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, FULL_RETRY_MS).unref());
      signal.throwIfAborted();
    }
  }
}

const nameOf = (room: BareJid | undefined) =>
  room === undefined ? "the account's archive" : `the archive of ${room}`;
