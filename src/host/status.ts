/** What `openclaw channels status` and `capabilities` show. A probe asks the live session: it never logs in a second time. */
import { DEFAULT_ACCOUNT_ID } from "openclaw/plugin-sdk/account-core";
import {
  buildBaseChannelStatusSummary,
  createAsyncComputedAccountStatusAdapter,
  createDefaultChannelRuntimeState,
} from "openclaw/plugin-sdk/status-helpers";
import { messageOf } from "../errors.ts";
import { encodeRequest } from "../protocol/rfc-6120-iq.ts";
import { encodePing } from "../protocol/xep-0199-ping.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import type { XmppAccount } from "./account.ts";
import { describeProblems } from "./account-problems.ts";
import { WITHOUT_ARCHIVE } from "../policy/limits.ts";
import { askGateway } from "./gateway-call.ts";
import { findLiveAccount, hasLiveAccount, type LiveAccount } from "./live-accounts.ts";
import { readLiveFacts, type LiveFacts, type RoomStateFacts } from "./live-facts.ts";

export type XmppProbe = Partial<LiveFacts> & {
  ok: boolean;
  error?: string;
  /** Round trip of a ping to the own server, ms (XEP-0199). */
  latencyMs?: number;
  /** The full JID that the server gave us. */
  jid?: string;
};

async function probe(account: XmppAccount, timeoutMs: number): Promise<XmppProbe> {
  if (!account.configured) return { ok: false, error: describeProblems(account.problems) };
  const live = findLiveAccount(account.accountId);
  return live ? await probeLive(live, timeoutMs) : await probeElsewhere(account, timeoutMs);
}

async function probeLive(live: LiveAccount, timeoutMs: number): Promise<XmppProbe> {
  const { session } = live;
  const { state } = session;
  const facts = await readLiveFacts(live);
  if (state.kind !== "online") {
    const why = "error" in state ? state.error?.message : undefined;
    return { ok: false, error: why === undefined ? state.kind : `${state.kind}: ${why}`, ...facts };
  }
  const { jid } = state.facts;
  const started = performance.now();
  try {
    await session.request(encodeRequest("get", encodePing()), { timeoutMs });
    return { ok: true, latencyMs: Math.round(performance.now() - started), jid, ...facts };
  } catch (error) {
    return { ok: false, error: messageOf(error), jid, ...facts };
  }
}

const NOT_RUNNING = "not running; see openclaw channels status and openclaw channels logs";
/** A Gateway where the account does not run would ask itself for ever. */
const asked = new Set<string>();

