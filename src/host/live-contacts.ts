/** The contacts of a running account, and whom it knows: for the command line. */
import { bareJid, parseJid, type BareJid } from "../protocol/jid.ts";
import type { LiveAccount } from "./live-accounts.ts";

/** Names are shown in lists; servers refuse much longer ones. */
const MAX_NAME = 256;

/** The roster as the server has it, with what contacts say of their presence. */
export function listContacts({ roster }: LiveAccount) {
  return {
    contacts: roster.contacts().map((contact) => {
      const presence = roster.presenceOf(contact.jid);
      return {
        ...contact,
        online: presence !== undefined,
        ...(presence?.show ? { show: presence.show } : {}),
      };
    }),
  };
}

/**
 * Names a contact in the account's roster on its server (RFC 6121 §2), where all its clients see it. Who is no contact
 * becomes one, without a subscription. "" takes the name off.
 * @throws Error where it is too long, is ourselves, or the server refuses
 */
export async function nameContact({ account, roster }: LiveAccount, jid: BareJid, text: string) {
  const name = text.replaceAll(/[\s\p{Cc}]+/gu, " ").trim();
  if (name.length > MAX_NAME) throw new Error(`name is longer than ${MAX_NAME} characters`);
  if (jid === account.jid) throw new Error(`${jid} is the agent's own account`);
  const isNew = roster.contact(jid) === undefined;
  await roster.rename(jid, name);
  return { jid, name, added: isNew };
}

/** Who wrote directly, and what rooms showed of them. */
export function listKnown({ knownUsers }: LiveAccount) {
  return { known: knownUsers.list() };
}

/**
 * Forgets what was learnt of a person; or, by the own domain, of the server, and tries to log in again.
 * @throws Error where nothing is known of them
 */
export function forget(live: LiveAccount, jid: BareJid): { forgotten: BareJid } {
  const { knownUsers, serverMemory, account, session } = live;
  const domain =
    account.jid === undefined ? undefined : bareJid(parseJid(account.jid)?.domain ?? "");
  if (jid === domain) {
    if (!serverMemory.forget(domain)) throw new Error(`${domain} is not known`);
    // Where it was refused for that, nothing else stands in the way of another try.
    session.start();
    return { forgotten: domain };
  }
  if (!jid.includes("@")) {
    throw new Error(`${jid} is not a bare JID (user@domain), nor the account's own domain`);
  }
  if (!knownUsers.forget(jid)) throw new Error(`${jid} is not known`);
  return { forgotten: jid };
}
