/** The host starts and stops accounts here; the transport is loaded with the first one. */
import {
  createAccountStatusSink,
  runPassiveAccountLifecycle,
} from "openclaw/plugin-sdk/channel-outbound";
import { CHANNEL_APPROVAL_NATIVE_RUNTIME_CONTEXT_CAPABILITY } from "openclaw/plugin-sdk/approval-handler-adapter-runtime";
import { channelBlockedPatch, channelStoppedPatch } from "openclaw/plugin-sdk/gateway-runtime";
import { registerChannelRuntimeContext } from "openclaw/plugin-sdk/channel-runtime-context";
import type { ChannelGatewayContext } from "openclaw/plugin-sdk/channel-contract";
import { createLazyRuntimeModule } from "openclaw/plugin-sdk/lazy-runtime";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import type { XmppAccount } from "./account.ts";
import { createAccountLog } from "./account-log.ts";
import { loginOf, sameLogin } from "./account-set.ts";
import { describeProblems } from "./account-problems.ts";
import { claimLogin } from "./login-claims.ts";

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
  const onStatus = createAccountStatusSink({
    accountId: ctx.accountId,
    setStatus: ctx.setStatus,
  });
  const login = loginOf(account) ?? account.accountId;
  const release = await claimLogin(login, account.accountId, abortSignal, (holder) => {
    const problem = `not started: ${sameLogin(holder, login)}`;
    log.error(problem);
    onStatus({ ...channelBlockedPatch(problem), connected: false });
  });
  if (!release) return onStatus(channelStoppedPatch());
  try {
    const { startAccount } = await loadStartAccount();
    await runPassiveAccountLifecycle({
      abortSignal,
      start: async () => {
        const running = startAccount({ account, cfg, log, onStatus });
        // From now on the host has approvals asked for here (approval-runtime.ts).
        registerChannelRuntimeContext({
          ...(ctx.channelRuntime ? { channelRuntime: ctx.channelRuntime } : {}),
          channelId: CHANNEL_ID,
          accountId: account.accountId,
          capability: CHANNEL_APPROVAL_NATIVE_RUNTIME_CONTEXT_CAPABILITY,
          context: {},
          abortSignal,
        });
        return running;
      },
      stop: async (running) => {
        await running.stop();
      },
    });
  } finally {
    release();
  }
}
