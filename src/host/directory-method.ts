/** `xmpp.directory`: how a command line reads the directory of the running account. */
import type { OpenClawPluginApi } from "openclaw/plugin-sdk/channel-core";
import { messageOf } from "../errors.ts";

/** Loads nothing of an account until the first call. */
export function registerDirectoryMethod(api: OpenClawPluginApi): void {
  api.registerGatewayMethod(
    "xmpp.directory",
    async ({ params, respond }) => {
      try {
        const [{ resolveAccount }, { requireLiveAccount }, { parseQuestion, readDirectory }, host] =
          await Promise.all([
            import("./account.ts"),
            import("./live-accounts.ts"),
            import("./live-directory.ts"),
            import("./runtime.ts"),
          ]);
        const requested = typeof params.account === "string" ? params.account : null;
        const config = host.getRuntime().config.current() as OpenClawPluginApi["config"];
        const live = requireLiveAccount(resolveAccount(config, requested));
        respond(true, { entries: await readDirectory(live, parseQuestion(params)) });
      } catch (error) {
        respond(false, undefined, { code: "UNAVAILABLE", message: messageOf(error) });
      }
    },
    { scope: "operator.read" },
  );
}
