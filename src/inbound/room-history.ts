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

/** What a text may begin a new line with. */
const LINE_END = /\r\n|[\n-\r\u0085\u2028\u2029]/g;

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

/** By what a message is meant that was taken back or corrected. */
export type Called = {
  /** The host's key for it, or the room's id. */
  ids: readonly string[];
  /** As `namesOf` in revisions.ts. */
  names: readonly string[];
};

/** Of a room; as long as a turn that had them may not come about. */
const MAX_FORGOTTEN = 200;

export type RoomHistory = ReturnType<typeof createRoomHistory>;

/** `limit`: messages kept a room; 0 keeps none. */
export function createRoomHistory(limit: number = DEFAULT_HISTORY_LIMIT) {
  const historyMap = new Map<string, HistoryEntry[]>();
  const window = createChannelHistoryWindow({ historyMap });
  const marks = new WeakMap<HistoryEntry, { names: readonly string[]; at: number }>();
  const forgotten = new Map<BareJid, (Called & { at: number })[]>();
  let at = 0;

  function isMeant(entry: HistoryEntry, called: Called): boolean {
    if (called.ids.includes(entry.messageId ?? "")) return true;
    return marks.get(entry)?.names.some((name) => called.names.includes(name)) === true;
  }

  /** What came later may bear the name of what it corrects. */
  const isForgotten = (room: BareJid, entry: HistoryEntry): boolean =>
    (forgotten.get(room) ?? []).some(
      (called) => (marks.get(entry)?.at ?? 0) < called.at && isMeant(entry, called),
    );

  return {
    /** @param names by which it may be taken back or corrected, besides its `messageId` */
    record: (room: BareJid, entry: HistoryEntry, names: readonly string[] = []) => {
      const body = entry.body.slice(0, MAX_ENTRY_LENGTH);
      window.record({ historyKey: room, entry: { ...entry, body }, limit });
      const kept = historyMap.get(room)?.at(-1);
      if (kept) marks.set(kept, { names, at: ++at });
    },
    /** What was said in a room that we have left is nothing to the next one of that name. */
    forget: (room: BareJid) => {
      historyMap.delete(room);
      forgotten.delete(room);
    },
    /**
     * Takes out a message that was taken back or corrected; a turn that has taken it does not give it back.
     * @returns whether it was pending
     */
    forgetMessage(room: BareJid, called: Called): boolean {
      const entries = historyMap.get(room) ?? [];
      const kept = entries.filter((entry) => !isMeant(entry, called));
      historyMap.set(room, kept);
      const all = [...(forgotten.get(room) ?? []), { ...called, at: ++at }];
      forgotten.set(room, all.slice(-MAX_FORGOTTEN));
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
            // Set in, so that no line of theirs looks like somebody else's.
            formatEntry: ({ sender, body }) => `${sender}: ${body.replace(LINE_END, "\n  ")}`,
          }),
        restore: () => {
          if (isRestored) return;
          isRestored = true;
          const wanted = entries.filter((entry) => !isForgotten(room, entry));
          const all = [...wanted, ...(historyMap.get(room) ?? [])];
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
