/**
 * What was said in a room since the agent last spoke there, by people whom policy admits but who did
 * not address it. Handed to the agent beside the message that does, and forgotten as that turn begins:
 * what is said while the agent works belongs to the next one.
 */
import { createChannelHistoryWindow, type HistoryEntry } from "openclaw/plugin-sdk/reply-history";
import { shouldIncludeSupplementalContext } from "openclaw/plugin-sdk/security-runtime";
import type { BareJid } from "../protocol/jid.ts";
import type { InboundConfig } from "./types.ts";

/** Of what somebody pasted into a room only so much is kept, in characters. */
const MAX_ENTRY_LENGTH = 20_000;

/** The host's own default for groups. */
const DEFAULT_HISTORY_LIMIT = 50;

export type TakenHistory = {
  entries: HistoryWindowEntries;
  /** `current` with the taken messages before it, as the host frames them. */
  frame: (current: string) => string;
  restore: () => void;
};

type HistoryWindowEntries = ReturnType<
  ReturnType<typeof createChannelHistoryWindow>["buildInboundHistory"]
>;

export type RoomHistory = ReturnType<typeof createRoomHistory>;

/** `limit`: messages kept a room; 0 keeps none. */
export function createRoomHistory(limit: number = DEFAULT_HISTORY_LIMIT) {
  const historyMap = new Map<string, HistoryEntry[]>();
  const window = createChannelHistoryWindow({ historyMap });
  return {
    record: (room: BareJid, entry: HistoryEntry) => {
      const body = entry.body.slice(0, MAX_ENTRY_LENGTH);
      window.record({ historyKey: room, entry: { ...entry, body }, limit });
    },
    /** What was said in a room that we have left is nothing to the next one of that name. */
    forget: (room: BareJid) => void historyMap.delete(room),
    /** Takes out a message that was taken back or corrected. @returns whether it was there */
    forgetMessage(room: BareJid, ids: readonly string[]): boolean {
      const entries = historyMap.get(room) ?? [];
      const kept = entries.filter(({ messageId = "" }) => !ids.includes(messageId));
      historyMap.set(room, kept);
      return kept.length < entries.length;
    },
    /** Takes out the pending messages; a turn that does not come about gives them back by `restore`. */
    take(room: BareJid): TakenHistory {
      const entries = historyMap.get(room) ?? [];
      const taken = createChannelHistoryWindow({ historyMap: new Map([[room, entries]]) });
      historyMap.delete(room);
      let isRestored = false;
      return {
        entries: taken.buildInboundHistory({ historyKey: room, limit }),
        frame: (current) =>
          taken.buildPendingContext({
            historyKey: room,
            limit,
            currentMessage: current,
            formatEntry: ({ sender, body }) => `${sender}: ${body}`,
          }),
        restore: () => {
          if (isRestored) return;
          isRestored = true;
          const all = [...entries, ...(historyMap.get(room) ?? [])];
          if (limit > 0) historyMap.set(room, all.slice(-limit));
        },
      };
    },
  };
}

/**
 * Whether what people say whom no list names is context for those whom one does. The host's word for it
 * is `contextVisibility: "all"`; here that must be said, because it is a stranger's text that an agent
 * reads.
 */
export function mayOverhear({ cfg, settings }: Omit<InboundConfig, "policy">): boolean {
  const mode = settings.contextVisibility ?? cfg.channels?.defaults?.contextVisibility;
  return (
    mode !== undefined &&
    shouldIncludeSupplementalContext({ mode, kind: "history", senderAllowed: false })
  );
}
