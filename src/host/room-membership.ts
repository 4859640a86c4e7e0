/**
 * Which rooms the account wants to be in, and the way there: those of the configuration, of the account's
 * bookmarks, and those that it was invited to. Told by `apply` when any of them has changed.
 */
import type { Bookmarks } from "../client/bookmarks.ts";
import type { Rooms, RoomView } from "../client/rooms.ts";
import type { Logger } from "../client/types.ts";
import { messageOf } from "../errors.ts";
import type { RoomOrigin } from "../policy/room.ts";
import type { BareJid } from "../protocol/jid.ts";
import type { Invitation } from "../protocol/xep-0045-invitation.ts";
import type { InvitedRooms } from "../state/invited-rooms.ts";
import type { XmppAccount } from "./account.ts";
import type { RoomToJoin } from "./account-rooms.ts";

export type RoomMembership = {
  /** Enters and leaves rooms so that we are where we want to be. */
  apply(): void;
  /** How we came into a room; undefined for one in the configuration. */
  originOf(room: BareJid): RoomOrigin | undefined;
  /** Rooms that the operator chose, by configuration or by a bookmark; the same set until it changes. */
  chosen(): ReadonlySet<BareJid>;
  isWanted(room: BareJid): boolean;
  isDisabled(room: BareJid): boolean;
  follow(invitation: Invitation, decision: { room: BareJid; by: BareJid; admitted: boolean }): void;
  /**
   * Leaves a room that we are in by invitation or bookmark.
   * @returns false where the configuration names it: there it would be entered again
   */
  leave(room: BareJid): boolean;
  stop(): void;
};

type Wanted = RoomToJoin & { origin?: RoomOrigin | undefined };

export function createRoomMembership(params: {
  readAccount: () => XmppAccount;
  rooms: Rooms;
  invited: InvitedRooms;
  /** Undefined where the operator wants none of them. */
  bookmarks: Bookmarks | undefined;
  log: Logger;
}): RoomMembership {
  const { bookmarks, invited, log, readAccount, rooms } = params;
  let entered = new Map<BareJid, Wanted>();
  let chosen: ReadonlySet<BareJid> = new Set();

  function isDisabled(room: BareJid): boolean {
    const { roomSettings } = readAccount();
    return (roomSettings[room] ?? roomSettings["*"])?.enabled === false;
  }

  function wanted(): Map<BareJid, Wanted> {
    const all = new Map<BareJid, Wanted>(readAccount().roomsToJoin);
    const add = (room: BareJid, how: Wanted) => {
      if (!all.has(room) && !isDisabled(room)) all.set(room, how);
    };
    for (const { room, by, admitted, nick, password } of invited.list()) {
      add(room, { nick, password, origin: { kind: "invitation", by, admitted } });
    }
    if (bookmarks?.loaded) {
      for (const { room, autojoin, nick, password } of bookmarks.list()) {
        if (autojoin) add(room, { nick, password, origin: { kind: "bookmark" } });
      }
    } else if (bookmarks) {
      // Unknown bookmarks are not gone ones.
      for (const [room, how] of entered) if (how.origin?.kind === "bookmark") add(room, how);
    }
    return all;
  }

  function apply(): void {
    const now = wanted();
    for (const room of entered.keys()) if (!now.has(room)) rooms.leave(room);
    for (const [room, how] of now) {
      const before = entered.get(room);
      const isSame =
        before !== undefined &&
        before.nick === how.nick &&
        before.password === how.password &&
        before.problem === how.problem;
      if (!isSame) rooms.join(room, how);
    }
    entered = now;
    chosen = new Set(
      [...now].flatMap(([room, { origin }]) => (origin?.kind === "invitation" ? [] : room)),
    );
  }

  /** The other clients of the account see and decide in which rooms it is, with `bookmarks: "sync"`. */
  const isSynced = () => readAccount().bookmarks === "sync";

  function publish(room: BareJid, nick: string | undefined): void {
    if (!isSynced()) return;
    // Without the password: the server need not know what the room asks for.
    bookmarks?.set({ room, autojoin: true, nick }).catch((error: unknown) => {
      log.warn(`room ${room} could not be bookmarked: ${messageOf(error)}`);
    });
  }

  function forget(room: BareJid): void {
    invited.remove(room);
    const isBookmarked = bookmarks?.list().some((bookmark) => bookmark.room === room);
    if (isSynced() && isBookmarked) {
      bookmarks?.remove(room).catch((error: unknown) => {
        log.warn(`the bookmark of room ${room} could not be removed: ${messageOf(error)}`);
      });
    }
  }

  /** Who was put out of a room does not come back because somebody once invited them. */
  function onRoom({ room, retry, reason }: RoomView): void {
    const isDecided = retry === "slow" || retry === "login" || retry === "never";
    if (!isDecided || entered.get(room)?.origin?.kind !== "invitation") return;
    log.info(`room ${room} is forgotten: ${reason}`);
    forget(room);
    apply();
  }

  /** In "sync", a bookmark that another client took away takes us out. */
  let bookmarked = new Set<BareJid>();
  function onBookmarks(): void {
    if (!bookmarks?.loaded) return;
    const now = new Set(bookmarks.list().flatMap(({ room, autojoin }) => (autojoin ? room : [])));
    if (isSynced()) {
      for (const room of bookmarked) if (!now.has(room)) invited.remove(room);
      for (const { room, nick } of invited.list()) {
        if (!now.has(room) && !bookmarked.has(room)) publish(room, nick);
      }
    }
    bookmarked = now;
    apply();
  }

  const unsubscribe = [rooms.onRoom(onRoom), bookmarks?.onChange(onBookmarks)];
  return {
    apply,
    originOf: (room) => entered.get(room)?.origin,
    chosen: () => chosen,
    isWanted: (room) => entered.has(room),
    isDisabled,
    follow({ kind, password }, { room, by, admitted }) {
      if (kind === "declined") return;
      if (!invited.add({ room, by, admitted, kind, password })) {
        log.warn(`invitation to ${room} not followed: the account is in too many invited rooms`);
        return;
      }
      log.info(`following an invitation of ${by} to room ${room}`);
      publish(room, undefined);
      apply();
    },
    leave(room) {
      if (readAccount().roomsToJoin.has(room)) return false;
      forget(room);
      const was = entered.has(room);
      // A bookmark that is not ours to remove would bring us back: it says no until the next start.
      if (was && entered.get(room)?.origin?.kind === "bookmark") rooms.leave(room);
      apply();
      return was;
    },
    stop() {
      for (const end of unsubscribe) end?.();
    },
  };
}
