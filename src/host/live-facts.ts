/** What a running account says of itself to its operator. Nothing of it is secret, and nothing of it was said by people. */
import type { ConnectionFacts, ConnectionState } from "../client/types.ts";
import type { TallyReason } from "../inbound/tally.ts";
import type { Progress } from "../outbound/sent-messages.ts";
import type { LiveAccount } from "./live-accounts.ts";
import { describeWaiting } from "./live-status.ts";

export type RoomStateFacts = { room: string; state: string; reason?: string; archive?: boolean };

/** A connection that failed or was lost, and is perhaps back since. `at`: ms since the epoch. */
export type Trouble = { message: string; at: number };

export type LiveFacts = {
  /** The step that the connection is at. */
  connection: ConnectionState["kind"];
  /** `tcp` (STARTTLS), `tls` (direct TLS), `websocket`; this and the next six only while online. */
  transport?: ConnectionFacts["transport"];
  /** "host:port", or the WebSocket's URL. */
  address?: string;
  /** Version and cipher; absent without TLS. */
  tls?: string;
  /** As SASL calls it; `-PLUS` is bound to the TLS channel. */
  mechanism?: string;
  channelBinding?: string;
  /** Whether the stream of before was taken up again (XEP-0198 §5), or a new session began. */
  stream?: "resumed" | "fresh";
  onlineSince?: number;
  /** Whether there is an archive to catch up from (XEP-0313); absent while unknown, and where not asked. */
  archive?: boolean;
  /** Where files go (XEP-0363), and how large they may be, bytes; absent where there is nowhere, or not yet known. */
  upload?: { service: string; maxFileSize?: number };
  rooms: RoomStateFacts[];
  /** Messages that wait for their turn; `oldestSeconds`: for how long the first has waited; `error`: why nobody knows. */
  queue: { waiting?: number; oldestSeconds?: number; error?: string };
  /** What was not answered, by reason, since the account started. */
  dropped: Partial<Record<TallyReason, number>>;
  /** Of `dropped`: whom policy did not let in. */
  refused: number;
  /** Of `dropped`: what was too much. */
  rateLimited: number;
  lastTrouble?: Trouble;
  /** When somebody last said that a message of ours arrived, or was read. */
  lastDeliveredAt?: number;
  lastDisplayedAt?: number;
};

const TOO_MUCH = [
  "queue-full",
  "turns-limited",
  "commands-limited",
  "iqs-limited",
  "subscriptions-limited",
  "invitations-limited",
  "events-limited",
] as const satisfies TallyReason[];

export async function readLiveFacts(live: LiveAccount): Promise<LiveFacts> {
  const { session, sent, tally } = live;
  const dropped = tally.read();
  const upload = live.services.uploadService();
  const trouble = live.lastTrouble();
  return {
    connection: session.state.kind,
    ...connectionFactsOf(session.state),
    ...archiveOf(live),
    ...(upload
      ? {
          upload: {
            service: upload.jid,
            ...(upload.maxFileSize === undefined ? {} : { maxFileSize: upload.maxFileSize }),
          },
        }
      : {}),
    rooms: roomStatesOf(live),
    queue: await queueOf(live),
    dropped,
    refused: dropped["not-admitted"] ?? 0,
    rateLimited: TOO_MUCH.reduce((sum, reason) => sum + (dropped[reason] ?? 0), 0),
    ...(trouble ? { lastTrouble: trouble } : {}),
    ...receiptsOf(sent.progress()),
  };
}

function connectionFactsOf(state: ConnectionState): Partial<LiveFacts> {
  if (state.kind !== "online") return {};
  const { address, channelBinding, mechanism, resumed, since, tls, transport } = state.facts;
  return {
    transport,
    address,
    ...(tls ? { tls: `${tls.version} ${tls.cipher}` } : {}),
    mechanism,
    ...(channelBinding ? { channelBinding } : {}),
    stream: resumed ? "resumed" : "fresh",
    onlineSince: since,
  };
}

function archiveOf({ catchUp }: LiveAccount): { archive?: boolean } {
  const { hasArchive } = catchUp;
  return hasArchive === undefined ? {} : { archive: hasArchive };
}

function roomStatesOf({ rooms }: LiveAccount): RoomStateFacts[] {
  return rooms.list().map(({ room, state, reason, archive }) => ({
    room,
    state,
    ...(reason ? { reason } : {}),
    ...(archive === undefined ? {} : { archive }),
  }));
}

async function queueOf(live: LiveAccount): Promise<LiveFacts["queue"]> {
  const { queued, oldestQueuedMs, queueError } = await describeWaiting(live);
  return {
    ...(queued === undefined ? {} : { waiting: queued }),
    ...(oldestQueuedMs === undefined ? {} : { oldestSeconds: Math.round(oldestQueuedMs / 1000) }),
    ...(queueError === undefined ? {} : { error: queueError }),
  };
}

function receiptsOf({ delivered, displayed }: Progress) {
  return {
    ...(delivered === undefined ? {} : { lastDeliveredAt: delivered }),
    ...(displayed === undefined ? {} : { lastDisplayedAt: displayed }),
  };
}
