/**
 * One running account: its parts, wired together. Loaded only when an account starts, so that everything
 * else stays free of the transport.
 */
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { channelStoppedPatch } from "openclaw/plugin-sdk/gateway-runtime";
import { createArchive } from "../client/archive.ts";
import { createBookmarks } from "../client/bookmarks.ts";
import { createServerServices } from "../client/server-services.ts";
import { createCatchUp } from "../inbound/catch-up.ts";
import { createMayHear } from "../inbound/heard.ts";
import { createWaitingMessages } from "../inbound/waiting.ts";
import { createChangingRoomTrust } from "../policy/room-trust.ts";
import { domainOf } from "../protocol/jid.ts";
import { createAccountActivity } from "./account-activity.ts";
import { createAccountAppearance } from "./account-appearance.ts";
import { openAccountBasis } from "./account-basis.ts";
import type { AccountLog } from "./account-log.ts";
import { createAccountOutbox } from "./account-outbox.ts";
import { createAccountRecovery } from "./account-recovery.ts";
import { createAccountRoadIn } from "./account-road-in.ts";
import { createAccountSession, registerAccountCommands } from "./account-session.ts";
import type { XmppAccount } from "./account.ts";
import type { StatusPatch } from "./connection-status.ts";
import { addLiveAccount } from "./live-accounts.ts";
import { createRoomMembership } from "./room-membership.ts";

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
  const { account, log, onStatus } = params;
  const basis = openAccountBasis(params);
  const { config, jid, readAccount, stores, tally } = basis;

  const { session, watchPassword } = createAccountSession(basis, (iq) => roadIn.isAwaited(iq));
  // Before those who refuse nodes that they do not know.
  const offCommands = registerAccountCommands(basis, session, (asker) => roadIn.menu(asker));
  const appearance = createAccountAppearance(basis, session);
  const { presence, profile, roster, rooms } = appearance;
  const bookmarks =
    account.bookmarks === "off"
      ? undefined
      : createBookmarks({ session, log, onReady: roster.onReady });
  const { invited } = stores;
  const membership = createRoomMembership({ readAccount, rooms, invited, bookmarks, log });
  config.onChange(membership.apply);
  const services = createServerServices(session, domainOf(jid) ?? jid, log);
  const isBelieved = createChangingRoomTrust(membership.chosen, services.roomServices);

  const outbox = createAccountOutbox(basis, { session, rooms, services });
  const activity = createAccountActivity(basis, onStatus);
  const roadIn = createAccountRoadIn(basis, {
    outbox,
    appearance,
    membership,
    services,
    isBelieved,
    activity,
  });
  const { context, pairing, receiver } = roadIn;

  const recovery = createAccountRecovery(basis);
  const offState = session.onState((state) => {
    activity.onState(state);
    if (state.kind !== "online") return recovery.onOffline();
    void recovery.onOnline().then(receiver.start);
  });
  const catchUp = createCatchUp({
    session,
    rooms,
    archive: createArchive({ session }),
    cursors: stores.cursors,
    receiver,
    onReady: roster.onReady,
    roomServices: services.roomServices,
    findStrangers: roadIn.findStrangers,
    readConfig: () => readAccount().catchUp,
    tally,
    log,
    now: Date.now,
  });
  config.onChange(catchUp.apply);
  const offStanza = session.onStanza((stanza) => catchUp.receive(stanza));

  const { answerFacts, growing, knownUsers, serverMemory } = stores;
  const { queue, revisions } = context;
  const removeLive = addLiveAccount({
    ...outbox,
    account,
    roster,
    pairing,
    membership,
    isBelieved,
    mayHear: createMayHear(context),
    knownUsers,
    growing,
    answerFacts,
    presence,
    async setProfile(change) {
      stores.chosen.change(jid, change);
      await profile.publish();
    },
    onOutbound: () => activity.onOutbound(Date.now()),
    serverMemory,
    tally,
    waiting: createWaitingMessages({ queue, revisions, tally, log }),
    readAccount,
    services,
    lastTrouble: activity.lastTrouble,
    catchUp,
  });
  membership.apply();
  const offPassword = watchPassword();
  session.start();

  let stopping: Promise<void> | undefined;
  return {
    stop: () =>
      (stopping ??= (async () => {
        removeLive();
        offPassword();
        recovery.stop();
        pairing.stop();
        // Until the stream has ended the server may still hand us messages, and counts them as ours.
        await session.stop();
        offStanza();
        catchUp.stop();
        await roadIn.stop();
        stores.database.close();
        config.stop();
        membership.stop();
        bookmarks?.stop();
        services.stop();
        knownUsers.stop();
        appearance.stop();
        offCommands();
        offState();
        onStatus(channelStoppedPatch());
      })()),
  };
}
