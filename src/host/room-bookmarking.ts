/**
 * The bookmarks of rooms that we are in by an invitation or a command: with `bookmarks: "sync"` the other clients of the
 * account see these rooms, and decide about them.
 */
import type { Bookmarks } from "../client/bookmarks.ts";
import type { Logger } from "../client/types.ts";
import { messageOf } from "../errors.ts";
import {
  decodeInvitationMark,
  encodeInvitationMark,
  encodeNoMark,
} from "../protocol/bookmark-invitation.ts";
import type { BareJid } from "../protocol/jid.ts";
import type { InvitedRoom, InvitedRooms } from "../state/invited-rooms.ts";
import type { XmppAccount } from "./account.ts";

export type RoomBookmarking = {
  /** Bookmarks a room that is kept in `invited`. A bookmark that is there already is somebody else's, and stays as it is. */
  publish(invitation: Omit<InvitedRoom, "since">): void;
  /** Takes a room out of `invited`, once its bookmark says so. */
  forget(room: BareJid): void;
  /** Whether we do not want to be in it, whatever a bookmark says: that is being removed. */
  isForgotten(room: BareJid): boolean;
  /** To be called as the bookmarks have changed: one that another client took away takes us out. */
  follow(): void;
};

export function createRoomBookmarking(params: {
  readAccount: () => Pick<XmppAccount, "bookmarks">;
  invited: InvitedRooms;
  /** Undefined where the operator wants none of them. */
  bookmarks: Bookmarks | undefined;
  log: Logger;
}): RoomBookmarking {
  const { bookmarks, invited, log, readAccount } = params;
  /** Rooms whose bookmark is being removed. */
  const forgotten = new Map<BareJid, Promise<void>>();
  /** Rooms whose bookmark is on its way to the server. */
  const publishing = new Map<BareJid, Promise<void>>();
  let bookmarked = new Set<BareJid>();

  const findBookmark = (room: BareJid) =>
    bookmarks?.list().find((bookmark) => bookmark.room === room);

  const isSynced = () => readAccount().bookmarks === "sync";

  function publish({ room, by, admitted, kind, nick }: Omit<InvitedRoom, "since">): void {
    forgotten.delete(room);
    const bookmark = findBookmark(room);
    const isChosen = kind === "operator";
    if (!bookmarks?.loaded || !isSynced()) return;
    // Where our mark is not kept, it would pass for the operator's choice.
    if (!isChosen && !bookmarks.keepsExtensions) return;
    if (bookmark && !decodeInvitationMark(bookmark)) return;
    // Without the password: the server need not know what the room asks for.
    const extensions = isChosen ? encodeNoMark() : encodeInvitationMark({ by, admitted });
    const publication = bookmarks
      .set({ room, autojoin: true, nick, extensions })
      .catch((error: unknown) => {
        log.warn(`room ${room} could not be bookmarked: ${messageOf(error)}`);
      })
      .finally(() => {
        if (publishing.get(room) === publication) publishing.delete(room);
      });
    publishing.set(room, publication);
  }

  /** The bookmark goes first: without the invitation, ours would pass for one that the operator made. */
  function forget(room: BareJid): void {
    const bookmark = findBookmark(room);
    if (!bookmarks || !isSynced() || !(bookmark || publishing.has(room))) {
      invited.remove(room);
      return;
    }
    const isOurs = !bookmark || decodeInvitationMark(bookmark) !== undefined;
    // What others noted of the room stays.
    const change = isOurs
      ? bookmarks.remove(room)
      : bookmarks.set({ ...bookmark, autojoin: false });
    const removal = change.then(
      () => {
        // Somebody may have invited us again meanwhile.
        if (forgotten.get(room) !== removal) return;
        forgotten.delete(room);
        invited.remove(room);
      },
      (error: unknown) => {
        log.warn(`the bookmark of room ${room} could not be changed: ${messageOf(error)}`);
      },
    );
    forgotten.set(room, removal);
  }

  function follow(): void {
    if (!bookmarks?.loaded) return;
    const now = new Set(bookmarks.list().flatMap(({ room, autojoin }) => (autojoin ? room : [])));
    if (isSynced()) {
      for (const room of bookmarked) {
        if (!now.has(room) && !publishing.has(room)) invited.remove(room);
      }
      for (const invitation of invited.list()) {
        const { room } = invitation;
        const isKnown = bookmarked.has(room) || publishing.has(room);
        if (!isKnown && !forgotten.has(room)) publish(invitation);
      }
    }
    bookmarked = now;
  }

  return { publish, forget, isForgotten: (room) => forgotten.has(room), follow };
}
