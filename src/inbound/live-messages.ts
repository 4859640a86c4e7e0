/**
 * Live messages on their way to the receiver: they wait while older ones are fetched from the same archive
 * (XEP-0313), and move its cursor.
 */
import type { Element } from "ltx";
import type { Rooms } from "../client/rooms.ts";
import type { CatchUp as CatchUpConfig } from "../policy/limits.ts";
import { domainOf, type BareJid } from "../protocol/jid.ts";
import { decodeMessage, type Message } from "../protocol/stanza.ts";
import { trustedStanzaId } from "../protocol/xep-0359-ids.ts";
import type { ArchiveTrack } from "./archive-track.ts";
import type { Receiver } from "./receive.ts";
import type { Tally } from "./tally.ts";

/** Of all messages of an account that wait at gates, in characters of XML; then the gate opens before its time. */
export const MAX_WAITING = 4 * 1024 * 1024;
/**
 * A server stores what it holds back a little later than in the archive, or tells whole seconds only. Who
 * said something that close to the limit is found in the archive.
 */
const HELD_LATER_MS = 1_000;

export function createLiveMessages(options: {
  rooms: Rooms;
  receiver: Pick<Receiver, "receive">;
  own: () => BareJid | undefined;
  hasArchive: () => boolean | undefined;
  trackOf: (by: BareJid) => ArchiveTrack;
  /** The end of the stream, or of the stay in the room, in which that archive is read now. */
  signalOf: (by: BareJid) => AbortSignal | undefined;
  readConfig: () => CatchUpConfig;
  tally: Tally;
  now: () => number;
}): { receive(stanza: Element): Promise<void> } {
  const { rooms, receiver, trackOf, signalOf, readConfig, tally, now } = options;
  let waiting = 0;

  /** Which archive has it, and under which id. */
  function place({ from, type, stanzaIds }: Message) {
    const own = options.own();
    if (!from || !own || type === "error" || !readConfig().enabled) return undefined;
    if (type !== "groupchat") {
      return { track: trackOf(own), id: trustedStanzaId(stanzaIds, own), conversation: from.bare };
    }
    const room = rooms.get(from.bare);
    if (room?.state !== "joined") return undefined;
    const id = room.stanzaIds ? trustedStanzaId(stanzaIds, room.room) : undefined;
    return { track: trackOf(room.room), id, conversation: room.room };
  }

  /**
   * Whether our server held a direct message back (XEP-0160) that is not to be answered any more: it is older
   * than the bounds, or than where our archive ended at the first start. Without an archive only age counts,
   * at the first start as well.
   */
  function isTooOld({ type, delays }: Message, id: string | undefined, { cursor }: ArchiveTrack) {
    const own = options.own();
    if (type === "groupchat" || !own) return false;
    const server = domainOf(own);
    const held = delays.findLast(({ from }) => from?.full === own || from?.full === server);
    const stamp = held?.stamp;
    if (!stamp) return false;
    const at = stamp.getTime();
    if (cursor && (at <= cursor.floor + HELD_LATER_MS || (id !== undefined && id === cursor.id)))
      return true;
    if (at >= now() - readConfig().maxAgeMinutes * 60_000) return false;
    // Where there is an archive, it was counted there.
    if (!options.hasArchive()) tally.add("catch-up-skipped");
    return true;
  }

  /** Keeps the message in memory until then, as long as there are not too many. */
  async function wait(stanza: Element, track: ArchiveTrack, opening: Promise<void>): Promise<void> {
    const size = stanza.toString().length;
    waiting += size;
    if (waiting > MAX_WAITING) track.open();
    await opening.finally(() => (waiting -= size));
  }

  return {
    receive(stanza) {
      const message = stanza.is("message") ? decodeMessage(stanza) : undefined;
      const at = message && place(message);
      if (!message || !at) return receiver.receive(stanza);
      const { track, id, conversation } = at;
      const signal = signalOf(track.by);
      // What waited for older ones as the stream ended comes after them, out of the archive.
      const comesAgain = () => id !== undefined && signal?.aborted === true;
      const isWanted = () => !comesAgain() && !isTooOld(message, id, track);
      const opening = track.openingFor(conversation);
      let handled: Promise<void>;
      if (opening) {
        const wanted = wait(stanza, track, opening).then(isWanted);
        handled = receiver.receive(stanza, undefined, wanted);
      } else handled = isWanted() ? receiver.receive(stanza) : Promise.resolve();
      if (id !== undefined) track.follow(id, handled);
      return handled;
    },
  };
}
