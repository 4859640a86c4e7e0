/** What an operator does with rooms: entering, leaving, inviting. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createFakeLog, createFakeSession } from "../../test/support/fake-session.ts";
import { description } from "../../test/support/room-xml.ts";
import { createRooms } from "../client/rooms.ts";
import { DISCO_INFO } from "../protocol/xep-0030-disco.ts";
import type { BareJid } from "../protocol/jid.ts";
import { createInvitedRooms } from "../state/invited-rooms.ts";
import { resolveAccount } from "./account.ts";
import type { LiveAccount } from "./live-accounts.ts";
import { inviteToRoom, joinRoom, leaveRoom, listOccupants } from "./live-rooms.ts";
import { createRoomMembership } from "./room-membership.ts";

const ROOM = "team@muc.example" as BareJid;
const ANNA = "anna@example" as BareJid;
const config = {
  channels: { xmpp: { jid: "bot@example", password: "secret", server: "localhost" } },
} as Parameters<typeof resolveAccount>[0];

function setUp() {
  const session = createFakeSession();
  const log = createFakeLog();
  const rooms = createRooms({ session, log, nick: "bot", random: () => 0.5 });
  const account = resolveAccount(config);
  const file = join(mkdtempSync(join(tmpdir(), "live-rooms-")), "invited-rooms.json");
  const membership = createRoomMembership({
    readAccount: () => account,
    rooms,
    invited: createInvitedRooms(file, { now: Date.now, log }),
    bookmarks: undefined,
    log,
  });
  session.goOnline();
  session.onRequest(DISCO_INFO, description());
  const listening = new Set<object>();
  const onRoom: typeof rooms.onRoom = (listener) => {
    const off = rooms.onRoom(listener);
    listening.add(off);
    return () => (listening.delete(off), off());
  };
  const presence = (attrs: string, inside: string) =>
    session.receive(
      `<presence from="${ROOM}/bot" to="bot@example/openclaw"${attrs}>${inside}</presence>`,
    );
  return {
    session,
    rooms,
    membership,
    listening,
    live: { account, rooms: { ...rooms, onRoom }, membership, session } as unknown as LiveAccount,
    letIn: () =>
      presence(
        "",
        '<x xmlns="http://jabber.org/protocol/muc#user"><item affiliation="none" role="participant"/><status code="110"/></x>',
      ),
    refuse: (condition: string) =>
      presence(
        ' type="error"',
        `<error type="auth"><${condition} xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error>`,
      ),
  };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("join", () => {
  it("is done when the room has let us in, and lasts", async () => {
    const road = setUp();
    const joined = joinRoom(road.live, ROOM);
    await vi.waitFor(() => expect(road.rooms.get(ROOM)?.state).toBe("joining"));
    await road.letIn();
    expect(await joined).toMatchObject({ room: ROOM, state: "joined", nick: "bot" });
    expect(listOccupants(road.live, ROOM).occupants).toMatchObject([{ nick: "bot" }]);
    expect(road.membership.isWanted(ROOM)).toBe(true);
    expect(road.listening.size).toBe(0);
  });

  it("a room that refuses is not kept, unless it was wanted before", async () => {
    for (const wasWanted of [false, true]) {
      const road = setUp();
      if (wasWanted) {
        road.membership.enter(ROOM);
        road.session.takeSent();
      }
      const joined = joinRoom(road.live, ROOM);
      joined.catch(() => undefined);
      await vi.waitFor(() => expect(road.rooms.get(ROOM)?.state).toBe("joining"));
      await road.refuse("not-authorized");
      await expect(joined).rejects.toThrow(/team@muc.example refused: .*password/);
      expect(road.membership.isWanted(ROOM)).toBe(wasWanted);
      expect(road.listening.size).toBe(0);
    }
  });

  it("a room that says nothing is tried on", async () => {
    const road = setUp();
    const joined = joinRoom(road.live, ROOM);
    await vi.waitFor(() => expect(road.rooms.get(ROOM)?.state).toBe("joining"));
    await vi.advanceTimersByTimeAsync(20_000);
    expect((await joined).state).not.toBe("joined");
    expect(() => listOccupants(road.live, ROOM)).toThrow("not in room team@muc.example");
    expect(road.membership.isWanted(ROOM)).toBe(true);
  });

  it("what is no room is not entered, nor anything while offline", async () => {
    const road = setUp();
    road.session.onRequest(
      DISCO_INFO,
      `<iq type="result"><query xmlns="${DISCO_INFO}"><identity category="account" type="registered"/></query></iq>`,
    );
    await expect(joinRoom(road.live, ROOM)).rejects.toThrow("is no room");
    road.session.goOffline();
    await expect(joinRoom(road.live, ROOM)).rejects.toThrow("not online");
    expect(road.membership.isWanted(ROOM)).toBe(false);
  });
});

it("leave tells where there is nothing to leave", () => {
  const { live, membership } = setUp();
  expect(() => leaveRoom(live, ROOM)).toThrow("not in room");
  membership.enter(ROOM);
  expect(leaveRoom(live, ROOM)).toEqual({ left: ROOM });
});

describe("invite", () => {
  async function inside() {
    const road = setUp();
    road.membership.enter(ROOM);
    await road.letIn();
    road.session.takeSent();
    return road;
  }

  it("asks the room, and waits for its refusal", async () => {
    const { live, session } = await inside();
    const invited = inviteToRoom(live, ROOM, ANNA, "come");
    const listening = session.listenerCount();
    const sent = session.takeSent().join();
    expect(sent).toMatch(/<invite to="anna@example"><reason>come/);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await invited).toEqual({ room: ROOM, invited: ANNA });
    expect(session.listenerCount()).toBe(listening - 1);
  });

  it("says what the room refuses with; nobody else can", async () => {
    const { live, session } = await inside();
    const invited = inviteToRoom(live, ROOM, ANNA);
    const id = / id="([^"]+)"/.exec(session.takeSent().join())?.[1];
    const error = (from: string) =>
      `<message from="${from}" id="${id}" type="error"><error type="auth"><forbidden xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></message>`;
    await session.receive(error("mallory@example").replace("forbidden", "conflict"));
    await session.receive(error(ROOM));
    await expect(invited).rejects.toThrow("does not invite anna@example: forbidden");
  });

  it("is for rooms where we are, and for others than us", async () => {
    const road = await inside();
    await expect(inviteToRoom(road.live, ROOM, "bot@example" as BareJid)).rejects.toThrow(
      "cannot be invited",
    );
    await expect(inviteToRoom(road.live, "hall@muc.example" as BareJid, ANNA)).rejects.toThrow(
      "not in room hall@muc.example",
    );
  });
});
