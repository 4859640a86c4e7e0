import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createFakeSession } from "../../test/support/fake-session.ts";
import { prepared } from "../../test/support/xmpp-subjects.ts";
import { DISCO_ITEMS } from "../protocol/xep-0030-disco.ts";
import { resolveAccount } from "./account.ts";
import { directory } from "./directory.ts";
import { addLiveAccount, type LiveAccount } from "./live-accounts.ts";
import { resolver } from "./resolver.ts";

const cfg = {
  channels: {
    xmpp: {
      jid: "bot@chat.example",
      password: "secret",
      allowFrom: ["alice@chat.example", "carol@chat.example", "*@work.example"],
      rooms: ["den@rooms.example"],
      mucRooms: { "closed@rooms.example": { enabled: false } },
    },
  },
} as OpenClawConfig;

const ITEMS = `<iq type='result' from='rooms.example'><query xmlns='${DISCO_ITEMS}'>
  <item jid='den@rooms.example' name='Forged name of the den'/>
  <item jid='garden@rooms.example' name='Garden'/>
  <item jid='yard@rooms.example'/>
  <item jid='closed@rooms.example'/>
  <item jid='mole@elsewhere.example' name='Garden'/>
  <item jid='bad jid@@'/>
</query></iq>`;

let stop = () => undefined as unknown;
beforeEach(() => {
  const session = createFakeSession();
  session.goOnline();
  session.onRequest(DISCO_ITEMS, ITEMS);
  const den = { room: prepared("den@rooms.example"), state: "joined", name: "The Den" };
  const cave = { room: prepared("cave@rooms.example"), state: "refused", reason: "banned" };
  const contacts = [
    { jid: prepared("alice@chat.example"), name: "Alice", subscription: "both" },
    { jid: prepared("bob@chat.example"), subscription: "to" },
  ];
  stop = addLiveAccount({
    account: resolveAccount(cfg),
    session,
    services: { roomServices: () => new Set(["rooms.example"]) },
    roster: {
      contacts: () => contacts,
      presenceOf: (jid: string) =>
        jid.startsWith("alice") ? { show: "dnd", status: "in a meeting", priority: 0 } : undefined,
    },
    rooms: {
      list: () => [cave, den],
      get: (room: string) => [cave, den].find((one) => one.room === room),
      occupants: () => [
        { nick: "Alice", realJid: prepared("alice@chat.example"), role: "moderator" },
        { nick: "who", occupantId: "x", role: "participant" },
      ],
    },
  } as unknown as LiveAccount);
});
afterEach(() => void stop());

const params = { cfg, accountId: null, runtime: undefined as never };

describe("openclaw directory", () => {
  it("self: the account, and the resource that it has", async () => {
    expect(await directory.self?.(params)).toMatchObject({
      id: "bot@chat.example",
      name: "bot",
      raw: { connection: "online", fullJid: "bot@example/openclaw" },
    });
  });

  it("peers: the roster with presences, then who is on the lists", async () => {
    expect(await directory.listPeers?.(params)).toEqual([
      {
        kind: "user",
        id: "alice@chat.example",
        name: "Alice",
        raw: { subscription: "both", presence: "dnd", status: "in a meeting" },
      },
      {
        kind: "user",
        id: "bob@chat.example",
        raw: { subscription: "to", presence: "offline" },
      },
      { kind: "user", id: "carol@chat.example" },
    ]);
    const found = await directory.listPeers?.({ ...params, query: "CHAT.example", limit: 2 });
    expect(found?.map(({ id }) => id)).toEqual(["alice@chat.example", "bob@chat.example"]);
    expect(await directory.listPeers?.({ ...params, query: "nobody" })).toEqual([]);
  });

  it("groups: ours first, then what the server lists, which passes for none of ours", async () => {
    const named = (await directory.listGroupsLive?.(params))?.map(({ id, name }) => [id, name]);
    expect(named).toEqual([
      ["den@rooms.example", "The Den"],
      ["cave@rooms.example", "cave@rooms.example (refused: banned)"],
      ["garden@rooms.example", "Garden (not entered)"],
      ["yard@rooms.example", "yard@rooms.example (not entered)"],
    ]);
    const ours = await directory.listGroups?.(params);
    expect(ours?.map(({ id }) => id)).toEqual(["den@rooms.example", "cave@rooms.example"]);
    const query = { ...params, query: "garden", limit: 5 };
    expect((await directory.listGroupsLive?.(query))?.map(({ id }) => id)).toEqual([
      "garden@rooms.example",
    ]);
  });

  it("members: by the address where the room shows it", async () => {
    const members = async (groupId: string, limit?: number) =>
      await directory.listGroupMembers?.({ ...params, groupId, limit: limit ?? null });
    const ofAnother = { ...params, accountId: "work", groupId: "den@rooms.example" };
    await expect(directory.listGroupMembers?.(ofAnother)).rejects.toThrow(
      'account "work" is not running',
    );
    const found = await members("xmpp:den@rooms.example");
    expect(found?.map(({ id, name }) => [id, name])).toEqual([
      ["alice@chat.example", "Alice"],
      ["den@rooms.example/who", "who"],
    ]);
    expect(await members("den@rooms.example", 1)).toHaveLength(1);
    await expect(members("cave@rooms.example")).rejects.toThrow(/not in room cave/);
    await expect(members("nonsense@@")).rejects.toThrow(/not in room nonsense/);
  });
});

describe("openclaw channels resolve", () => {
  const resolve = async (...inputs: string[]) =>
    await resolver.resolveTargets({ ...params, inputs, kind: "group" });

  it("addresses, whatever the host takes them for", async () => {
    expect(
      await resolve("alice@chat.example", "garden@rooms.example", "den@rooms.example/who"),
    ).toEqual([
      {
        input: "alice@chat.example",
        resolved: true,
        id: "alice@chat.example",
        name: "Alice",
        note: "direct",
      },
      {
        input: "garden@rooms.example",
        resolved: true,
        id: expect.stringContaining("garden@rooms.example"),
        name: "Garden (not entered)",
        note: "room, not entered",
      },
      {
        input: "den@rooms.example/who",
        resolved: true,
        id: expect.stringContaining("den@rooms.example/who"),
        note: "room-private",
      },
    ]);
  });

  it("names, in any case; and says what is wrong", async () => {
    expect(await resolve("the den", "ALICE", "nobody")).toEqual([
      {
        input: "the den",
        resolved: true,
        id: "den@rooms.example",
        name: "The Den",
        note: "room, joined",
      },
      {
        input: "ALICE",
        resolved: true,
        id: "alice@chat.example",
        name: "Alice",
        note: "direct",
      },
      {
        input: "nobody",
        resolved: false,
        note: expect.stringContaining("neither a person nor a room"),
      },
    ]);
  });
});
