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
import { createJoinQueue } from "../client/join-queue.ts";
import { createKeyedTimers } from "../client/keyed-timers.ts";
import { mayBeResumed } from "../client/resumption.ts";
import type { RoomView } from "../client/rooms.ts";
import type { ConnectionState, XmppSession } from "../client/types.ts";
import { WITHOUT_ARCHIVE } from "../policy/limits.ts";
import { bareJid, type BareJid } from "../protocol/jid.ts";
import type { ArchiveCursors } from "../state/archive-cursors.ts";
import { createArchiveTrack, type ArchiveTrack } from "./archive-track.ts";
import { createLiveMessages } from "./live-messages.ts";
import {
  createTakingUp,
  nameOfArchive,
  showsJids,
  type Place,
  type TakingUpOptions,
} from "./taking-up.ts";

export type CatchUp = {
  /** A live stanza, on its way to the receiver. @throws what the receiver throws */
  receive(stanza: Element): Promise<void>;
  /** Whether our account has an archive that can be read; undefined while unknown. */
  readonly hasArchive: boolean | undefined;
  /** The configuration may have changed: what was switched on begins at once, as it would with a login. */
  apply(): void;
  stop(): void;
};

export type CatchUpOptions = TakingUpOptions & {
  session: XmppSession;
  cursors: ArchiveCursors;
  /** Tells when our initial presence is out. */
  onReady: (listener: () => void) => () => void;
};

/** How long live messages wait for older ones. */
const GATE_MS = 20_000;
/** Rooms that are asked at once; our own account comes before all of them. */
const PARALLEL_ROOMS = 4;
/** Most of what goes wrong is over before live messages stop waiting: they are not to overtake. */
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 10 * 60_000;

/** One archive that is to be read, from a login or the entry into a room on. */
type Job = Place & {
  joinedAt: number | undefined;
  isStarted: boolean;
  /** Of an account: settles once it is known where its first start begins. */
  beginning: Promise<void>;
  retryMs: number;
  /** Called when the stream or the stay in the room is over. */
  abort: (reason: Error) => void;
};

export function createCatchUp(options: CatchUpOptions): CatchUp {
  const { session, rooms, archive, cursors, receiver, readConfig, tally, log, now } = options;
  const tracks = new Map<BareJid, ArchiveTrack>();
  const jobs = new Map<BareJid, Job>();
  const retries = createKeyedTimers<Job>();
  const queue = createJoinQueue<Job>({
    limit: PARALLEL_ROOMS,
    serviceOf: () => "",
    begin: (job) => void run(job).finally(() => queue.end(job)),
  });
  let isEnabled = readConfig().enabled;
  let own: BareJid | undefined;
  let hasArchive: boolean | undefined;

  const takingUp = createTakingUp(options);
  const live = createLiveMessages({
    rooms,
    receiver,
    own: () => own,
    hasArchive: () => hasArchive,
    trackOf,
    signalOf: (by) => jobs.get(by)?.signal,
    readConfig,
    tally,
    now,
  });

  function trackOf(by: BareJid): ArchiveTrack {
    const track = tracks.get(by) ?? createArchiveTrack(by, cursors, () => showsJids(rooms, by));
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
    const over = new AbortController();
    const job: Job = {
      track,
      room: room?.room,
      joinedAt: room?.joinedAt,
      isStarted: false,
      beginning: Promise.resolve(),
      retryMs: FIRST_RETRY_MS,
      signal: over.signal,
      abort: (reason) => over.abort(reason),
    };
    jobs.set(by, job);
    // Asked before our presence goes out: what comes after that question is no old history. Where it fails, `run`
    // asks again.
    if (!room && !track.cursor) job.beginning = takingUp.begin(job).catch(() => undefined);
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
    job.abort(new XmppNotSentError("the stream has ended, or the stay in the room"));
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
      if (!job.signal.aborted) queue.open();
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
    try {
      await attempt(job);
    } catch (error) {
      if (job.signal.aborted || retry(job, error)) return;
    }
    if (!job.signal.aborted) job.track.open();
  }

  async function attempt(job: Job): Promise<void> {
    await job.beginning;
    if (job.room === undefined && !(await hasOwnArchive())) return;
    if (!job.track.cursor) await takingUp.begin(job);
    // What waits for room in its conversation does not keep other rooms' archives waiting.
    await takingUp.takeUp(job, () => queue.end(job));
  }

  async function hasOwnArchive(): Promise<boolean> {
    const before = hasArchive;
    hasArchive = await archive.isAvailable();
    if (!hasArchive && before !== hasArchive) log.info(`no archive: ${WITHOUT_ARCHIVE}`);
    return hasArchive;
  }

  /** Whether it will be tried again. Meanwhile live messages wait, as long as they would have anyway. */
  function retry(job: Job, error: unknown): boolean {
    const isForGood = error instanceof XmppStanzaError && error.type !== "wait";
    const next = isForGood ? "" : `; trying again in ${job.retryMs / 1000} s`;
    log.warn(`${nameOfArchive(job.room)} cannot be read: ${messageOf(error)}${next}`);
    if (isForGood) return false;
    retries.set(job, job.retryMs, () => void run(job));
    job.retryMs = Math.min(job.retryMs * 2, LONGEST_RETRY_MS);
    return true;
  }

  function apply(): void {
    const { enabled } = readConfig();
    if (enabled === isEnabled) return;
    isEnabled = enabled;
    if (session.state.kind !== "online" || !own) return;
    giveUp(own);
    begin(own);
    if (enabled) onPresence();
    for (const view of rooms.list()) {
      giveUp(view.room);
      if (enabled) onRoom(view);
      else cursors.forget(view.room);
    }
  }

  const unsubscribe = [session.onState(onState), options.onReady(onPresence), rooms.onRoom(onRoom)];

  return {
    receive: live.receive,
    get hasArchive() {
      return hasArchive;
    },
    apply,
    stop() {
      for (const off of unsubscribe) off();
      end();
      cursors.stop();
    },
  };
}
