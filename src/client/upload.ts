/**
 * XEP-0363 HTTP File Upload, https://xmpp.org/extensions/xep-0363.html: files of ours on our own server's service.
 */
import { request as httpRequest, type ClientRequest, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import type { SecureContext } from "node:tls";
import { messageOf, XmppStanzaError, XmppUploadError } from "../errors.ts";
import type { FullJid } from "../protocol/jid.ts";
import { encodeRequest } from "../protocol/rfc-6120-iq.ts";
import {
  decodeSlot,
  encodeSlotRequest,
  type Slot,
  type SlotRequest,
  type UploadService,
} from "../protocol/xep-0363-http-upload.ts";
import { isLoopbackName, trustedAuthorities } from "./trust.ts";
import type { Logger, XmppSession } from "./types.ts";

export type FileToUpload = { name: string; contentType: string; data: Uint8Array };

export type Uploads = {
  /** Where the server takes files; undefined: nowhere. Waits for what it was just asked; never rejects. */
  service(): Promise<(UploadService & { jid: FullJid }) | undefined>;
  /**
   * @returns the URL from which everybody has the file
   * @throws XmppUploadError it is not there; whether trying again may help, it says
   */
  upload(file: FileToUpload, signal?: AbortSignal): Promise<string>;
  /**
   * The origins (RFC 6454) from which our own service hands out files, as its slots say. Where none was granted
   * yet, one is asked for, and left empty. Never rejects.
   */
  origins(): Promise<ReadonlySet<string>>;
  /** How its certificate is verified. @throws XmppConnectionError `certificate` as `trustedAuthorities` */
  trust(): ReturnType<typeof trustedAuthorities>;
};

/** Silence of the service, ms. */
const IDLE_MS = 30_000;
/** A whole upload, ms. */
const LONGEST_MS = 10 * 60_000;
/** After a refusal no slot is asked for, only to know the origin, for so long, ms. */
const ASK_AGAIN_MS = 10 * 60_000;
const MOST_ORIGINS = 5;

export function createUploads(params: {
  session: XmppSession;
  /** As the server lists its services; waited for. */
  services: {
    uploadService(): (UploadService & { jid: FullJid }) | undefined;
    settled(): Promise<void>;
  };
  /** PEM file with the operator's own CA. */
  caFile?: string | undefined;
  /** Uploads without TLS, to loopback addresses only. */
  dangerouslyAllowPlaintext?: boolean | undefined;
  log: Logger;
  now?: () => number;
}): Uploads {
  const { session, services, caFile, log, now = Date.now } = params;
  const origins = new Set<string>();
  let asking: Promise<void> | undefined;
  let askedAt = -Infinity;

  function isSafe(url: string): boolean {
    const { protocol, hostname } = new URL(url);
    if (protocol === "https:") return true;
    return params.dangerouslyAllowPlaintext === true && isLoopbackName(hostname);
  }

  function learn(url: string): void {
    const { origin } = new URL(url);
    origins.delete(origin);
    origins.add(origin);
    for (const oldest of origins) if (origins.size > MOST_ORIGINS) origins.delete(oldest);
  }

  async function findService() {
    await services.settled();
    return services.uploadService();
  }

  async function askSlot(file: SlotRequest): Promise<Slot> {
    const service = await findService();
    if (!service) throw new XmppUploadError("the server has no upload service");
    const { maxFileSize } = service;
    if (maxFileSize !== undefined && file.size > maxFileSize) throw tooLarge(maxFileSize);
    const iq = encodeRequest("get", encodeSlotRequest(file), service.jid);
    let slot: Slot | undefined;
    try {
      slot = decodeSlot(await session.request(iq));
    } catch (error) {
      const isLater = !(error instanceof XmppStanzaError) || error.type === "wait";
      const problem = `the upload service refused the file: ${messageOf(error)}`;
      throw new XmppUploadError(problem, { retryable: isLater, cause: error });
    }
    if (!slot) throw new XmppUploadError("the upload service granted a slot without a URL");
    if (!isSafe(slot.put.url) || !isSafe(slot.get)) {
      throw new XmppUploadError("the upload service wants the file without TLS");
    }
    learn(slot.get);
    return slot;
  }

  async function askOrigin(): Promise<void> {
    try {
      await askSlot({ filename: "slot", size: 1 });
    } catch (error) {
      log.debug?.(`where the server keeps files is not known: ${messageOf(error)}`);
    }
  }

  return {
    service: findService,
    trust: () => trustedAuthorities(caFile, false),
    async origins() {
      const isDue = origins.size === 0 && now() - askedAt >= ASK_AGAIN_MS;
      if (isDue && session.state.kind === "online") {
        askedAt = now();
        asking = askOrigin();
      }
      await asking;
      return origins;
    },
    async upload({ name, contentType, data }, signal) {
      const slot = await askSlot({ filename: name, size: data.byteLength, contentType });
      await put(slot, contentType, data, signal);
      return slot.get;
    },
  };

  /** The context goes to tls.connect. */
  function secured(options: RequestOptions): RequestOptions & { secureContext: SecureContext } {
    return { ...options, secureContext: trustedAuthorities(caFile, false) };
  }

  /** @throws XmppUploadError */
  async function put(
    { put: { url, headers } }: Slot,
    contentType: string,
    data: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const limit = AbortSignal.timeout(LONGEST_MS);
    const options = {
      method: "PUT",
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      timeout: IDLE_MS,
      // Never a redirect: where to put it is the server's word.
      agent: false,
    };
    const status = await new Promise<number>((resolve, reject) => {
      const request: ClientRequest = url.startsWith("https:")
        ? httpsRequest(url, secured(options))
        : httpRequest(url, options);
      request.setHeader("Content-Type", contentType);
      request.setHeader("Content-Length", data.byteLength);
      for (const { name, value } of headers) request.appendHeader(name, value);
      request.on("timeout", () => request.destroy(new Error("the upload service is silent")));
      request.on("error", reject);
      request.on("response", (response) => {
        response.on("error", reject);
        response.resume().on("end", () => resolve(response.statusCode ?? 0));
      });
      request.end(data);
    }).catch((cause: unknown) => {
      throw new XmppUploadError(`the file could not be uploaded: ${messageOf(cause)}`, {
        retryable: true,
        cause,
      });
    });
    // §5: 201 Created; services behind a proxy say 200 or 204 as well.
    if (status >= 200 && status < 300) return;
    const retryable = status >= 500 || status === 429 || status === 408;
    throw new XmppUploadError(`the upload service answered ${status}`, { retryable });
  }
}

function tooLarge(limit: number): XmppUploadError {
  return new XmppUploadError(`the server takes files up to ${Math.floor(limit / 1024)} KiB`);
}
