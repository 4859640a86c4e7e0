/** The account's stream to its server, and what is answered in it before anything else. */
import type { Element } from "ltx";
import { registerAdHocCommands } from "../client/adhoc-commands.ts";
import { createSession } from "../client/session.ts";
import type { XmppSession } from "../client/types.ts";
import type { AccountBasis } from "./account-basis.ts";
import type { AdHocMenu } from "./adhoc-menu.ts";
import { createLivePassword } from "./live-password.ts";

/** Not started yet; `watchPassword` returns a function that ends it. */
export function createAccountSession(basis: AccountBasis, isAwaited: (iq: Element) => boolean) {
  const { account, config, jid, readAccount, server, stores, tally, log } = basis;
  const password = createLivePassword(account, log);
  const readXml = () => readAccount().config.xml ?? process.env.OPENCLAW_XMPP_XML === "1";
  let isWireLogged = readXml();
  config.onChange(() => void (isWireLogged = readXml()));
  const session = createSession({
    jid,
    resource: account.resource,
    password: password.read,
    server,
    caFile: account.config.tls?.caFile,
    sasl: account.config.sasl,
    serverMemory: stores.serverMemory,
    dangerouslyAllowPlaintext: account.config.dangerouslyAllowPlaintext,
    isWireLogged: () => isWireLogged,
    isAwaited,
    onExcess: () => tally.add("iqs-limited"),
    log,
  });
  return { session, watchPassword: () => password.watch(session) };
}

/** @returns a function that ends it */
export function registerAccountCommands(
  { tally, turnLimits, readAccount, log }: AccountBasis,
  session: XmppSession,
  menu: AdHocMenu,
): () => void {
  return registerAdHocCommands({
    session,
    commandsFor: menu,
    isTooMany(asker) {
      const verdict = turnLimits.takeCommand(asker, readAccount(), Date.now());
      if (verdict !== "granted") tally.add("commands-limited");
      if (verdict === "refused") log.warn(`commands-limited: ${asker}; see channels.xmpp.limits`);
      return verdict !== "granted";
    },
    now: Date.now,
  });
}
