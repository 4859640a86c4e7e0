/** `openclaw onboard` and `openclaw channels add`, as the host asks for them; the questions are in setup-wizard/. */
import { createLazyRuntimeModule } from "openclaw/plugin-sdk/lazy-runtime";
import { setSetupChannelEnabled, type ChannelSetupWizardAdapter } from "openclaw/plugin-sdk/setup";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { resolveAccount } from "./account.ts";

const loadFlow = createLazyRuntimeModule(() => import("./setup-wizard/flow.ts"));

export const setupWizard: ChannelSetupWizardAdapter = {
  channel: CHANNEL_ID,
  async getStatus({ cfg, accountOverrides }) {
    const account = resolveAccount(cfg, accountOverrides[CHANNEL_ID]);
    // A reference counts: the Gateway resolves it when it starts.
    const hasPassword = account.password !== "" || account.config.password !== undefined;
    const configured = account.jid !== undefined && hasPassword;
    const state = configured ? "configured" : "needs JID and password";
    return {
      channel: CHANNEL_ID,
      configured,
      statusLines: [`XMPP: ${state}`],
      selectionHint: state,
      quickstartScore: configured ? 1 : 0,
    };
  },
  // The questions include who may write, so that the host's own for that (`dmPolicy`) is left out.
  async configure(context) {
    const outcome = await (await loadFlow()).runSetup(context);
    return outcome === "skip" ? { cfg: context.cfg } : outcome;
  },
  configureInteractive: async (context) => await (await loadFlow()).runSetup(context),
  disable: (cfg) => setSetupChannelEnabled(cfg, CHANNEL_ID, false),
};
