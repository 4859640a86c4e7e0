/**
 * What services our server has, and which addresses are rooms, as servers say it of them (XEP-0030, XEP-0045 §6):
 * a server answers for its bare JIDs and its services, so nobody can pass off their own account as a room.
 */
import { XmppStanzaError, messageOf } from "../errors.ts";
import { parseJid, type BareJid, type FullJid } from "../protocol/jid.ts";
import { encodeRequest } from "../protocol/rfc-6120-iq.ts";
import {
  DISCO_INFO,
  DISCO_ITEMS,
  decodeDiscoInfo,
  decodeDiscoItems,
  encodeDiscoQuery,
  type DiscoInfo,
} from "../protocol/xep-0030-disco.ts";
import { findUploadService, type UploadService } from "../protocol/xep-0363-http-upload.ts";
import type { Logger, XmppSession } from "./types.ts";

export type ServerServices = {
  /**
   * Domains of the room services that our own server announces as its own (§3.2 disco#items); asked for after
   * each login, kept while offline. A gateway to another network is none of them.
   */
  roomServices(): ReadonlySet<string>;
  /** Where our own server takes files (XEP-0363): the first that it lists. */
  uploadService(): (UploadService & { jid: FullJid }) | undefined;
  /** Resolves when the answer to the last question is there, or will not come. */
  settled(): Promise<void>;
  stop(): void;
};

const MAX_SERVICES = 50;

/** `domain`: of our own account. */
export function createServerServices(
  session: XmppSession,
  domain: string,
  log: Logger,
): ServerServices {
  let services: ReadonlySet<string> = new Set();
  let upload: (UploadService & { jid: FullJid }) | undefined;
  let asking: Promise<void> = Promise.resolve();

  async function ask(): Promise<void> {
    try {
      const all = await listServices(session, domain);
      services = new Set(all.filter(({ info }) => isRoomService(info)).map((each) => each.domain));
      upload = all
        .flatMap(({ domain: jid, info }) => {
          const service = info && findUploadService(info);
          return service ? { ...service, jid: jid as FullJid } : [];
        })
        .at(0);
    } catch (error) {
      log.debug?.(`${domain} does not tell its services: ${messageOf(error)}`);
    }
  }

  const stop = session.onState((state) => {
    if (state.kind === "online" && !state.facts.resumed) asking = ask();
  });
  return {
    roomServices: () => services,
    uploadService: () => upload,
    settled: () => asking,
    stop,
  };
}

/** One who can ask: a session, or a connection that is tried. */
export type Asker = Pick<XmppSession, "request">;

type Service = { domain: string; info: DiscoInfo | undefined };

async function listServices(session: Asker, domain: string): Promise<Service[]> {
  // A bare domain is a JID (RFC 7622 §3.1).
  const iq = encodeRequest("get", encodeDiscoQuery(DISCO_ITEMS), domain as FullJid);
  const items = decodeDiscoItems(await session.request(iq)) ?? [];
  const domains = items.slice(0, MAX_SERVICES).flatMap(({ jid, node }) => {
    const service = parseJid(jid);
    // Accounts live at the domain itself: what stands there need not be a room.
    const isOther = service && service.local === undefined && service.domain !== domain;
    return isOther && node === undefined ? service.domain : [];
  });
  return await Promise.all(
    // Prosody lists a service twice that its configuration names besides.
    [...new Set(domains)].map(async (each) => ({
      domain: each,
      info: await describe(session, each as FullJid),
    })),
  );
}

/** The room services of `domain`, in its order. @throws what `request` throws */
export async function findRoomServices(session: Asker, domain: string): Promise<string[]> {
  const all = await listServices(session, domain);
  return all.filter(({ info }) => isRoomService(info)).map((each) => each.domain);
}

/** Whether `room` is a room, or would be one if somebody entered it; never rejects. */
export async function isRoom(session: XmppSession, room: BareJid): Promise<boolean> {
  try {
    return await describesRoom(session, room);
  } catch (error) {
    const isNew = error instanceof XmppStanzaError && error.condition === "item-not-found";
    const service = parseJid(room)?.domain;
    return isNew && service !== undefined && (await saysRoom(session, service));
  }
}

async function saysRoom(session: Asker, domain: string): Promise<boolean> {
  return isRoomService(await describe(session, domain as FullJid));
}

/** XEP-0045 §6: conference/text; gateways to other networks have other types. */
function isRoomService(info: DiscoInfo | undefined): boolean {
  return (
    info?.identities.some(({ category, type }) => category === "conference" && type === "text") ??
    false
  );
}

async function describesRoom(session: Asker, jid: FullJid): Promise<boolean> {
  const iq = encodeRequest("get", encodeDiscoQuery(DISCO_INFO), jid);
  return isRoomService(decodeDiscoInfo(await session.request(iq)));
}

/** Who does not say what it is, is not believed to be anything. */
async function describe(session: Asker, jid: FullJid): Promise<DiscoInfo | undefined> {
  try {
    const iq = encodeRequest("get", encodeDiscoQuery(DISCO_INFO), jid);
    return decodeDiscoInfo(await session.request(iq));
  } catch {
    return undefined;
  }
}
