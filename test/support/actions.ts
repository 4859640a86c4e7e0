/** The message tool over a fake session: "bot@example", in `ROOM` as "bot", where "alice" and "eve" are. */
import type { ChannelMessageActionContext } from "openclaw/plugin-sdk/channel-contract";
import type { OpenClawConfig, PluginRuntime } from "openclaw/plugin-sdk/channel-core";
import { createRooms } from "../../src/client/rooms.ts";
import { resolveAccount } from "../../src/host/account.ts";
import { actions } from "../../src/host/actions.ts";
import { addLiveAccount, type LiveAccount } from "../../src/host/live-accounts.ts";
import { setRuntime } from "../../src/host/runtime.ts";
import { encodeBody, sendMessage } from "../../src/outbound/send.ts";
import type { Target } from "../../src/outbound/target.ts";
import type { FullJid } from "../../src/protocol/jid.ts";
import { DISCO_INFO } from "../../src/protocol/xep-0030-disco.ts";
import { createFakeLog, createFakeSession } from "./fake-session.ts";
import { createOutbox } from "./outbox.ts";
import { codes, description, item, presence, ROOM } from "./room-xml.ts";

export const ALICE = "alice@example" as FullJid;
export const DIRECT: Target = { kind: "direct", to: ALICE };
export const IN_ROOM: Target = { kind: "room", room: ROOM, to: ROOM };

type Action = ChannelMessageActionContext["action"];
type Extra = Partial<Omit<ChannelMessageActionContext, "params" | "action">>;

/** In the conversation with that target, which the agent is answering. */
export const within = (target: string, currentMessageId?: string): Extra => ({
  toolContext: {
    currentChannelId: target,
    ...(currentMessageId === undefined ? {} : { currentMessageId }),
  },
});

export function setUpActions(
  keys: object = {},
  options: { stanzaIds?: boolean; hidesJids?: boolean; isBelieved?: boolean } = {},
) {
  const cfg = {
    channels: {
      xmpp: { jid: "bot@example", password: "secret", server: "localhost", rooms: [ROOM], ...keys },
    },
  } as OpenClawConfig;
  setRuntime({
    channel: {
      text: {
        convertMarkdownTables: (text: string) => text,
        resolveMarkdownTableMode: () => "off",
      },
    },
  } as unknown as PluginRuntime);
  const session = createFakeSession();
  const rooms = createRooms({ session, log: createFakeLog(), nick: "bot" });
  session.goOnline();
  const features = options.stanzaIds === false ? [] : ["urn:xmpp:sid:0"];
  session.onRequest(
    DISCO_INFO,
    description(options.hidesJids ? "muc_semianonymous" : "muc_nonanonymous", ...features),
  );
  rooms.join(ROOM);
  void session.receive(presence("alice", item("alice@example/phone")));
  void session.receive(presence("eve", item("eve@example/phone")));
  void session.receive(
    presence("bot", item("bot@example/openclaw") + codes(...(options.hidesJids ? [] : [100]), 110)),
  );
  session.takeSent();
  const outbox = createOutbox(session, rooms);
  const { send } = session;
  let count = 0;
  session.send = async (stanza) => {
    await send(stanza);
    if (stanza.attrs["type"] !== "groupchat") return;
    const id = String(stanza.attrs["id"]);
    const stanzaId = options.stanzaIds === false ? undefined : `room-${++count}`;
    outbox.sent.reflect(id, ROOM, stanzaId);
    if (stanzaId !== undefined) outbox.recent.name(ROOM, id, stanzaId);
  };
  const left: string[] = [];
  const availabilities: object[] = [];
  const profiles: object[] = [];
  const stop = addLiveAccount({
    ...outbox,
    account: resolveAccount(cfg),
    isBelieved: () => options.isBelieved ?? true,
    mayHear: async ({ sender }: Parameters<LiveAccount["mayHear"]>[0]) =>
      sender.jid !== "eve@example",
    onOutbound: () => undefined,
    answerFacts: { note: () => undefined, find: () => undefined, settle: () => undefined },
    growing: { left: () => undefined, settle: () => undefined, forgetLeft: () => undefined },
    presence: { choose: (availability: object) => void availabilities.push(availability) },
    setProfile: async (change: object) => void profiles.push(change),
    roster: { contact: () => undefined, presenceOf: () => undefined },
    membership: { leave: (room: string) => left.push(room) > 0 },
  } as unknown as LiveAccount);

  const run = async (action: Action, params: object, extra: Extra = {}) => {
    const result = await actions.handleAction?.({
      channel: "xmpp",
      action,
      cfg,
      params: { ...params },
      ...extra,
    });
    return (result as { details: unknown }).details as Record<string, unknown>;
  };
  /** The agent says something, outside of the tool. */
  const say = async (target: Target, id: string, text: string) => {
    await sendMessage(outbox, target, encodeBody(target, id, text, {}));
    session.takeSent();
  };
  /** Somebody said something, whom policy admits. */
  const hear = (target: Target, messageId: string, reference: string) =>
    outbox.recent.add(target.kind === "room" ? target.room : (target.to as never), {
      ids: [messageId, reference],
      reference,
      from: target.kind === "room" ? (`${ROOM}/alice` as FullJid) : target.to,
      senderId: ALICE,
      author: "alice",
      text: "hello",
    });
  return { cfg, session, rooms, outbox, run, say, hear, left, availabilities, profiles, stop };
}
