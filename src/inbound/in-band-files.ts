/**
 * Files that come within the stream itself (client/incoming-file.ts): from whom policy lets in, in a direct chat, within
 * the same bounds as what is fetched, and then a message of theirs on the road in. To anybody else nobody is there who
 * takes files. The sender hears that a file has arrived once its message is on disk.
 */
import { PassThrough } from "node:stream";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { Element } from "ltx";
import { decodeFileOffer, type FileStep, type IncomingFile } from "../client/incoming-file.ts";
import { mayBeResumed } from "../client/resumption.ts";
import { createTurns, type InTurn } from "../client/turns.ts";
import { XmppStanzaError, messageOf } from "../errors.ts";
import { mediaMaxBytes } from "../outbound/load-file.ts";
import { safeFileName } from "../policy/file-name.ts";
import { attribute } from "../protocol/element.ts";
import { bareJid, parseJid, type BareJid, type FullJid } from "../protocol/jid.ts";
import { IBB } from "../protocol/xep-0047-ibb.ts";
import { JINGLE, encodeTerminate } from "../protocol/xep-0166-jingle.ts";
import { decodeMessage } from "../protocol/stanza.ts";
import type { Receiver } from "./receive.ts";
import { saveFile, type SavedFile } from "./save-file.ts";
import { directPlace } from "./sender.ts";
import { findHeard } from "./standing.ts";
import type { InboundMessage, ReceiverContext } from "./types.ts";

export type InBandFiles = {
  /** Whether it belongs to a file that we take; each block of it is asked about once. */
  isAwaited(iq: Element): boolean;
  stop(): void;
};

const MOST_OF_ONE = 2;
const MOST = 8;
/** A sender may be silent for so long, ms. */
const SILENCE_MS = 60_000;
/** A file may take so long, ms. */
const LONGEST_MS = 30 * 60_000;
/** Who sends smaller blocks is answered as slowly as anybody who asks us things. */
const SMALLEST_BLOCK = 512;

type Transfer = {
  file: IncomingFile;
  peer: BareJid;
  from: FullJid;
  sink: PassThrough;
  saved: Promise<SavedFile>;
  /** Steps are taken one after the other. */
  inTurn: InTurn;
  /** Iqs that are still awaited. */
  awaited: number;
  silence: NodeJS.Timeout;
  longest: NodeJS.Timeout;
};

