/**
 * Which rooms the account wants to be in, and the way there: those of the configuration, of the account's
 * bookmarks, and those that it was invited to. Told by `apply` when any of them has changed.
 */
import type { Bookmarks } from "../client/bookmarks.ts";
import type { Rooms, RoomView } from "../client/rooms.ts";
import type { Logger } from "../client/types.ts";
import type { RoomOrigin } from "../policy/room.ts";
import type { BareJid } from "../protocol/jid.ts";
import { decodeInvitationMark } from "../protocol/bookmark-invitation.ts";
import type { Invitation } from "../protocol/xep-0045-invitation.ts";
import type { InvitedRooms } from "../state/invited-rooms.ts";
import type { XmppAccount } from "./account.ts";
import type { RoomToJoin } from "./account-rooms.ts";
import { createRoomBookmarking } from "./room-bookmarking.ts";

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
   * Enters a room because the operator says so, and again after each start until `leave`; tries at once where it could
   * not be entered. What is left out is as it was, or the account's own.
   * @returns false where the account is in too many rooms that are not in its configuration
   * @throws Error where the configuration says otherwise
   */
  enter(room: BareJid, how?: { nick?: string | undefined; password?: string | undefined }): boolean;
  /**
   * Leaves a room that we are in by invitation, bookmark or command.
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
  const bookmarking = createRoomBookmarking(params);

  function isDisabled(room: BareJid): boolean {
    const { roomSettings } = readAccount();
    return (roomSettings[room]?.enabled ?? roomSettings["*"]?.enabled) === false;
  }

  function wanted(): Map<BareJid, Wanted> {
    const all = new Map<BareJid, Wanted>(readAccount().roomsToJoin);
    const add = (room: BareJid, how: Wanted) => {
      if (all.has(room) || bookmarking.isForgotten(room) || isDisabled(room)) return;
      all.set(room, how);
    };
    for (const { room, by, admitted, kind, nick, password } of invited.list()) {
      const origin: RoomOrigin =
        kind === "operator" ? { kind } : { kind: "invitation", by, admitted };
      add(room, { nick, password, origin });
    }
    if (bookmarks?.loaded) {
      for (const bookmark of bookmarks.list()) {
        const { room, autojoin, nick, password } = bookmark;
        const invitation = decodeInvitationMark(bookmark);
        const origin: RoomOrigin = invitation
          ? { kind: "invitation", ...invitation }
          : { kind: "bookmark" };
        if (autojoin) add(room, { nick, password, origin });
      }
    } else if (bookmarks) {
      // Unknown bookmarks are not gone ones.
      for (const [room, how] of entered) if (how.origin) add(room, how);
    }
    return all;
  }

  function apply(): void {
    const before = entered;
    const now = wanted();
    entered = now;
    chosen = new Set(
      [...now].flatMap(([room, { origin }]) => (origin?.kind === "invitation" ? [] : room)),
    );
    for (const room of before.keys()) if (!now.has(room)) rooms.leave(room);
    for (const [room, how] of now) if (!isSame(before.get(room), how)) rooms.join(room, how);
  }

  /** Where we are; for a room that we are out of, where we were until now. */
  const inside = new Set<BareJid>();

  /**
   * Who was put out of a room does not come back because somebody once invited them. A room that just
   * cannot be entered, because it is full or its server is down, stays wanted.
   */
  function onRoom({ room, state, retry, reason }: RoomView): void {
    const wasInside = state === "joined" ? !inside.add(room) : inside.delete(room);
    const isDecided = retry === "login" || retry === "never" || (retry === "slow" && wasInside);
    if (!isDecided || entered.get(room)?.origin?.kind !== "invitation") return;
    log.info(`room ${room} is forgotten: ${reason}`);
    bookmarking.forget(room);
    apply();
  }

  const offBookmarks = bookmarks?.onChange(() => {
    bookmarking.follow();
    apply();
  });
  const unsubscribe = [rooms.onRoom(onRoom), offBookmarks];
  return {
    apply,
    originOf: (room) => entered.get(room)?.origin,
    chosen: () => chosen,
    isWanted: (room) => entered.has(room),
    isDisabled,
    follow({ kind, password }, { room, by, admitted }) {
      if (kind === "declined") return;
      const invitation = { room, by, admitted, kind, password };
      if (!invited.add(invitation)) {
        log.warn(`invitation to ${room} not followed: the account is in too many invited rooms`);
        return;
      }
      log.info(`following an invitation of ${by} to room ${room}`);
      bookmarking.publish(invitation);
      apply();
    },
    enter(room, { nick, password } = {}) {
      const account = readAccount();
      if (isDisabled(room)) {
        throw new Error(`${room} is switched off: mucRooms says enabled: false`);
      }
      const configured = account.roomsToJoin.get(room);
      if (configured && (nick ?? password) !== undefined) {
        throw new Error(`${room} is in the configuration: change its nick and password there`);
      }
      if (!configured) {
        if (!account.jid) throw new Error("the account has no JID");
        const { nick: nickBefore, password: passwordBefore } = entered.get(room) ?? {};
        const membership = {
          room,
          by: account.jid,
          admitted: true,
          kind: "operator" as const,
          nick: nick ?? nickBefore,
          password: password ?? passwordBefore,
        };
        if (!invited.add(membership)) return false;
        bookmarking.publish(membership);
      }
      log.info(`entering room ${room}, as the operator says`);
      apply();
      const how = entered.get(room);
      // What is wanted already, and is not so, is tried at once.
      if (how && rooms.get(room)?.state !== "joined") rooms.join(room, how);
      return true;
    },
    leave(room) {
      if (readAccount().roomsToJoin.has(room)) return false;
      const was = entered.has(room);
      bookmarking.forget(room);
      apply();
      // A bookmark that is not ours to remove keeps it wanted: it says no until the next start.
      if (entered.has(room)) rooms.leave(room);
      return was;
    },
    stop() {
      for (const end of unsubscribe) end?.();
    },
  };
}

function isSame(before: Wanted | undefined, now: Wanted): boolean {
  return (
    before !== undefined &&
    before.nick === now.nick &&
    before.password === now.password &&
    before.problem === now.problem
  );
}
