/**
 * What each message of an archive (XEP-0313) is to the agent (inbound/archive-reading.ts), and account of what
 * is left. Of those whom policy cannot let in only a few count, so that they push out nobody's order.
 */
import type { ArchivedMessage } from "../client/archive.ts";
import type { Rooms } from "../client/rooms.ts";
import type { BareJid, Jid } from "../protocol/jid.ts";
import { decodeMessage } from "../protocol/stanza.ts";
import { withoutArchivedAuthor } from "../protocol/xep-0045-muc.ts";
import type { Weight } from "./archive-reading.ts";
import {
  isModeration,
  isOfUse,
  isOfUseInRoom,
  isRoomPrivate,
  type RoomFinder,
} from "./archived-message.ts";
import type { Receiver } from "./receive.ts";
import { isOwnArchived } from "./sender.ts";

export type Scale = {
  weigh(message: ArchivedMessage): Weight;
  /** Messages of strangers that are left. */
  readonly notAdmitted: number;
  /** Private messages of rooms, which are left: who wrote them cannot be told any more. */
  readonly unproven: number;
};

/** Messages of strangers that are read of an archive at most; it takes one to ask for a pairing code. */
const MAX_OF_STRANGERS = 20;
/** All of these together, in characters. */
const MAX_CHARACTERS_OF_STRANGERS = 1024 * 1024;

/** @returns takes a stranger's message, as long as there is room for it */
function createShareOfStrangers(): (message: ArchivedMessage) => boolean {
  let count = 0;
  let characters = 0;
  return ({ message }) => {
    const size = message.toString().length;
    if (count >= MAX_OF_STRANGERS || characters + size > MAX_CHARACTERS_OF_STRANGERS) return false;
    count += 1;
    characters += size;
    return true;
  };
}

/** Of our own account's archive. */
export function createAccountScale(
  account: Jid,
  isRoom: RoomFinder,
  isStranger: (peer: BareJid) => boolean,
): Scale {
  const takeOfStranger = createShareOfStrangers();
  let unproven = 0;
  let notAdmitted = 0;
  return {
    weigh(each) {
      const message = decodeMessage(each.message);
      if (isRoomPrivate(message, isRoom)) unproven += 1;
      if (!isOfUse(message, account, isRoom)) return "nothing";
      if (!message.from || !isStranger(message.from.bare) || takeOfStranger(each)) return "order";
      notAdmitted += 1;
      return "nothing";
    },
    get notAdmitted() {
      return notAdmitted;
    },
    get unproven() {
      return unproven;
    },
  };
}

/** @param isBelieved whether the room showed real JIDs to all when it archived the messages */
export function createRoomScale(options: {
  room: BareJid;
  own: BareJid;
  rooms: Rooms;
  receiver: Pick<Receiver, "findAddressed" | "findStanding">;
  isBelieved: () => boolean;
}): Scale {
  const { room, own, rooms, receiver, isBelieved } = options;
  const isAddressed = receiver.findAddressed(room);
  const standingOf = receiver.findStanding(room);
  const takeOfStranger = createShareOfStrangers();
  let notAdmitted = 0;
  return {
    weigh(each) {
      const message = decodeMessage(each.message);
      if (isModeration(message, room)) return "revision";
      if (!isOfUseInRoom(message, room, (one) => isOwnArchived(one, rooms, own))) return "nothing";
      const weight = isAddressed(message) ? "order" : "talk";
      const standing = standingOf(
        isBelieved() ? message : decodeMessage(withoutArchivedAuthor(each.message)),
      );
      if (standing === "listed") return message.retraction ? "revision" : weight;
      if (weight === "order" && takeOfStranger(each)) return weight;
      if (standing === "overheard") return "talk";
      notAdmitted += 1;
      return "nothing";
    },
    get notAdmitted() {
      return notAdmitted;
    },
    unproven: 0,
  };
}
