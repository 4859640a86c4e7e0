/** What an account keeps on disk: what must survive a restart. */
import { join } from "node:path";
import type { Logger } from "../client/types.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { createAnswerFacts } from "../state/answer-facts.ts";
import { createArchiveCursors } from "../state/archive-cursors.ts";
import { createChosenProfiles } from "../state/chosen-profile.ts";
import { createEventNames } from "../state/event-names.ts";
import { createGrowingAnswers } from "../state/growing-answers.ts";
import { createIngressDatabase } from "../state/ingress-database.ts";
import { createInvitedRooms } from "../state/invited-rooms.ts";
import { createKnownUsers } from "../state/known-users.ts";
import { createOwedAnswers } from "../state/owed-answers.ts";
import { createPendingPairings } from "../state/pending-pairings.ts";
import { createPublishedProfiles } from "../state/published-profile.ts";
import { createServerMemory } from "../state/server-memory.ts";
import type { XmppAccount } from "./account.ts";
import { getRuntime } from "./runtime.ts";

/** How long the host keeps a pairing request. */
const PAIRING_TTL_MS = 60 * 60_000;

/**
 * The stores of an account, in its own folder of `dataDir` or of the host's state. What is broken is set aside, and
 * said in the log. `database` is to be closed, and `knownUsers` stopped, once the account ends.
 */
export function openAccountStores(account: XmppAccount, log: Logger) {
  const { accountId } = account;
  const directory = stateDirectory(account);
  const clocked = { now: Date.now, log };
  const database = createIngressDatabase(join(directory, "ingress.sqlite"), { log });
  return {
    answerFacts: createAnswerFacts(database, clocked),
    chosen: createChosenProfiles(join(directory, "chosen-profile.json"), { log }),
    cursors: createArchiveCursors(join(directory, "archive-cursors.json"), { log }),
    database,
    eventNames: createEventNames(database, Date.now),
    growing: createGrowingAnswers(database, clocked),
    invited: createInvitedRooms(join(directory, "invited-rooms.json"), clocked),
    knownUsers: createKnownUsers(join(directory, "known-users.json"), clocked),
    owed: createOwedAnswers(accountId, database, log),
    pending: createPendingPairings(join(directory, "pending-pairings.json"), {
      ...clocked,
      ttlMs: PAIRING_TTL_MS,
    }),
    published: createPublishedProfiles(join(directory, "published-profile.json"), { log }),
    serverMemory: createServerMemory(join(directory, "server-memory.json"), { log }),
  };
}

function stateDirectory({ accountId, config }: XmppAccount): string {
  const root = config.dataDir?.trim() || join(getRuntime().state.resolveStateDir(), CHANNEL_ID);
  return join(root, accountId);
}
