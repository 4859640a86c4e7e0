/** What a running account is doing, in one look: for the command line and for commands in chats. */
import type { LiveAccount } from "./live-accounts.ts";
import { ageOf } from "./live-queue.ts";

/** Never rejects for the connection: that it is down is what it tells. */
export async function describeStatus(live: LiveAccount) {
  const { account, session, rooms, roster, tally, catchUp } = live;
  const { state } = session;
  const views = rooms.list();
  const waiting = await live.waiting.list();
  const [oldest] = waiting;
  return {
    account: account.accountId,
    jid: account.jid,
    state: state.kind,
    ...(state.kind === "online" ? { connection: state.facts } : {}),
    ...("error" in state && state.error
      ? { error: state.error.message, advice: state.error.advice }
      : {}),
    rooms: views.length,
    roomsJoined: views.filter((view) => view.state === "joined").length,
    contacts: roster.contacts().length,
    ...(catchUp.hasArchive === undefined ? {} : { archive: catchUp.hasArchive }),
    queued: waiting.length,
    ...(oldest ? { oldestQueuedMs: ageOf(oldest.receivedAt) } : {}),
    dropped: tally.read(),
  };
}