export function createInBandFiles(
  context: ReceiverContext & { receiver: Pick<Receiver, "receiveFile"> },
): InBandFiles {
  const { log, outbox, readConfig, receiver, tally } = context;
  const { session } = outbox;
  const transfers = new Set<Transfer>();
  /** Offers whose senders are being looked up. */
  let asking = 0;

  async function onIq(iq: Element): Promise<Element | undefined> {
    const from = parseJid(attribute(iq, "from") ?? "");
    if (!from || attribute(iq, "type") !== "set") return undefined;
    for (const transfer of transfers) {
      if (transfer.from !== from.full) continue;
      const step = transfer.file.receive(iq);
      if (!step) continue;
      transfer.silence.refresh();
      return await transfer.inTurn(() => take(transfer, step));
    }
    // As its messages: two agents that send each other files would never end.
    if (context.isSibling(from)) return undefined;
    const offered = decodeFileOffer(iq);
    if (!offered || asking >= MOST) return undefined;
    asking += 1;
    try {
      // Where nobody answers, the session says what it says to any iq that nobody knows.
      if (!(await isHeard(from.bare))) return undefined;
    } finally {
      asking -= 1;
    }
    if ("refusal" in offered) return answerOf(offered.refusal);
    return answerOf(begin(offered.file, from.bare));
  }

  async function isHeard(peer: BareJid): Promise<boolean> {
    // Occupants of a room are not who their address says.
    if (outbox.rooms.get(peer) || peer === bareJid(session.jid ?? "")) return false;
    const at = context.now();
    const inbound: InboundMessage = {
      ...directPlace(context, peer),
      message: decodeMessage(new Element("message")),
      body: "",
      isEncrypted: false,
      messageId: "",
      timestamp: at,
      waitsSince: at,
    };
    const heard = await findHeard({ ...context, ...readConfig() }, inbound);
    if (!heard) tally.add("not-admitted");
    return heard !== undefined;
  }

  function begin(file: IncomingFile, peer: BareJid): FileStep {
    const { from, name, size } = file.offer;
    const ofThem = [...transfers].filter((each) => each.peer === peer);
    if (ofThem.length >= MOST_OF_ONE || transfers.size >= MOST) return file.decline("busy");
    const { cfg, settings } = readConfig();
    const maxBytes = mediaMaxBytes(cfg, context.accountId, settings.mediaMaxMb);
    const step = file.accept({ maxBytes });
    if (step.outcome !== undefined) return step;
    log.info(`${peer} sends a file in-band (${size ?? "?"} bytes)`);
    const sink = new PassThrough();
    const saved = saveFile(sink, {
      named: safeFileName(name ?? ""),
      claimed: file.offer.mediaType ?? null,
      hashes: file.offer.hashes,
      maxBytes,
    });
    const transfer: Transfer = {
      file,
      peer,
      from,
      sink,
      saved,
      inTurn: createTurns(),
      awaited: Math.ceil(Math.min(size ?? maxBytes, maxBytes) / SMALLEST_BLOCK) + 16,
      silence: setTimeout(() => giveUp(transfer, "timeout"), SILENCE_MS),
      longest: setTimeout(() => giveUp(transfer, "timeout"), LONGEST_MS),
    };
    // A full disk: whoever writes next hears of it.
    saved.catch((error: unknown) => sink.destroy(error as Error));
    sink.on("error", () => undefined);
    transfers.add(transfer);
    request(transfer, step.requests);
    return { ...step, requests: [] };
  }

  /** @throws XmppStanzaError where the file cannot be kept */
  async function take(transfer: Transfer, step: FileStep): Promise<Element | undefined> {
    const { sink, from, file } = transfer;
    let { requests } = step;
    try {
      if (step.bytes) await write(sink, step.bytes);
      if (step.outcome === "received") await handOver(transfer);
      else if (step.outcome !== undefined) drop(transfer, step.outcome);
    } catch (error) {
      log.warn(`a file of ${transfer.peer} could not be kept: ${messageOf(error)}`);
      const undone = step.outcome === undefined ? file.abort("cancelled").requests : requests;
      // It is no success, whatever the transfer thinks of itself.
      requests = undone.map((iq) =>
        iq.getChild("jingle", JINGLE)
          ? encodeTerminate({ sid: file.offer.sid, peer: from }, "failed-application")
          : iq,
      );
      drop(transfer, "not kept");
      request(transfer, requests);
      throw new XmppStanzaError("wait", "resource-constraint");
    }
    request(transfer, requests);
    return step.answer;
  }

  async function handOver(transfer: Transfer): Promise<void> {
    end(transfer);
    transfer.sink.end();
    const saved = await transfer.saved;
    const { description } = transfer.file.offer;
    try {
      await receiver.receiveFile(transfer.from, saved, description?.trim() ?? "");
    } catch (error) {
      // No message tells of it: nobody would ever look for it.
      await rm(saved.path, { force: true }).catch((failure: unknown) => {
        log.warn(`what was kept of a file could not be removed: ${messageOf(failure)}`);
      });
      throw error;
    }
  }

  function drop(transfer: Transfer, why: string): void {
    end(transfer);
    log.info(`the file of ${transfer.peer} did not come: ${why}`);
    // What throws at its end is not kept.
    transfer.sink.destroy(new Error(why));
  }

  function end(transfer: Transfer): void {
    clearTimeout(transfer.silence);
    clearTimeout(transfer.longest);
    transfers.delete(transfer);
  }

  function giveUp(transfer: Transfer, why: "timeout" | "cancelled"): void {
    if (transfers.has(transfer)) react(transfer, () => transfer.file.abort(why));
  }

  /** What follows from something else than an iq of theirs. */
  function react(transfer: Transfer, find: () => FileStep): void {
    // What fails is in the log, and there is nobody to tell.
    transfer.inTurn(() => take(transfer, find())).catch(() => undefined);
  }

  /** After the answer to what they follow from, which goes out as soon as the handler has given it. */
  function request(transfer: Transfer, requests: readonly Element[]): void {
    if (requests.length === 0) return;
    setImmediate(() => {
      for (const iq of requests) {
        session.request(iq).catch((error: unknown) => {
          log.debug?.(`${transfer.peer} did not take what we said of a file: ${messageOf(error)}`);
          if (transfers.has(transfer)) react(transfer, () => transfer.file.refused(iq));
        });
      }
    });
  }

  function answerOf({ answer, requests }: FileStep): Element | undefined {
    setImmediate(() => {
      for (const iq of requests) {
        session.request(iq).catch((error: unknown) => {
          // They are refused already; that they do not take the goodbye changes nothing.
          log.debug?.(`the goodbye to a refused file was not taken: ${messageOf(error)}`);
        });
      }
    });
    return answer;
  }

  /** Nobody knows of them any more. */
  function forgetAll(): void {
    for (const transfer of transfers) drop(transfer, "the connection has ended");
  }

  const ends = [
    session.onIq(onIq),
    session.onState((state) => {
      if (state.kind !== "online" && !mayBeResumed(state)) forgetAll();
      else if (state.kind === "online" && !state.facts.resumed) forgetAll();
    }),
  ];
  return {
    isAwaited(iq) {
      const payload = iq.getChildElements()[0];
      if (payload?.getNS() !== IBB || transfers.size === 0) return false;
      const from = parseJid(attribute(iq, "from") ?? "")?.full;
      const transfer = [...transfers].find((each) => each.from === from && each.awaited > 0);
      if (!transfer) return false;
      transfer.awaited -= 1;
      return true;
    },
    stop() {
      for (const stop of ends) stop();
      forgetAll();
    },
  };
}

/** Until there is room for more: the sender waits for our answer. @throws what became of the file */
async function write(sink: PassThrough, bytes: Buffer): Promise<void> {
  if (sink.destroyed) throw sink.errored ?? new Error("the file is closed");
  if (!sink.write(bytes)) await once(sink, "drain", { signal: AbortSignal.timeout(SILENCE_MS) });
}
