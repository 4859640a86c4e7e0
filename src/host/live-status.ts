/** What a running account is doing, in one look: for the command line and for commands in chats. */
import { messageOf } from "../errors.ts";
import type { LiveAccount } from "./live-accounts.ts";
import { ageOf } from "./live-queue.ts";

/** Never rejects: that the connection is down, or the disk full, is what it tells. */
export async function describeStatus(live: LiveAccount) {
  const { account, session, rooms, roster, tally, catchUp } = live;
  const { state } = session;
  const views = rooms.list();
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
    ...(await describeWaiting(live)),
    dropped: tally.read(),
  };
}

type Waiting = { queued?: number; oldestQueuedMs?: number; queueError?: string };

export async function describeWaiting({ waiting }: LiveAccount): Promise<Waiting> {
  try {
    const { oldestAt, waiting: queued } = await waiting.count();
    return { queued, ...(oldestAt === undefined ? {} : { oldestQueuedMs: ageOf(oldestAt) }) };
  } catch (error) {
    return { queueError: messageOf(error) };
  }
}
