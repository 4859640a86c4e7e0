/**
 * Delivery as the host understands it: what was sent has a receipt, what provably was not says so with
 * the host's own error, and nothing else is ever reported as delivered.
 */
import { createChannelPartialDeliveryError } from "openclaw/plugin-sdk/channel-inbound";
import {
  createMessageReceiptFromOutboundResults,
  type MessageReceipt,
} from "openclaw/plugin-sdk/channel-outbound";
import { PlatformMessageNotDispatchedError } from "openclaw/plugin-sdk/error-runtime";
import {
  XmppNotSentError,
  XmppStanzaError,
  XmppUnconfirmedError,
  XmppUploadError,
} from "../errors.ts";
import { domainOf, type FullJid } from "../protocol/jid.ts";
import { live, sendOnce, spend, type AttemptOptions, type Road } from "./attempts.ts";
import { messageIds, type DeliveryPart } from "./message-ids.ts";
import { encodeFile, shareFile, type OutgoingFile } from "./outgoing-file.ts";
import { encodeBody, isTooMuch, toBodies, type MessageFacts } from "./send.ts";
import { conversationOf, type Target } from "./target.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";

/** A message that replaces another one goes by the id of the other: all that is said of it later names that. */
export type Delivered = { messageIds: string[]; receipt: MessageReceipt };

export type DeliveryOptions = MessageFacts & {
  /** Characters a message at most. */
  textLimit: number;
  /** How long to wait for earlier messages and for a connection, in all, ms. */
  patienceMs: number;
  /** Plain text before the first message. */
  prefix?: string | undefined;
  /** What the host keeps of it on disk; decides the ids. */
  delivery?: DeliveryPart | undefined;
  /** Ids of messages of an earlier attempt that are known to have arrived. */
  arrived?: ReadonlySet<string> | undefined;
  signal?: AbortSignal | undefined;
  /** Goes after the text, which is its caption, in a message of its own. */
  file?: OutgoingFile | undefined;
  /** Awaited before each message is handed to the server. */
  beforeSend?: (() => Promise<void> | void) | undefined;
  /** What it was to take the place of cannot be corrected: called before the whole is sent as a message. */
  clearReplaced?: (() => void) | undefined;
  /** Whether to wait for what another server may have to say of it. */
  awaitsErrors?: boolean | undefined;
};

/** Deliveries of an account that may be under way while there is a connection: somebody may ask for pauses. */
const MOST_UNDER_WAY = 1_000;
/** How long another server has for that, ms. */
const REMOTE_ERROR_MS = 2_000;

/**
 * Sends `markdown`, after all that is on its way to the same conversation, and accounts for it.
 *
 * @throws PlatformMessageNotDispatchedError nothing was sent, or it came back; nobody has seen it
 * @throws a partial delivery error when a later part failed, with the receipt of the earlier ones
 * @throws XmppUnconfirmedError it is unknown whether the only part arrived
 */
export async function deliverText(
  road: Road,
  target: Target,
  markdown: string,
  options: DeliveryOptions,
): Promise<Delivered> {
  const sent: string[] = [];
  const replaced = { id: options.replaceId };
  const patience = { ms: options.patienceMs, leftMs: options.patienceMs };
  const since = performance.now();
  try {
    assertRoom(road);
    await road.departures.inOrder(conversationOf(target), options, async () => {
      spend(patience, since);
      await sendAll(road, target, markdown, { ...options, patience }, sent, replaced);
    });
    // Whoever comes next in this conversation does not wait for that, too.
    await untilAccepted(road, target, sent, options);
  } catch (error) {
    const accepted = sent.filter((id) => !road.find()?.sent.refusalOf(id));
    if (accepted.length > 0) {
      throw createChannelPartialDeliveryError(error, {
        visibleReplySent: true,
        ...receiptFor(accepted, sent, target, replaced),
      });
    }
    throw inHostsTerms(error, target, options.patienceMs >= road.limits.offlineMinutes * 60_000);
  } finally {
    for (const id of sent) road.find()?.sent.settle(id);
  }
  return receiptFor(sent, sent, target, replaced);
}

/**
 * The host's error for what provably did not arrive; anything else as it is.
 * @param isLastWait it waited for as long as a message may: the host is not to try it again
 */
function inHostsTerms(error: unknown, target: Target, isLastWait: boolean): unknown {
  if (error instanceof XmppNotSentError) {
    const retryable = !(error.isOffline && isLastWait);
    return new PlatformMessageNotDispatchedError(error.message, { cause: error, retryable });
  }
  if (error instanceof XmppUploadError) {
    const { message, retryable } = error;
    return new PlatformMessageNotDispatchedError(message, { cause: error, retryable });
  }
  if (error instanceof XmppStanzaError) {
    const problem = `${target.to} refused the message: ${error.message}`;
    return new PlatformMessageNotDispatchedError(problem, {
      cause: error,
      retryable: isTooMuch(error) && error.type === "wait",
    });
  }
  return error;
}

/** @throws PlatformMessageNotDispatchedError for good: there is no room left to wait in */
function assertRoom({ find, departures, limits }: Road): void {
  const isOnline = find()?.session.state.kind === "online";
  const most = Math.max(limits.offlineMessages, isOnline ? MOST_UNDER_WAY : 0);
  if (departures.count < most) return;
  const problem = isOnline
    ? `${departures.count} messages are on their way out already`
    : `${departures.count} messages are waiting for a connection already (limits.offlineMessages)`;
  throw new PlatformMessageNotDispatchedError(problem, { cause: problem, retryable: false });
}

