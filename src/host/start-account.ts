/**
 * One running account: session, roster, rooms, and the road in, wired together. Loaded only when an
 * account starts, so that everything else stays free of the transport.
 */
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { channelStoppedPatch } from "openclaw/plugin-sdk/gateway-runtime";
import { registerAdHocCommands } from "../client/adhoc-commands.ts";
import { createArchive } from "../client/archive.ts";
import { createAccountFeatures } from "../client/account-features.ts";
import { createBookmarks } from "../client/bookmarks.ts";
import { createCorrectionReaders } from "../client/correction-readers.ts";
import { createProfilePublisher, encodePhoto } from "../client/profile.ts";
import { createProgramFinder } from "../client/programs.ts";
import { botIdentity, registerResponders } from "../client/responders.ts";
import { createRooms } from "../client/rooms.ts";
import { createRoster } from "../client/roster.ts";
import { createServerServices, isRoom } from "../client/server-services.ts";
import { createSession } from "../client/session.ts";
import { createAcknowledging } from "../inbound/acknowledging.ts";
import { createUploads } from "../client/upload.ts";
import { createCatchUp } from "../inbound/catch-up.ts";
import { findCommander } from "../inbound/commanders.ts";
import { createMayHear } from "../inbound/heard.ts";
import { createInvitations } from "../inbound/invitations.ts";
import { createPairing } from "../inbound/pairing.ts";
import { createIngressEffectOnce } from "openclaw/plugin-sdk/ingress-effect-once";
import { openMessageQueue, REMEMBERED_ENTRIES, REMEMBERED_MS } from "../inbound/ingress-queue.ts";
import { listPluginCommands } from "../inbound/plugin-commands.ts";
import { createInBandFiles } from "../inbound/in-band-files.ts";
import { createReceiver } from "../inbound/receive.ts";
import { departuresOf } from "../outbound/departures.ts";
import { isTooMuch } from "../outbound/send.ts";
import { createOwnNames } from "../outbound/own-names.ts";
import { createRecentMessages } from "../outbound/recent-messages.ts";
import { createSentMessages } from "../outbound/sent-messages.ts";
import type { ReceiverContext } from "../inbound/types.ts";
import { createWaitingMessages } from "../inbound/waiting.ts";
import { createTurnLimits } from "../inbound/turn-limits.ts";
import { createRevisions } from "../inbound/revisions.ts";
import { createRoomHistory } from "../inbound/room-history.ts";
import { createSessionTurns } from "../inbound/session-turns.ts";
import { createStrangers } from "../inbound/strangers.ts";
import { createSettling } from "../inbound/settling.ts";
import { createTally } from "../inbound/tally.ts";
import { messageOf } from "../errors.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { createChangingRoomTrust } from "../policy/room-trust.ts";
import { bareJid, domainOf } from "../protocol/jid.ts";
import { encodeAvailability } from "../protocol/rfc-6121-presence.ts";
import { STANZA_IDS } from "../protocol/xep-0359-ids.ts";
import { ARCHIVE } from "../protocol/xep-0313-mam.ts";
import { decideSubscription } from "../policy/subscription.ts";
import { openAccountStores } from "./account-stores.ts";
import type { XmppAccount } from "./account.ts";
import { createAdHocMenu } from "./adhoc-menu.ts";
import type { AccountLog } from "./account-log.ts";
import { createAgentPresence } from "./agent-presence.ts";
import { announcedFeatures } from "./announced-features.ts";
import { createApprovalDesk } from "./approval-desk.ts";
import { statusOf, type StatusPatch } from "./connection-status.ts";
import { tellAgent } from "./late-refusal.ts";
import {
  addLiveAccount,
  findLiveAccount,
  isLiveAccount,
  isOfLiveAccount,
} from "./live-accounts.ts";
import { createOwedRecovery } from "./owed-recovery.ts";
import { createKeptDeliveries } from "./kept-deliveries.ts";
import { createLivePassword } from "./live-password.ts";
import { createOwnAgents } from "./own-agents.ts";
import { onceChanged, watchConfig } from "./live-config.ts";
import type { Trouble } from "./live-facts.ts";
import { createRoomMembership } from "./room-membership.ts";
import { getRuntime } from "./runtime.ts";
import { softwareVersion } from "./software-version.ts";

/** One each for all accounts: they may share a session. */
const settling = createSettling();
const sessionTurns = createSessionTurns();

export type RunningAccount = {
  /** Ends the stream, by which the rooms are left, and all listening and timers. Idempotent. */
  stop(): Promise<void>;
};

