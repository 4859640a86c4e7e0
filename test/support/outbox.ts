import { createArchive } from "../../src/client/archive.ts";
import type { Rooms } from "../../src/client/rooms.ts";
import type { XmppSession } from "../../src/client/types.ts";
import { createDepartures } from "../../src/outbound/departures.ts";
import type { Outbox } from "../../src/outbound/send.ts";
import { createRecentMessages } from "../../src/outbound/recent-messages.ts";
import { createSentMessages } from "../../src/outbound/sent-messages.ts";
import { DEFAULT_LIMITS } from "../../src/policy/limits.ts";

/** The road out of a test: nobody waits for their turn by the clock. */
export function createOutbox(
  session: XmppSession,
  rooms: Rooms,
  onRefusal?: Parameters<typeof createSentMessages>[0],
): Outbox {
  return {
    session,
    rooms,
    sent: createSentMessages(onRefusal),
    recent: createRecentMessages(),
    archive: createArchive({ session }),
    departures: createDepartures(),
    limits: { ...DEFAULT_LIMITS, sendsPerSecond: 1_000 },
  };
}
