/** The host starts and stops accounts here; the transport is loaded with the first one. */
import {
  createAccountStatusSink,
  runPassiveAccountLifecycle,
} from "openclaw/plugin-sdk/channel-outbound";
import type { ChannelGatewayContext } from "openclaw/plugin-sdk/channel-contract";
import { createLazyRuntimeModule } from "openclaw/plugin-sdk/lazy-runtime";
import type { XmppAccount } from "./account.ts";
import { createAccountLog } from "./account-log.ts";
import { describeProblems } from "./account-problems.ts";

const loadStartAccount = createLazyRuntimeModule(() => import("./start-account.ts"));

/**
 * Runs the account until the host aborts it. A refusal (wrong password, no TLS, …) keeps it pending
 * with a blocked status: returning would make the host try the login again and again.
 */
export async function runAccount(ctx: ChannelGatewayContext<XmppAccount>): Promise<void> {
  const { account, abortSignal, cfg } = ctx;
  if (!account.configured) {
    throw new Error(`XMPP account "${account.accountId}": ${describeProblems(account.problems)}`);
  }
  const log = createAccountLog(account.accountId, ctx.log, account.config.logLevel);
  const { startAccount } = await loadStartAccount();
  await runPassiveAccountLifecycle({
    abortSignal,
    start: async () =>
      startAccount({
        account,
        cfg,
        log,
        onStatus: createAccountStatusSink({
          accountId: ctx.accountId,
          setStatus: ctx.setStatus,
        }),
      }),
    stop: async (running) => {
      await running.stop();
    },
  });
}
