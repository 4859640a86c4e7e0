import { createArchive } from "../../src/client/archive.ts";
import type { Rooms } from "../../src/client/rooms.ts";
import { trustedAuthorities } from "../../src/client/trust.ts";
import type { XmppSession } from "../../src/client/types.ts";
import type { Uploads } from "../../src/client/upload.ts";
import { XmppUploadError } from "../../src/errors.ts";
import { createDepartures } from "../../src/outbound/departures.ts";
import type { Outbox } from "../../src/outbound/send.ts";
import { createRecentMessages } from "../../src/outbound/recent-messages.ts";
import { createSentMessages } from "../../src/outbound/sent-messages.ts";
import { DEFAULT_LIMITS } from "../../src/policy/limits.ts";
import { createFakeLog } from "./fake-session.ts";

/** A server that takes no files. */
const NO_UPLOADS: Uploads = {
  service: async () => undefined,
  upload: async () => await Promise.reject(new XmppUploadError("the server has no upload service")),
  origins: async () => new Set(),
  trust: () => trustedAuthorities(undefined, false),
};

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
    uploads: NO_UPLOADS,
    departures: createDepartures(),
    limits: { ...DEFAULT_LIMITS, sendsPerSecond: 1_000 },
    log: createFakeLog(),
  };
}
