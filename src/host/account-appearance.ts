/** The account among others: its contacts and rooms, and what they see of it (presence, caps, profile). */
import { createProfilePublisher, encodePhoto } from "../client/profile.ts";
import { botIdentity, registerResponders } from "../client/responders.ts";
import { createRooms } from "../client/rooms.ts";
import { createRoster } from "../client/roster.ts";
import type { XmppSession } from "../client/types.ts";
import { messageOf } from "../errors.ts";
import { decideSubscription } from "../policy/subscription.ts";
import { encodeAvailability } from "../protocol/rfc-6121-presence.ts";
import type { AccountBasis } from "./account-basis.ts";
import { createAgentPresence } from "./agent-presence.ts";
import { announcedFeatures } from "./announced-features.ts";
import { onceChanged } from "./live-config.ts";
import { softwareVersion } from "./software-version.ts";

export function createAccountAppearance(basis: AccountBasis, session: XmppSession) {
  const { account, config, jid, log, readAccount, stores, tally } = basis;
  const { chosen, published } = stores;
  const responders = registerResponders(session, {
    software: softwareVersion,
    identity: botIdentity(account.nick),
    features: announcedFeatures(account),
  });
  const isPublic = () => readAccount().config.profile?.publish === true;
  const presence = createAgentPresence({
    readSettings: () => readAccount().config.presence,
    announce,
  });
  config.onChange(presence.apply);
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
  config.onChange(() => publishChanged(readAccount().config.profile));
  return {
    caps: responders.caps,
    presence,
    profile,
    roster,
    rooms,
    stop() {
      presence.stop();
      profile.stop();
      rooms.stop();
      roster.stop();
      responders.stop();
    },
  };
}

export type AccountAppearance = ReturnType<typeof createAccountAppearance>;