export function startAccount(params: {
  account: XmppAccount;
  cfg: OpenClawConfig;
  log: AccountLog;
  onStatus: (patch: StatusPatch) => void;
}): RunningAccount {
  const { account, cfg, log, onStatus } = params;
  const { accountId, jid, server } = account;
  if (!jid || !server) throw new Error(`XMPP account "${accountId}" is not configured`);
  const runtime = getRuntime();
  const {
    answerFacts,
    chosen,
    cursors,
    database,
    eventNames,
    growing,
    invited,
    knownUsers,
    owed,
    pending,
    published,
    serverMemory,
  } = openAccountStores(account, log);

  /** One object as long as the account runs: whoever holds it sees what it is changed to. */
  const limits = { ...account.limits };
  const tally = createTally();
  const password = createLivePassword(account, log);
  const session = createSession({
    jid,
    resource: account.resource,
    password: password.read,
    server,
    caFile: account.config.tls?.caFile,
    sasl: account.config.sasl,
    serverMemory,
    dangerouslyAllowPlaintext: account.config.dangerouslyAllowPlaintext,
    xml: account.config.xml ?? process.env.OPENCLAW_XMPP_XML === "1",
    isAwaited: (iq) => inBand.isAwaited(iq),
    onExcess: () => tally.add("iqs-limited"),
    log,
  });
  // Before those who refuse nodes that they do not know.
  const offCommands = registerAdHocCommands({
    session,
    commandsFor: (asker) => menu(asker),
    isTooMany(asker) {
      const verdict = inbound.turnLimits.takeCommand(asker, readAccount(), Date.now());
      if (verdict !== "granted") tally.add("commands-limited");
      if (verdict === "refused") log.warn(`commands-limited: ${asker}; see channels.xmpp.limits`);
      return verdict !== "granted";
    },
    now: Date.now,
  });
  const responders = registerResponders(session, {
    software: softwareVersion,
    identity: botIdentity(account.nick),
    features: announcedFeatures(account),
  });
  const isPublic = () => readAccount().config.profile?.publish === true;
  let readPresence = () => account.config.presence;
  const presence = createAgentPresence({ readSettings: () => readPresence(), announce });
  const extensions = () => [
    ...encodeAvailability(presence.current()),
    ...(isPublic() ? encodePhoto(published.get(jid)) : []),
  ];
  const roster = createRoster({
    session,
    log,
    caps: responders.caps,
    extensions,
    decideSubscription: (from) => decideSubscription(from, readAccount()),
    onExcess: () => tally.add("subscriptions-limited"),
  });
  const rooms = createRooms({
    session,
    log,
    nick: account.nick,
    caps: responders.caps,
    extensions,
    onReady: roster.onReady,
  });
  function announce(): void {
    roster.announce();
    rooms.announce();
  }
  const profile = createProfilePublisher({
    session,
    log,
    published,
    readProfile: async () => {
      if (!isPublic()) return undefined;
      const { readProfile } = await import("./profile.ts");
      return await readProfile({ ...config.read(), chosen: chosen.get(jid), log });
    },
    onReady: roster.onReady,
    onPhoto: announce,
  });
  const publishChanged = onceChanged(account.config.profile, () => {
    // At the next login it is looked at anyway.
    if (session.state.kind !== "online") return;
    profile.publish().catch((error: unknown) => log.warn(messageOf(error)));
  });
  let applyCatchUp = () => {};
  const config = watchConfig({
    runtime,
    cfg,
    account,
    log,
    onChange() {
      membership.apply();
      presence.apply();
      Object.assign(limits, readAccount().limits);
      applyCatchUp();
      publishChanged(readAccount().config.profile);
      log.setLevel(readAccount().config.logLevel);
    },
  });
  const readAccount = () => config.read().account;
  readPresence = () => readAccount().config.presence;
  const bookmarks =
    account.bookmarks === "off"
      ? undefined
      : createBookmarks({ session, log, onReady: roster.onReady });
  const membership = createRoomMembership({
    readAccount,
    rooms,
    invited,
    bookmarks,
    log,
  });
  const services = createServerServices(session, domainOf(jid) ?? jid, log);
  const uploads = createUploads({
    session,
    services,
    caFile: account.config.tls?.caFile,
    dangerouslyAllowPlaintext: account.config.dangerouslyAllowPlaintext,
    log,
  });
  const isBelieved = createChangingRoomTrust(membership.chosen, services.roomServices);
  const record = (direction: "inbound" | "outbound", at: number) => {
    runtime.channel.activity.record({ channel: CHANNEL_ID, accountId, direction, at });
    onStatus(direction === "inbound" ? { lastInboundAt: at } : { lastOutboundAt: at });
  };
  const departures = departuresOf(accountId);
  const sent = createSentMessages((refusal) => {
    const conversation = bareJid(refusal.to);
    if (conversation && isTooMuch(refusal.error)) departures.holdOff(conversation);
    if (refusal.isLate) tellAgent({ runtime, cfg: config.read().cfg, accountId }, refusal);
  });
  const recent = createRecentMessages(createOwnNames(eventNames, log));
  const archive = createArchive({ session });
  const outbox = { session, rooms, sent, recent, archive, uploads, departures, limits, log };
  const findOutbox = () => findLiveAccount(accountId);
  const pairing = createPairing({
    accountId,
    runtime,
    findOutbox,
    pending,
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
    log,
  });
  const history = createRoomHistory(
    account.config.historyLimit ?? cfg.messages?.groupChat?.historyLimit,
  );
  const queue = openMessageQueue({
    runtime,
    accountId,
    database,
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
  const inbound: ReceiverContext = {
    accountId,
    queue,
    strangers,
    approvals: createApprovalDesk({ accountId, readConfig: () => config.read().cfg }),
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
    isProgram: createProgramFinder(session, responders.caps.node, log),
    findReaders: createCorrectionReaders(session, roster, log),
    onInvitation: invitations.receive,
    knownUsers,
    pairing,
    settling,
    owed,
    growing,
    sessionTurns,
    tally,
    turnLimits: createTurnLimits(),
    ownAgents: createOwnAgents({ accountId, runtime, log }),
    history,
    acknowledging: createAcknowledging(() => readAccount().config.sendReadReceipts ?? true),
    revisions: createRevisions(queue, eventNames, Date.now),
    log,
    now: Date.now,
    onWork: presence.begin,
    onInbound: (at) => record("inbound", at),
    onOutbound: (at) => record("outbound", at),
  };
  const receiver = createReceiver(inbound);
  const menu = createAdHocMenu({
    accountId,
    isInRoom: ({ bare, domain }) =>
      rooms.get(bare) !== undefined || services.roomServices().has(domain),
    isSibling: isLiveAccount,
    findCommander: (from) => findCommander(inbound, from),
    findLive: () => findLiveAccount(accountId),
    listPluginCommands,
    readConfig: () => config.read().cfg,
    receive: receiver.receive,
  });
  const inBand = createInBandFiles({ ...inbound, receiver });

  const offRoom = rooms.onRoom(({ room, state }) => {
    if (state !== "refused" && state !== "leaving") return;
    history.forget(room);
    recent.forget(room);
  });
  const readHostConfig = () => config.read().cfg;
  const recovery = createOwedRecovery({
    accountId,
    owed,
    readConfig: readHostConfig,
    readLongest: () => readAccount().limits.queueMaxAgeMinutes * 60_000,
    log,
    now: Date.now,
  });
  const kept = createKeptDeliveries({
    accountId,
    readConfig: readHostConfig,
    onTried: recovery.recover,
    log,
  });
  recovery.look();
  const looked = kept.look();
  let trouble: Trouble | undefined;
  let lastError: Error | undefined;
  const offState = session.onState((state) => {
    if ("error" in state && state.error && state.error !== lastError) {
      lastError = state.error;
      trouble = { message: lastError.message, at: Date.now() };
    }
    onStatus(statusOf(state));
    if (state.kind !== "online") return kept.onOffline();
    // What waits from before may be answered now, once it is known which answers are still to come.
    recovery.hold();
    void looked.then(receiver.start);
    kept.onOnline();
  });
  const catchUp = createCatchUp({
    session,
    rooms,
    archive: createArchive({ session }),
    cursors,
    receiver,
    onReady: roster.onReady,
    roomServices: services.roomServices,
    findStrangers: strangers.find,
    readConfig: () => readAccount().catchUp,
    tally,
    log,
    now: Date.now,
  });
  applyCatchUp = catchUp.apply;
  const offStanza = session.onStanza((stanza) => catchUp.receive(stanza));
  const removeLive = addLiveAccount({
    ...outbox,
    account,
    roster,
    pairing,
    membership,
    isBelieved,
    mayHear: createMayHear(inbound),
    knownUsers,
    growing,
    answerFacts,
    presence,
    async setProfile(change) {
      chosen.change(jid, change);
      await profile.publish();
    },
    onOutbound: () => record("outbound", Date.now()),
    serverMemory,
    tally,
    waiting: createWaitingMessages({ queue, revisions: inbound.revisions, tally, log }),
    readAccount,
    services,
    lastTrouble: () => trouble,
    catchUp,
  });
  membership.apply();
  const offPassword = password.watch(session);
  session.start();

  let stopping: Promise<void> | undefined;
  return {
    stop: () =>
      (stopping ??= (async () => {
        removeLive();
        offPassword();
        kept.onOffline();
        recovery.stop();
        pairing.stop();
        // Until the stream has ended the server may still hand us messages, and counts them as ours.
        await session.stop();
        offStanza();
        catchUp.stop();
        inBand.stop();
        await receiver.stop();
        database.close();
        offRoom();
        config.stop();
        membership.stop();
        presence.stop();
        bookmarks?.stop();
        profile.stop();
        services.stop();
        features.stop();
        knownUsers.stop();
        rooms.stop();
        roster.stop();
        responders.stop();
        offCommands();
        offState();
        onStatus(channelStoppedPatch());
      })()),
  };
}
