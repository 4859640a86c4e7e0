/** The road out of one account. */
import { createArchive } from "../client/archive.ts";
import type { Rooms } from "../client/rooms.ts";
import type { ServerServices } from "../client/server-services.ts";
import type { XmppSession } from "../client/types.ts";
import { createUploads } from "../client/upload.ts";
import { departuresOf } from "../outbound/departures.ts";
import { createOwnNames } from "../outbound/own-names.ts";
import { createRecentMessages } from "../outbound/recent-messages.ts";
import { isTooMuch, type Outbox } from "../outbound/send.ts";
import { createSentMessages } from "../outbound/sent-messages.ts";
import { bareJid } from "../protocol/jid.ts";
import type { AccountBasis } from "./account-basis.ts";
import { tellAgent } from "./late-refusal.ts";

export function createAccountOutbox(
  basis: AccountBasis,
  { session, rooms, services }: { session: XmppSession; rooms: Rooms; services: ServerServices },
): Outbox {
  const { account, accountId, config, log, readAccount, readConfig, runtime, stores } = basis;
  // One object as long as the account runs: whoever holds it sees what it is changed to.
  const limits = { ...account.limits };
  config.onChange(() => void Object.assign(limits, readAccount().limits));
  const departures = departuresOf(accountId);
  return {
    session,
    rooms,
    sent: createSentMessages((refusal) => {
      const conversation = bareJid(refusal.to);
      if (conversation && isTooMuch(refusal.error)) departures.holdOff(conversation);
      if (refusal.isLate) tellAgent({ runtime, cfg: readConfig(), accountId }, refusal);
    }),
    recent: createRecentMessages(createOwnNames(stores.eventNames, log)),
    archive: createArchive({ session }),
    uploads: createUploads({
      session,
      services,
      caFile: account.config.tls?.caFile,
      dangerouslyAllowPlaintext: account.config.dangerouslyAllowPlaintext,
      log,
    }),
    departures,
    limits,
    log,
  };
}
