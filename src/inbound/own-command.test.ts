/** `/xmpp …` on the road in: run by the host's registry of plugin commands, never as a turn. */
import { clearPluginCommands, registerPluginCommand } from "openclaw/plugin-sdk/plugin-runtime";
import { afterEach, describe, expect, it } from "vitest";
import {
  body,
  createRoadIn,
  enterRoom,
  message,
  type RoadInOptions,
} from "../../test/support/road-in.ts";
import { ROOM, item, presence } from "../../test/support/room-xml.ts";

type Definition = Parameters<typeof registerPluginCommand>[1];
type Given = Parameters<Definition["handler"]>[0];

afterEach(clearPluginCommands);

function setUp(options: RoadInOptions = {}, { isRegistered = true } = {}) {
  const given: Pick<Given, "args" | "senderId" | "accountId">[] = [];
  if (isRegistered) {
    registerPluginCommand("xmpp", {
      name: "xmpp",
      description: "The account",
      acceptsArgs: true,
      requireAuth: false,
      handler: ({ args, senderId, accountId }) => {
        given.push({ args, senderId, accountId });
        return { text: "done that" };
      },
    });
  }
  const keys = { dmPolicy: "allowlist", allowFrom: ["alice@example"], rooms: [ROOM] };
  const road = createRoadIn({ keys, ...options });
  enterRoom(road, ["muc_nonanonymous"]);
  const say = async (from: string, text: string, type = "chat", extra = "") => {
    await road.session.receive(message(from, body(text) + extra, type));
    await road.receiver.idle();
  };
  return { ...road, given, say };
}

const ALICE = "alice@example/pc";

describe("/xmpp", () => {
  it("is run and answered, and is no turn", async () => {
    const { given, say, session, turns } = setUp();
    await say(ALICE, "/xmpp join a@muc.example \u0007The Nick");
    expect(given).toEqual([
      { args: "join a@muc.example The Nick", senderId: "alice@example", accountId: "default" },
    ]);
    expect(turns).toEqual([]);
    const sent = session.takeSent().join("\n");
    expect(sent).toContain("<body>done that</body>");
    expect(sent).toContain('to="alice@example"');
  });

  it.each(["/XMPP rooms", "/xmpp\nrooms", " / xmpp  rooms "])("is meant by %j", async (text) => {
    const { given, say, turns } = setUp();
    await say(ALICE, text);
    expect(given).toMatchObject([{ args: "rooms" }]);
    expect(turns).toEqual([]);
  });

  it.each(["what does /xmpp do?", "/xmppp", "/status"])("is not meant by %j", async (text) => {
    const { given, say, turns } = setUp();
    await say(ALICE, text);
    expect(given).toEqual([]);
    expect(turns).toHaveLength(1);
  });

  it("does not wait for a running turn", async () => {
    const ended = Promise.withResolvers<void>();
    const { given, session } = setUp({
      dispatch: async ({ replyOptions }) => {
        await replyOptions.turnAdoptionLifecycle.onAdopted();
        await ended.promise;
      },
    });
    await session.receive(message(ALICE, body("think about it")));
    await session.receive(message(ALICE, body("/xmpp status")));
    await expect.poll(() => given).toMatchObject([{ args: "status" }]);
    ended.resolve();
  });

  it("in a room is answered there; by real JID where it is shown, else by nobody's", async () => {
    const keys = { rooms: [ROOM], groupAllowFrom: ["affiliation:member"] };
    const { given, say, session } = setUp({ keys });
    const member = 'affiliation="member" role="participant"';
    await session.receive(presence("alice", item("alice@example/pc", member)));
    await session.receive(presence("ghost", item(undefined, member)));
    session.takeSent();
    await say(`${ROOM}/alice`, "bot: /xmpp status", "groupchat");
    await say(`${ROOM}/ghost`, "bot: /xmpp status", "groupchat");
    expect(given.map(({ senderId }) => senderId)).toEqual(["alice@example", undefined]);
    const sent = session.takeSent().join("\n");
    expect(sent).toContain("<body>alice: done that</body>");
  });

  it("is nobody's whom policy does not let in", async () => {
    const { given, say } = setUp();
    await say("eve@example/pc", "/xmpp status");
    expect(given).toEqual([]);
  });

  it("may correct what was said before, and is no event for the agent", async () => {
    const { events, given, say, session, turns } = setUp();
    await session.receive(
      message(ALICE, body("xmpp status")).replace("<message ", '<message id="first" '),
    );
    const replace = '<replace xmlns="urn:xmpp:message-correct:0" id="first"/>';
    await say(ALICE, "/xmpp status", "chat", replace);
    expect(given).toMatchObject([{ args: "status" }]);
    expect(turns.map(({ message: { rawBody } }) => rawBody)).not.toContain("/xmpp status");
    expect(events).toEqual([]);
  });

  it("goes the host's way where the host does not know it", async () => {
    const { say, turns } = setUp({}, { isRegistered: false });
    await say(ALICE, "/xmpp status");
    expect(turns).toMatchObject([{ message: { commandBody: "/xmpp status" } }]);
  });
});