/** `channels capabilities` probes in the process of the command line: the Gateway probes for it. */
async function probeElsewhere({ accountId }: XmppAccount, timeoutMs: number): Promise<XmppProbe> {
  if (hasLiveAccount() || asked.has(accountId)) return { ok: false, error: NOT_RUNNING };
  asked.add(accountId);
  try {
    const params = { channel: CHANNEL_ID, probe: true, timeoutMs };
    const { channelAccounts } = await askGateway("channels.status", params, timeoutMs);
    const accounts = (channelAccounts as Record<string, unknown> | undefined)?.[CHANNEL_ID];
    const found = (Array.isArray(accounts) ? accounts : []).find(
      (one: { accountId?: unknown }) => one.accountId === accountId,
    ) as { probe?: XmppProbe } | undefined;
    return found?.probe ?? { ok: false, error: NOT_RUNNING };
  } catch (error) {
    return { ok: false, error: `not asked: ${messageOf(error)}` };
  } finally {
    asked.delete(accountId);
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

export const status = createAsyncComputedAccountStatusAdapter<XmppAccount, XmppProbe>({
  defaultRuntime: createDefaultChannelRuntimeState(DEFAULT_ACCOUNT_ID),
  buildChannelSummary: ({ account, snapshot }) => ({
    ...buildBaseChannelStatusSummary(snapshot),
    jid: account.jid,
    server: account.serverText,
    probe: snapshot.probe,
    lastProbeAt: snapshot.lastProbeAt ?? null,
  }),
  probeAccount: ({ account, timeoutMs }) => probe(account, timeoutMs),
  formatCapabilitiesProbe: ({ probe: result }) => describeProbe(result),
  resolveAccountSnapshot: async ({ account }) => ({
    accountId: account.accountId,
    ...(account.name ? { name: account.name } : {}),
    enabled: account.enabled,
    configured: account.configured,
    extra: { ...publicFacts(account), ...(await liveFacts(account)) },
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

/** What a running account says of itself, for the snapshot; elsewhere nothing. */
async function liveFacts(account: XmppAccount): Promise<Partial<LiveFacts> & { mode?: string }> {
  const live = findLiveAccount(account.accountId);
  if (!live) return {};
  const facts = await readLiveFacts(live);
  // The one field of ours that the host's lines have room for.
  return { ...facts, mode: summaryOf(facts) };
}

/** Where the connection is, what the server has, and what waits or was dropped, in one line without a comma. */
function summaryOf(facts: LiveFacts): string {
  const { archive, connection, mechanism, queue, rateLimited, refused, rooms, stream } = facts;
  const { tls, transport, upload } = facts;
  const joined = rooms.filter(({ state }) => state === "joined").length;
  const parts = [
    [transport ?? connection, tls, mechanism, stream].filter(Boolean).join(" "),
    archive !== undefined && (archive ? "archive" : "no archive"),
    transport !== undefined && (upload ? "upload" : "no upload"),
    rooms.length > 0 && `rooms ${joined}/${rooms.length}`,
    queue.waiting !== undefined && `queue ${queue.waiting}`,
    refused > 0 && `refused ${refused}`,
    rateLimited > 0 && `limited ${rateLimited}`,
  ];
  return parts.filter(Boolean).join("; ");
}

/** A probe as lines of text, as `channels capabilities` shows it. */
export function describeProbe(result: XmppProbe | undefined) {
  if (!result) return [];
  const { error, jid, latencyMs, ok, queue, rooms, stream, upload } = result;
  const seconds = queue?.oldestSeconds;
  const limit = upload?.maxFileSize;
  const dropped = Object.entries(result.dropped ?? {}).map(([why, count]) => `${why} ${count}`);
  const lines: [string, string | undefined][] = [
    ["Session", jid && `${jid}${stream ? ` (${stream})` : ""}`],
    ["Connection", join(result.transport, result.address, result.tls ?? "no TLS")],
    ["Login", join(result.mechanism, result.channelBinding && `bound by ${result.channelBinding}`)],
    ["Archive (XEP-0313)", result.archive === undefined ? undefined : yesNo(result.archive)],
    ["Upload (XEP-0363)", result.transport && uploadText(upload?.service, limit)],
    ["Queue", queue && `${queue.waiting} waiting${seconds ? `, the first for ${seconds} s` : ""}`],
    ["Not answered", dropped.length > 0 ? dropped.join(", ") : undefined],
    ["Last trouble", result.lastTrouble && troubleText(result.lastTrouble)],
  ];
  return [
    ok
      ? { text: `Probe: ok (ping ${latencyMs ?? "?"} ms)`, tone: "success" as const }
      : { text: `Probe: failed (${error ?? "unknown"})`, tone: "error" as const },
    ...lines.flatMap(([name, text]) => (text ? [{ text: `${name}: ${text}` }] : [])),
    ...(rooms ?? []).map(({ room, state, reason }) => ({
      text: `Room ${room}: ${state}${reason ? ` (${reason})` : ""}`,
      ...(state === "lost" || state === "refused" ? { tone: "warn" as const } : {}),
    })),
  ];
}

const yesNo = (is: boolean) => (is ? "yes" : "no");

const troubleText = ({ at, message }: { at: number; message: string }) =>
  `${message} (${new Date(at).toISOString()})`;

function uploadText(service: string | undefined, limit: number | undefined): string {
  if (service === undefined) return "no";
  return limit === undefined ? service : `${service}, up to ${Math.floor(limit / 1024)} KiB`;
}

/** Nothing without the first of them. */
function join(first: string | undefined, ...rest: (string | undefined)[]): string | undefined {
  return first && [first, ...rest].filter(Boolean).join(", ");
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
