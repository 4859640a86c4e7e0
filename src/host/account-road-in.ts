/** The road in of one account: what it needs of the world, put together. */
import type { Element } from "ltx";
import { createIngressEffectOnce } from "openclaw/plugin-sdk/ingress-effect-once";
import { createAccountFeatures } from "../client/account-features.ts";
import { createCorrectionReaders } from "../client/correction-readers.ts";
import { createProgramFinder } from "../client/programs.ts";
import { isRoom, type ServerServices } from "../client/server-services.ts";
import { createAcknowledging } from "../inbound/acknowledging.ts";
import { findCommander } from "../inbound/commanders.ts";
import { createInBandFiles } from "../inbound/in-band-files.ts";
import { openMessageQueue, REMEMBERED_ENTRIES, REMEMBERED_MS } from "../inbound/ingress-queue.ts";
import { createInvitations } from "../inbound/invitations.ts";
import { createPairing } from "../inbound/pairing.ts";
import { listPluginCommands } from "../inbound/plugin-commands.ts";
import { createReceiver } from "../inbound/receive.ts";
import { createRevisions } from "../inbound/revisions.ts";
import { createRoomHistory } from "../inbound/room-history.ts";
import { createSessionTurns } from "../inbound/session-turns.ts";
import { createSettling } from "../inbound/settling.ts";
import { createStrangers } from "../inbound/strangers.ts";
import type { ReceiverContext } from "../inbound/types.ts";
import type { Outbox } from "../outbound/send.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import type { RoomTrust } from "../policy/room-trust.ts";
import { ARCHIVE } from "../protocol/xep-0313-mam.ts";
import { STANZA_IDS } from "../protocol/xep-0359-ids.ts";
import type { AccountActivity } from "./account-activity.ts";
import type { AccountAppearance } from "./account-appearance.ts";
import type { AccountBasis } from "./account-basis.ts";
import { createAdHocMenu } from "./adhoc-menu.ts";
import { createApprovalDesk } from "./approval-desk.ts";
import { findLiveAccount, isLiveAccount, isOfLiveAccount } from "./live-accounts.ts";
import { createOwnAgents } from "./own-agents.ts";
import type { RoomMembership } from "./room-membership.ts";

/** One each for all accounts: they may share a session. */
const settling = createSettling();
const sessionTurns = createSessionTurns();

export type RoadInParts = {
  outbox: Outbox;
  appearance: AccountAppearance;
  membership: RoomMembership;
  services: ServerServices;
  isBelieved: RoomTrust;
  activity: AccountActivity;
};

/** `pairing` is to be stopped before the session, the rest by `stop` after it. */
export function createAccountRoadIn(basis: AccountBasis, parts: RoadInParts) {
  const { account, accountId, cfg, config, log, readAccount, readConfig, runtime, stores } = basis;
  const { tally, turnLimits } = basis;
  const { activity, appearance, isBelieved, membership, outbox, services } = parts;
  const { caps, presence, roster, rooms } = appearance;
  const { session } = outbox;
  const findOutbox = () => findLiveAccount(accountId);
  const pairing = createPairing({
    accountId,
    runtime,
    findOutbox,
    pending: stores.pending,
    readLimit: () => readAccount().limits.pairingsPerMinute,
    log,
  });
  const invitations = createInvitations({
    readPolicy: readAccount,
    approved: pairing.approved,
    isKnown: membership.isWanted,
    isDisabled: membership.isDisabled,
    isBelieved,
    isRoom: (room) => isRoom(session, room),
    settled: services.settled,
    join: membership.follow,
    tally,
    log,
  });
  const history = createRoomHistory(
    account.config.historyLimit ?? cfg.messages?.groupChat?.historyLimit,
  );
  const queue = openMessageQueue({
    runtime,
    accountId,
    database: stores.database,
    readLimits: () => readAccount().limits,
    tally,
    log,
    now: Date.now,
  });
  const effects = createIngressEffectOnce({
    pluginId: CHANNEL_ID,
    namespacePrefix: accountId,
    // A message may wait for a day before it is remembered as answered.
    ttlMs: REMEMBERED_MS + 2 * 24 * 60 * 60_000,
    stateMaxEntries: REMEMBERED_ENTRIES,
  });
  const features = createAccountFeatures(session, log);
  const readInbound = () => {
    const { cfg: now, account: policy } = config.read();
    return { cfg: now, policy, settings: { ...policy.config, streaming: policy.config } };
  };
  const strangers = createStrangers({
    readConfig: readInbound,
    approved: pairing.approved,
    originOf: membership.originOf,
    now: Date.now,
  });
  const context: ReceiverContext = {
    accountId,
    queue,
    strangers,
    approvals: createApprovalDesk({ accountId, readConfig }),
    givesIds: () => features.has(STANZA_IDS) || features.has(ARCHIVE),
    once: async (eventId, effect, run) => void (await effects.runOnce({ eventId, effect, run })),
    readConfig: readInbound,
    runtime,
    outbox,
    findOutbox,
    isSibling: isLiveAccount,
    isOfSibling: isOfLiveAccount,
    isBelieved,
    originOf: membership.originOf,
    isProgram: createProgramFinder(session, caps.node, log),
    findReaders: createCorrectionReaders(session, roster, log),
    onInvitation: invitations.receive,
    knownUsers: stores.knownUsers,
    pairing,
    settling,
    owed: stores.owed,
    growing: stores.growing,
    sessionTurns,
    tally,
    turnLimits,
    ownAgents: createOwnAgents({ accountId, runtime, log }),
    history,
    acknowledging: createAcknowledging(() => readAccount().config.sendReadReceipts ?? true),
    revisions: createRevisions(queue, stores.eventNames, Date.now),
    log,
    now: Date.now,
    onWork: presence.begin,
    onInbound: activity.onInbound,
    onOutbound: activity.onOutbound,
  };
  const receiver = createReceiver(context);
  const menu = createAdHocMenu({
    accountId,
    isInRoom: ({ bare, domain }) =>
      rooms.get(bare) !== undefined || services.roomServices().has(domain),
    isSibling: isLiveAccount,
    findCommander: (from) => findCommander(context, from),
    findLive: () => findLiveAccount(accountId),
    listPluginCommands,
    readConfig,
    receive: receiver.receive,
  });
  const inBand = createInBandFiles({ ...context, receiver });
  const offRoom = rooms.onRoom(({ room, state }) => {
    if (state !== "refused" && state !== "leaving") return;
    history.forget(room);
    outbox.recent.forget(room);
  });
  return {
    context,
    findStrangers: strangers.find,
    /** Whether an iq belongs to a file that we take. */
    isAwaited: (iq: Element) => inBand.isAwaited(iq),
    menu,
    pairing,
    receiver,
    async stop() {
      inBand.stop();
      await receiver.stop();
      offRoom();
      features.stop();
    },
  };
}
