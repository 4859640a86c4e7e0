/**
 * What was said in a room since the agent last spoke there, by people whom policy admits but who did
 * not address it. Handed to the agent beside the message that does, then forgotten.
 */
import { createChannelHistoryWindow, type HistoryEntry } from "openclaw/plugin-sdk/reply-history";
import type { BareJid } from "../protocol/jid.ts";

/** The host's own default for groups. */
const DEFAULT_HISTORY_LIMIT = 50;

export type RoomHistory = ReturnType<typeof createRoomHistory>;

/** `limit`: messages kept a room; 0 keeps none. */
export function createRoomHistory(limit: number = DEFAULT_HISTORY_LIMIT) {
  const historyMap = new Map<string, HistoryEntry[]>();
  const window = createChannelHistoryWindow({ historyMap });
  return {
    record: (room: BareJid, entry: HistoryEntry) => {
      window.record({ historyKey: room, entry, limit });
    },
    pending: (room: BareJid) => window.buildInboundHistory({ historyKey: room, limit }),
    /** `current` with the pending messages before it, as the host frames them. */
    frame: (room: BareJid, current: string) =>
      window.buildPendingContext({
        historyKey: room,
        limit,
        currentMessage: current,
        formatEntry: (entry) => `${entry.sender}: ${entry.body}`,
      }),
    /** For the host, which clears the room's history once the turn is done. */
    finalize: (room: BareJid) => ({ isGroup: true, historyKey: room, historyMap, limit }),
  };
}
