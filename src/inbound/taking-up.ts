/**
 * Takes up what one archive (XEP-0313) has from the cursor on: reads it, hands on what the agent may have to
 * do with, moves the cursor along, and tells what was left.
 */
import { XmppNotSentError } from "../errors.ts";
import type { Archive, ArchivedMessage } from "../client/archive.ts";
import type { Rooms } from "../client/rooms.ts";
import type { Logger, XmppSession } from "../client/types.ts";
import type { CatchUp as CatchUpConfig } from "../policy/limits.ts";
import { parseJid, type BareJid } from "../protocol/jid.ts";
import { withoutArchivedAuthor } from "../protocol/xep-0045-muc.ts";
import { handOn } from "./archive-handover.ts";
import { readArchive, type Reading } from "./archive-reading.ts";
import { withoutReplaced } from "./archive-revisions.ts";
import { createAccountScale, createRoomScale, type Scale } from "./archive-scales.ts";
import type { ArchiveTrack } from "./archive-track.ts";
import type { RoomFinder } from "./archived-message.ts";
import type { Receiver } from "./receive.ts";
import type { Tally } from "./tally.ts";

/** One archive, and the stream or the stay in the room during which it is read. */
export type Place = {
  track: ArchiveTrack;
  /** undefined: our own account */
  room: BareJid | undefined;
  signal: AbortSignal;
};

export type TakingUp = {
  /** Puts the cursor at the archive's end: nothing that was said before is ever answered. */
  begin(place: Place): Promise<void>;
  /**
   * `onPassedOver` is called when all that is left waits for room in its conversation.
   * @throws what the archive refuses with, what could not be stored, the reason of `signal`
   */
  takeUp(place: Place, onPassedOver: () => void): Promise<void>;
};

export type TakingUpOptions = {
  session: Pick<XmppSession, "jid">;
  rooms: Rooms;
  archive: Archive;
  receiver: Pick<Receiver, "receive" | "findAddressed" | "findAuthors" | "findStanding">;
  /** Domains of our own server's room services. */
  roomServices: () => ReadonlySet<string>;
  /** Tells whom policy cannot let in. */
  findStrangers: () => Promise<(peer: BareJid) => boolean>;
  readConfig: () => CatchUpConfig;
  tally: Tally;
  log: Logger;
  now: () => number;
};

/** Of one archive: some are slow, and rooms of other servers may be so on purpose. */
const MAX_READING_MS = 10 * 60_000;

export function createTakingUp(options: TakingUpOptions): TakingUp {
  const { session, rooms, archive, receiver, readConfig, tally, log, now } = options;

  const isRoom: RoomFinder = ({ bare, domain }) =>
    rooms.get(bare) !== undefined || options.roomServices().has(domain);

  async function createScale(room: BareJid | undefined, isBelieved: () => boolean): Promise<Scale> {
    const account = parseJid(session.jid ?? "");
    // Without it nobody could tell what is our own.
    if (!account) throw new XmppNotSentError("not online");
    return room === undefined
      ? createAccountScale(account, isRoom, await options.findStrangers())
      : createRoomScale({ room, own: account.bare, rooms, receiver, isBelieved });
  }

  function tellLeft({ notAdmitted, unproven }: Scale, room: BareJid | undefined): void {
    if (notAdmitted > 0) tally.add("not-admitted", notAdmitted);
    if (unproven === 0) return;
    tally.add("catch-up-skipped", unproven);
    log.warn(
      `left ${unproven} private messages of rooms in ${nameOfArchive(room)}: ` +
        "who wrote them cannot be told any more",
    );
  }

  async function tellSkipped(reading: Reading, room: BareJid | undefined): Promise<void> {
    const { maxAgeMinutes, maxMessages } = readConfig();
    const where = nameOfArchive(room);
    if (reading.unheard > 0) {
      log.info(`left ${reading.unheard} messages in ${where} that were not for the agent`);
    }
    if (reading.skippedUntil === undefined) return;
    const { count, isAll } = await reading.countSkipped();
    tally.add("catch-up-skipped", Math.max(count, 1));
    log.warn(
      `left ${isAll ? "" : "more than "}${count} messages in ${where}: ` +
        `older than ${maxAgeMinutes} minutes, more than ${maxMessages}, or behind more than is read`,
    );
  }

  return {
    async begin({ track, room, signal }) {
      const { value: page } = await archive
        .pages({ of: room, before: "", pageSize: 1, signal })
        .next();
      signal.throwIfAborted();
      const id = page?.last;
      const stamp = page?.messages.at(-1)?.stamp.getTime() ?? (id === undefined ? 0 : now());
      track.moveTo({ id, stamp, floor: stamp, showedJids: showsJids(rooms, room) });
    },
    async takeUp({ track, room, signal }, onPassedOver) {
      const { cursor } = track;
      if (!cursor) return;
      const { maxAgeMinutes, maxMessages } = readConfig();
      const startedAt = performance.now();
      const bounds = {
        notBefore: now() - maxAgeMinutes * 60_000,
        maxMessages,
        isTimeUp: () => performance.now() - startedAt >= MAX_READING_MS,
      };
      // Where the room did not show them then, what stands there of authors is their own word.
      const isBelieved = () => room === undefined || (cursor.showedJids && showsJids(rooms, room));
      const scale = await createScale(room, isBelieved);
      const pages = archive.pages({ of: room, before: "", signal });
      const reading = await readArchive(pages, cursor, bounds, scale.weigh);
      signal.throwIfAborted();
      const { messages, end: last, skippedUntil } = reading;
      const showedJids = cursor.showedJids && showsJids(rooms, room);
      const floor = Math.max(cursor.floor, skippedUntil ?? 0);
      const believed = (message: ArchivedMessage["message"]) =>
        isBelieved() ? message : withoutArchivedAuthor(message);
      const readings = messages.map((each) => ({ ...each, message: believed(each.message) }));
      await handOn(withoutReplaced(readings, receiver.findAuthors(room)), {
        async store({ id, stamp, message }) {
          await receiver.receive(believed(message), { by: track.by, id, stamp });
        },
        onStored: ({ id, stamp }) =>
          track.moveTo({ id, stamp: stamp.getTime(), floor, showedJids }),
        onPassedOver(conversations) {
          track.openExcept(conversations);
          onPassedOver();
        },
        signal,
      });
      signal.throwIfAborted();
      if (last) track.moveTo({ ...last, floor, showedJids: showsJids(rooms, room) });
      track.catchUp(new Set(messages.map(({ id }) => id)).add(last?.id ?? ""));
      if (messages.length > 0) {
        log.info(`took up ${messages.length} messages from ${nameOfArchive(room)}`);
      }
      tellLeft(scale, room);
      await tellSkipped(reading, room);
    },
  };
}

/** Whether the archive's messages of now tell their authors' real JIDs. */
export const showsJids = (rooms: Rooms, room: BareJid | undefined): boolean =>
  room !== undefined && rooms.get(room)?.nonAnonymous === true;

export const nameOfArchive = (room: BareJid | undefined): string =>
  room === undefined ? "the account's archive" : `the archive of ${room}`;
