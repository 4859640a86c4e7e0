/**
 * Takes up what one archive (XEP-0313) has from the cursor on: reads it, hands on what the agent may have to
 * do with, moves the cursor along, and tells what was left.
 */
import { XmppNotSentError } from "../errors.ts";
import type { Archive } from "../client/archive.ts";
import type { Rooms } from "../client/rooms.ts";
import type { Logger, XmppSession } from "../client/types.ts";
import type { CatchUp as CatchUpConfig } from "../policy/limits.ts";
import { parseJid, type BareJid } from "../protocol/jid.ts";
import { decodeMessage, type Message } from "../protocol/stanza.ts";
import { withoutArchivedAuthor } from "../protocol/xep-0045-muc.ts";
import { handOn } from "./archive-handover.ts";
import { readArchive, type Reading, type Weight } from "./archive-reading.ts";
import type { ArchiveTrack } from "./archive-track.ts";
import { isOfUse, isOfUseInRoom, isRoomPrivate, type RoomFinder } from "./archived-message.ts";
import type { Receiver } from "./receive.ts";
import { isOwnArchived } from "./sender.ts";
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
  receiver: Pick<Receiver, "receive" | "findAddressed">;
  /** Domains of our own server's room services. */
  roomServices: () => ReadonlySet<string>;
  /** Tells whom policy cannot let in. */
  findStrangers: () => Promise<(peer: BareJid) => boolean>;
  readConfig: () => CatchUpConfig;
  tally: Tally;
  log: Logger;
  now: () => number;
};

/** Messages of strangers that are read of an archive at most; it takes one to ask for a pairing code. */
const MAX_OF_STRANGERS = 20;

export function createTakingUp(options: TakingUpOptions): TakingUp {
  const { session, rooms, archive, receiver, readConfig, tally, log, now } = options;

  const isRoom: RoomFinder = ({ bare, domain }) =>
    rooms.get(bare) !== undefined || options.roomServices().has(domain);

  /** Says what each message of our account's archive is to us, and keeps account of what is left. */
  async function createAccountScale() {
    const account = parseJid(session.jid ?? "");
    const isStranger = await options.findStrangers();
    const unproven = new Set<string>();
    let ofStrangers = 0;
    return {
      weigh(id: string, message: Message): Weight {
        if (isRoomPrivate(message, isRoom)) unproven.add(id);
        if (!account || !isOfUse(message, account, isRoom)) return "nothing";
        if (!message.from || !isStranger(message.from.bare)) return "order";
        ofStrangers += 1;
        return ofStrangers <= MAX_OF_STRANGERS ? "order" : "nothing";
      },
      tell() {
        const left = ofStrangers - MAX_OF_STRANGERS;
        if (left > 0) tally.add("not-admitted", left);
        if (unproven.size === 0) return;
        tally.add("catch-up-skipped", unproven.size);
        log.warn(
          `left ${unproven.size} private messages of rooms in ${nameOfArchive(undefined)}: ` +
            "who wrote them cannot be told any more",
        );
      },
    };
  }

  function createRoomScale(room: BareJid) {
    const own = parseJid(session.jid ?? "")?.bare;
    const isOurs = (message: Message) => own !== undefined && isOwnArchived(message, rooms, own);
    const isAddressed = receiver.findAddressed(room);
    return {
      weigh(_id: string, message: Message): Weight {
        if (!isOfUseInRoom(message, room, isOurs)) return "nothing";
        return isAddressed(message) ? "order" : "talk";
      },
      tell: () => undefined,
    };
  }

  async function tellSkipped(reading: Reading, room: BareJid | undefined): Promise<void> {
    const { maxAgeMinutes, maxMessages } = readConfig();
    const where = nameOfArchive(room);
    if (reading.unheard > 0) {
      log.info(`left ${reading.unheard} messages in ${where} that were not for the agent`);
    }
    if (reading.skippedUntil === undefined) return;
    const { count, isAll } = await reading.countSkipped();
    tally.add("catch-up-skipped", count);
    log.warn(
      `left ${isAll ? "" : "more than "}${count} messages in ${where}: ` +
        `older than ${maxAgeMinutes} minutes, or more than ${maxMessages}`,
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
      // Without it nobody could tell what is our own.
      if (session.jid === undefined) throw new XmppNotSentError("not online");
      const { maxAgeMinutes, maxMessages } = readConfig();
      const bounds = { notBefore: now() - maxAgeMinutes * 60_000, maxMessages };
      const scale = room === undefined ? await createAccountScale() : createRoomScale(room);
      const pages = archive.pages({ of: room, before: "", signal });
      const reading = await readArchive(pages, cursor, bounds, ({ id, message }) =>
        scale.weigh(id, decodeMessage(message)),
      );
      signal.throwIfAborted();
      const { messages, end: last, skippedUntil } = reading;
      const showedJids = cursor.showedJids && showsJids(rooms, room);
      const floor = Math.max(cursor.floor, skippedUntil ?? 0);
      await handOn(messages, {
        async store({ id, stamp, message }) {
          // Where the room did not show them then, what stands there of authors is their own word.
          const isBelieved = room === undefined || showedJids;
          const believed = isBelieved ? message : withoutArchivedAuthor(message);
          await receiver.receive(believed, { by: track.by, id, stamp });
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
      scale.tell();
      await tellSkipped(reading, room);
    },
  };
}

/** Whether the archive's messages of now tell their authors' real JIDs. */
export const showsJids = (rooms: Rooms, room: BareJid | undefined): boolean =>
  room !== undefined && rooms.get(room)?.nonAnonymous === true;

export const nameOfArchive = (room: BareJid | undefined): string =>
  room === undefined ? "the account's archive" : `the archive of ${room}`;
