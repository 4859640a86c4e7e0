/** RPC methods that run inside the Gateway, against the live session. `openclaw xmpp …` calls them. */
import type { OpenClawPluginApi } from "openclaw/plugin-sdk/channel-core";
import { messageOf } from "../errors.ts";
import type { LiveAccount } from "./live-accounts.ts";

function statusOf({ account, session, rooms, roster }: LiveAccount) {
  const { state } = session;
  return {
    account: account.accountId,
    jid: account.jid,
    state: state.kind,
    ...(state.kind === "online" ? { connection: state.facts } : {}),
    ...("error" in state ? { error: state.error.message, advice: state.error.advice } : {}),
    rooms: rooms.list().length,
    contacts: roster.contacts().length,
  };
}

const METHODS: Record<string, (live: LiveAccount) => unknown> = {
  "xmpp.status": statusOf,
  "xmpp.rooms": ({ rooms }) => ({ rooms: rooms.list() }),
  "xmpp.roster": ({ roster }) => ({ contacts: roster.contacts() }),
};

/** Loads nothing of an account until the first call. */
export function registerGatewayMethods(api: OpenClawPluginApi): void {
  for (const [name, run] of Object.entries(METHODS)) {
    api.registerGatewayMethod(
      name,
      async ({ params, respond }) => {
        try {
          const [{ resolveAccount }, { requireLiveAccount }, { getRuntime }] = await Promise.all([
            import("./account.ts"),
            import("./live-accounts.ts"),
            import("./runtime.ts"),
          ]);
          const requested = typeof params.account === "string" ? params.account : null;
          const config = getRuntime().config.current() as OpenClawPluginApi["config"];
          respond(true, run(requireLiveAccount(resolveAccount(config, requested))));
        } catch (error) {
          const message = messageOf(error);
          respond(false, undefined, { code: "UNAVAILABLE", message });
        }
      },
      { scope: "operator.read" },
    );
  }
}