async function sendAll(
  road: Road,
  target: Target,
  markdown: string,
  options: DeliveryOptions & AttemptOptions,
  sent: string[],
  replaced: Replaced,
): Promise<void> {
  const outbox = await live(road, target, options.patience, options.signal);
  const { arrived } = options;
  const caption = options.file ? toBodies(outbox, markdown, options) : [];
  const whole = options.file && messageIds(options.delivery, caption.length + 1);
  // A file that is there already is not uploaded again.
  if (whole?.every((id) => arrived?.has(id))) return void sent.push(...whole);
  const file = options.file && (await shareFile(outbox, options.file, options.signal));
  const shared = file && "share" in file ? file : undefined;
  const text = [markdown, ...(file && "instead" in file ? [file.instead] : [])];
  const bodies = shared
    ? [...caption, shared.url]
    : toBodies(outbox, text.filter(Boolean).join("\n\n"), options);
  const ids = messageIds(options.delivery, bodies.length);
  assertSameMessages(options.arrived, ids);
  for (const [index, body] of bodies.entries()) {
    const id = ids[index] ?? "";
    if (!options.arrived?.has(id)) {
      options.signal?.throwIfAborted();
      assertNotRefused(road, sent);
      const { thread, reply, quote } = options;
      const isLast = index === bodies.length - 1;
      const isFile = shared !== undefined && isLast;
      // A URL with a quote in front would be no URL any more.
      const first = { thread, reply, quote: isFile ? undefined : quote };
      const facts = index === 0 ? first : { thread };
      const send = async (replaceId: string | undefined) => {
        const { responses } = options;
        const all = { ...facts, replaceId, ...(isLast ? { responses } : {}) };
        await sendOnce(road, target, id, options, () =>
          isFile ? encodeFile(target, id, shared, all) : encodeBody(target, id, body, all),
        );
      };
      await sendOrReplace(index === 0 ? replaced : {}, send, options.clearReplaced);
    }
    sent.push(id);
  }
}

/** The message that a delivery takes the place of, as long as it does. */
type Replaced = { id?: string | undefined };

/** A server or a room may refuse a correction (XEP-0308) where it takes the same words as a message. */
async function sendOrReplace(
  replaced: Replaced,
  send: (replaceId: string | undefined) => Promise<void>,
  clearReplaced: (() => void) | undefined,
): Promise<void> {
  try {
    await send(replaced.id);
  } catch (error) {
    const isRefused = error instanceof XmppStanzaError && !isTooMuch(error);
    if (replaced.id === undefined || !isRefused) throw error;
    replaced.id = undefined;
    // Not afterwards: Dino takes a correction of any but the last message for a new one.
    clearReplaced?.();
    await send(undefined);
  }
}

/**
 * A server has taken it over; another one may still refuse it, which takes a connection of theirs, or the
 * failure to get one (RFC 6120 §8.3.3.16).
 * @throws XmppStanzaError it came back
 */
async function untilAccepted(
  road: Road,
  target: Target,
  ids: readonly string[],
  { awaitsErrors, signal }: DeliveryOptions,
): Promise<void> {
  const { session, sent } = road.find() ?? {};
  if (awaitsErrors && sent && isElsewhere(target, session?.jid)) {
    await Promise.all(ids.map((id) => sent.returned(id, REMOTE_ERROR_MS, signal)));
  }
  assertNotRefused(road, ids);
}

/** Whether the way to `target` leads over another server, as far as names tell. */
function isElsewhere({ kind, to }: Target, ownJid: FullJid | undefined): boolean {
  const own = ownJid && domainOf(ownJid);
  const domain = domainOf(to);
  // Our own server's rooms are below its domain, and refuse at once; any room reflects what it takes.
  return domain !== own && (kind === "direct" || !domain?.endsWith(`.${own}`));
}

/** @throws XmppStanzaError when one of them came back: the others would, too */
function assertNotRefused({ find }: Road, ids: readonly string[]): void {
  const sent = find()?.sent;
  for (const id of ids) sent?.assertNotRefused(id);
}

/** @throws XmppUnconfirmedError part of an earlier attempt arrived, and it was cut otherwise */
function assertSameMessages(
  arrived: ReadonlySet<string> | undefined,
  ids: readonly string[],
): void {
  if ([...(arrived ?? [])].every((id) => ids.includes(id) || !isOfPart(id, ids))) return;
  throw new XmppUnconfirmedError("part of it arrived, and it would now be split otherwise");
}

/** Whether it belongs to the same part of the delivery: they differ in number and count only. */
function isOfPart(id: string, [first = ""]: readonly string[]): boolean {
  const partOf = (each: string) => each.slice(0, each.lastIndexOf("-"));
  return partOf(id) === partOf(first);
}

/** @param ids those of `sent` that arrived */
function receiptFor(
  ids: readonly string[],
  [first]: readonly string[],
  target: Target,
  replaced: Replaced,
): Delivered {
  const names = ids.map((id) => (id === first ? (replaced.id ?? id) : id));
  const receipt = createMessageReceiptFromOutboundResults({
    results: names.map((messageId) => ({
      channel: CHANNEL_ID,
      messageId,
      conversationId: target.to,
    })),
    kind: "text",
  });
  return { messageIds: names, receipt };
}
