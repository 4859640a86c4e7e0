/** What `openclaw channels status` shows. A probe asks the live session: it never logs in a second time. */
import { DEFAULT_ACCOUNT_ID } from "openclaw/plugin-sdk/account-core";
import {
  buildBaseChannelStatusSummary,
  createComputedAccountStatusAdapter,
  createDefaultChannelRuntimeState,
} from "openclaw/plugin-sdk/status-helpers";
import { messageOf } from "../errors.ts";
import { encodeRequest } from "../protocol/rfc-6120-iq.ts";
import { encodePing } from "../protocol/xep-0199-ping.ts";
import type { Rooms } from "../client/rooms.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import type { XmppAccount } from "./account.ts";
import { describeProblems } from "./account-problems.ts";
import { WITHOUT_ARCHIVE } from "../policy/limits.ts";
import type { Progress } from "../outbound/sent-messages.ts";
import { findLiveAccount, type LiveAccount } from "./live-accounts.ts";

export type XmppProbe = {
  ok: boolean;
  error?: string;
  /** Round trip of a ping to the own server, ms (XEP-0199). */
  latencyMs?: number;
  jid?: string;
  transport?: string;
  tls?: string;
  mechanism?: string;
  /** Whether there is an archive to catch up from (XEP-0313); absent while unknown, and where not asked. */
  archive?: boolean;
  rooms?: RoomStateFacts[];
};

type RoomStateFacts = { room: string; state: string; reason?: string; archive?: boolean };

function roomStatesOf(rooms: Rooms): RoomStateFacts[] {
  return rooms.list().map(({ room, state, reason, archive }) => ({
    room,
    state,
    ...(reason ? { reason } : {}),
    ...(archive === undefined ? {} : { archive }),
  }));
}

function archiveOf({ catchUp }: LiveAccount): { archive?: boolean } {
  const { hasArchive } = catchUp;
  return hasArchive === undefined ? {} : { archive: hasArchive };
}

async function probe(account: XmppAccount, timeoutMs: number): Promise<XmppProbe> {
  if (!account.configured) return { ok: false, error: describeProblems(account.problems) };
  const live = findLiveAccount(account.accountId);
  if (!live) return { ok: false, error: "not running in this process; is the Gateway up?" };
  const { session, rooms } = live;
  const { state } = session;
  const roomStates = roomStatesOf(rooms);
  if (state.kind !== "online") {
    const why = "error" in state ? state.error?.message : undefined;
    const error = why === undefined ? state.kind : `${state.kind}: ${why}`;
    return { ok: false, error, ...archiveOf(live), rooms: roomStates };
  }
  const { jid, transport, tls, mechanism } = state.facts;
  const facts = {
    jid,
    transport,
    mechanism,
    ...(tls ? { tls: `${tls.version} ${tls.cipher}` } : {}),
    ...archiveOf(live),
    rooms: roomStates,
  };
  const started = performance.now();
  try {
    await session.request(encodeRequest("get", encodePing()), { timeoutMs });
    return { ok: true, latencyMs: Math.round(performance.now() - started), ...facts };
  } catch (error) {
    return { ok: false, error: messageOf(error), ...facts };
  }
}

/** Facts about an account that may be shown anywhere: no secret among them. */
export function publicFacts(account: XmppAccount) {
  return {
    jid: account.jid,
    server: account.serverText ?? "(DNS SRV)",
    dmPolicy: account.dmPolicy,
    groupPolicy: account.groupPolicy,
    credentialSource: account.passwordSource,
    tokenStatus: account.tokenStatus,
    ...(account.problems.length > 0 ? { lastError: describeProblems(account.problems) } : {}),
  };
}

export const status = createComputedAccountStatusAdapter<XmppAccount, XmppProbe>({
  defaultRuntime: createDefaultChannelRuntimeState(DEFAULT_ACCOUNT_ID),
  buildChannelSummary: ({ account, snapshot }) => ({
    ...buildBaseChannelStatusSummary(snapshot),
    jid: account.jid,
    server: account.serverText,
    probe: snapshot.probe,
    lastProbeAt: snapshot.lastProbeAt ?? null,
  }),
  probeAccount: ({ account, timeoutMs }) => probe(account, timeoutMs),
  resolveAccountSnapshot: ({ account }) => ({
    accountId: account.accountId,
    ...(account.name ? { name: account.name } : {}),
    enabled: account.enabled,
    configured: account.configured,
    extra: { ...publicFacts(account), ...liveFacts(account) },
  }),
  collectStatusIssues: (accounts) =>
    accounts.flatMap((snapshot) => {
      const issue = { channel: CHANNEL_ID, accountId: snapshot.accountId };
      const { lastError, configured } = snapshot;
      return [
        // A refused login is told by the host itself.
        ...(lastError && configured === false
          ? [{ ...issue, kind: "config" as const, message: lastError }]
          : []),
        ...("archive" in snapshot && snapshot.archive === false
          ? [
              {
                ...issue,
                kind: "runtime" as const,
                message: `no archive: ${WITHOUT_ARCHIVE}`,
                fix: "switch on message archiving (XEP-0313) for the account on its server",
              },
            ]
          : []),
        ...missingRooms(snapshot).map((message) => ({
          ...issue,
          kind: "runtime" as const,
          message,
          fix: "see openclaw xmpp rooms",
        })),
      ];
    }),
});

/** Archive, rooms and refusals of a running account, for the snapshot; elsewhere nothing. */
function liveFacts(account: XmppAccount) {
  const live = findLiveAccount(account.accountId);
  if (!live) return {};
  const { session, rooms, sent, tally } = live;
  return {
    connection: session.state.kind,
    ...archiveOf(live),
    rooms: roomStatesOf(rooms),
    ...receiptsOf(sent.progress()),
    dropped: tally.read(),
  };
}

/** When somebody last said that a message of ours arrived, or was read. */
function receiptsOf({ delivered, displayed }: Progress) {
  return {
    ...(delivered === undefined ? {} : { lastDeliveredAt: delivered }),
    ...(displayed === undefined ? {} : { lastDisplayedAt: displayed }),
  };
}

const MAX_NAMED_ROOMS = 5;

/** One line about the rooms that we want to be in and are not, as the host shows few issues. */
function missingRooms(snapshot: object): string[] {
  const rooms = "rooms" in snapshot ? (snapshot.rooms as RoomStateFacts[]) : [];
  const missing = rooms.filter(({ state }) => state === "lost" || state === "refused");
  if (missing.length === 0) return [];
  const named = missing
    .slice(0, MAX_NAMED_ROOMS)
    .map(({ room, state, reason }) => `${room} (${state}${reason ? `: ${reason}` : ""})`);
  const more = missing.length - named.length;
  const rest = more > 0 ? ` and ${more} more` : "";
  return [`not in ${missing.length} of ${rooms.length} rooms: ${named.join(", ")}${rest}`];
}
