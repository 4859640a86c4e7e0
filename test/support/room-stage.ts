/**
 * What the tests about talk and identity in rooms stand on: a Prosody with a fake room service beside
 * it, one stub model, and one Gateway with an account for each way to be configured. Started by the
 * first test that asks for it and shared by the files, as test/support/stage.ts is.
 */
import { connectComponent } from "./component.ts";
import { type ConfigObject, type Gateway, startGateway } from "./gateway.ts";
import { type FakeRoom, createMucService } from "./muc-service.ts";
import { type Prosody, startProsody } from "./prosody.ts";
import { type SlixmppClient, type SlixmppLogin, startSlixmppUser } from "./slixmpp.ts";
import { PACKAGE } from "./stage.ts";
import { type StubModel, startStubModel } from "./stub-model.ts";

/** Everybody whose commands are an owner's. */
export const OWNER = "alice@localhost";

export type RoomStage = {
  prosody: Prosody;
  model: StubModel;
  gateway: Gateway;
  rooms: Rooms;
  /** A new person on slixmpp; the password is the name. */
  person(user: string, options?: Partial<SlixmppLogin> & { host?: string }): Promise<SlixmppClient>;
};

/** Rooms of Prosody. All show real JIDs unless it says otherwise. */
type Rooms = Awaited<ReturnType<typeof createRooms>>;

async function createRooms(prosody: Prosody) {
  const room = prosody.room;
  return {
    /** `bot` and `shy` answer to their names. */
    team: await room("team"),
    /** Answers of `bot` begin with the nick of who asked. */
    court: await room("court"),
    /** `bot` hears everything, as the agent "watcher" and as events of the room. */
    watch: await room("watch"),
    /** Two agents speak by `bot`. */
    chorus: await room("chorus"),
    /** `bot` answers to its name, until somebody commands otherwise. */
    modes: await room("modes"),
    /** Two bots of two Gateways, which pay each other no attention; do so without end; when named. */
    deaf: await room("deaf"),
    chatty: await room("chatty"),
    polite: await room("polite"),
  };
}

let stage: Promise<RoomStage> | undefined;

/** The shared stage; ended when the worker exits. */
export function getRoomStage(): Promise<RoomStage> {
  return (stage ??= openStage());
}

const FAKE = { domain: "fake.localhost", secret: "s3cret" };

async function openStage(): Promise<RoomStage> {
  const [prosody, model] = await Promise.all([
    startProsody({ components: [FAKE] }),
    startStubModel(),
  ]);
  const rooms = await createRooms(prosody);
  const person: RoomStage["person"] = (user, options) => startSlixmppUser(prosody, user, options);
  const accounts = { ...talkers(rooms), ...botsOf(rooms, "a") };
  const gateway = await startBotGateway(prosody, model, accounts, {
    commands: { ownerAllowFrom: [`xmpp:${OWNER}`] },
    agents: {
      entries: {
        main: { default: true, name: "Main" },
        second: { name: "Second" },
        watcher: { name: "Watcher", groupChat: { unmentionedInbound: "room_event" } },
      },
    },
    bindings: [
      {
        agentId: "watcher",
        match: { channel: "xmpp", peer: { kind: "group", id: rooms.watch } },
      },
    ],
    broadcast: { [`xmpp:${rooms.chorus}`]: ["main", "second"] },
  });
  return { prosody, model, gateway, rooms, person };
}

/** Accounts by id. The user, the password and the nick are the id, unless it says otherwise. */
type Accounts = Readonly<Record<string, ConfigObject & { nick?: string }>>;

function talkers(rooms: Rooms): Accounts {
  return {
    bot: {
      rooms: [rooms.team, rooms.court, rooms.watch, rooms.chorus, rooms.modes],
      groupAllowFrom: ["*"],
      mucRooms: {
        [rooms.court]: { replyWithNick: true },
        [rooms.watch]: { requireMention: false },
      },
    },
    shy: {
      rooms: [rooms.team],
      implicitMentions: { replyToBot: false },
      replyToMode: "off",
    },
  };
}

/** One side of the rooms with two bots: their nicks end in the side. */
function botsOf(rooms: Rooms, side: "a" | "b"): Accounts {
  const alone = (room: string) => ({
    rooms: [room],
    mucRooms: { [room]: { requireMention: false } },
  });
  return {
    [`deaf-${side}`]: alone(rooms.deaf),
    [`chatty-${side}`]: {
      ...alone(rooms.chatty),
      allowBots: true,
      botLoopProtection: { maxEventsPerWindow: 3, windowSeconds: 60, cooldownSeconds: 60 },
    },
    [`polite-${side}`]: { ...alone(rooms.polite), allowBots: "mentions" },
  };
}

/** The other side of the rooms with two bots: another Gateway. */
export async function startOtherGateway(
  { prosody, rooms }: RoomStage,
  model: StubModel,
): Promise<Gateway> {
  return await startBotGateway(prosody, model, botsOf(rooms, "b"));
}

async function startBotGateway(
  prosody: Prosody,
  model: StubModel,
  accounts: Accounts,
  config: ConfigObject = {},
): Promise<Gateway> {
  const users = Object.keys(accounts);
  await Promise.all(users.map((user) => prosody.register(user, user)));
  const complete = users.map((user) => [
    user,
    { jid: `${user}@localhost`, password: user, ...accounts[user] },
  ]);
  return await startGateway({
    modelUrl: model.baseUrl,
    plugins: [{ kind: "path", path: PACKAGE }],
    config: {
      session: { dmScope: "per-account-channel-peer" },
      ...config,
      channels: {
        xmpp: {
          server: `127.0.0.1:${prosody.ports.c2s}`,
          tls: { caFile: prosody.caFile },
          accounts: Object.fromEntries(complete),
        },
      },
    },
  });
}
