/**
 * The road out: Markdown from the agent becomes styled, split messages, each confirmed by the server
 * before the next leaves.
 */
import { randomUUID } from "node:crypto";
import type { Rooms } from "../client/rooms.ts";
import type { XmppSession } from "../client/types.ts";
import { XmppNotSentError } from "../errors.ts";
import { encodeMessage, type Thread } from "../protocol/stanza.ts";
import type { Reply } from "../protocol/xep-0461-reply.ts";
import { encodeMucUser } from "../protocol/xep-0045-muc.ts";
import { stripInvalidXmlChars } from "../protocol/xml-text.ts";
import { chunkText } from "./chunk.ts";
import { toMessageStyling } from "./styling.ts";
import type { SentMessages } from "./sent-messages.ts";
import type { Target } from "./target.ts";

export type Outbox = { session: XmppSession; rooms: Rooms; sent: SentMessages };

export type SendOptions = {
  /** Characters a message at most. */
  textLimit: number;
  thread?: Thread | undefined;
  /** Plain text before the first message. */
  prefix?: string | undefined;
  /** What the first message answers (XEP-0461). */
  reply?: Reply | undefined;
  signal?: AbortSignal | undefined;
  /** Awaited before each message is handed to the server. */
  beforeSend?: (() => Promise<void> | void) | undefined;
  /** Called with the stanza's id for each message that the server confirmed. */
  onSent?: ((id: string) => Promise<void> | void) | undefined;
};

/**
 * Sends `markdown` to `target`, in order, as as many messages as it takes.
 *
 * @returns the ids of the messages, all confirmed by the server
 * @throws XmppNotSentError the message was not handed out: offline, the room not joined, the occupant gone
 * @throws XmppStanzaError it came back: nobody of that name, no voice in the room, …
 * @throws XmppUnconfirmedError the connection ended before the server confirmed it
 * What had been sent before is known through `onSent`.
 */
export async function sendText(
  outbox: Outbox,
  target: Target,
  markdown: string,
  options: SendOptions,
): Promise<string[]> {
  const ids: string[] = [];
  const { prefix = "", textLimit, thread } = options;
  const text = stripInvalidXmlChars(prefix + toMessageStyling(markdown));
  for (const body of chunkText(text, textLimit)) {
    options.signal?.throwIfAborted();
    await options.beforeSend?.();
    options.signal?.throwIfAborted();
    const reply = ids.length === 0 ? options.reply : undefined;
    const id = await sendBody(outbox, target, body, { thread, reply });
    ids.push(id);
    await options.onSent?.(id);
  }
  return ids;
}

async function sendBody(
  { session, rooms, sent }: Outbox,
  target: Target,
  body: string,
  { thread, reply }: Pick<SendOptions, "thread" | "reply">,
): Promise<string> {
  assertReachable(rooms, target);
  const id = randomUUID();
  const message = encodeMessage({
    to: target.to,
    type: target.kind === "room" ? "groupchat" : "chat",
    id,
    originId: id,
    body,
    thread,
    reply,
    chatState: "active",
  });
  if (target.kind === "room-private") message.append(encodeMucUser());
  sent.add(id, target.to);
  await session.send(message);
  if (target.kind === "room") await sent.returned(id);
  sent.assertNotRefused(id);
  return id;
}

/** XEP-0045 §7.5 and §7.4: only an occupant may send to a room, and only to occupants privately. */
function assertReachable(rooms: Rooms, target: Target): void {
  if (target.kind === "direct") return;
  const room = rooms.get(target.room);
  if (room?.state !== "joined") {
    const why = room?.reason ? `: ${room.reason}` : "";
    throw new XmppNotSentError(
      room
        ? `not in room ${target.room} (${room.state}${why})`
        : `not in room ${target.room}; add it to channels.xmpp.rooms`,
    );
  }
  if (target.kind === "room") return;
  const occupant = rooms.occupant(target.room, target.nick);
  if (!occupant) {
    throw new XmppNotSentError(`nobody called "${target.nick}" is in room ${target.room}`);
  }
  if (target.stay !== undefined && occupant.stay !== target.stay) {
    throw new XmppNotSentError(
      `"${target.nick}" in room ${target.room} is not, or not provably, who wrote`,
    );
  }
}
