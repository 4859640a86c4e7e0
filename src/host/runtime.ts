import type { PluginRuntime } from "openclaw/plugin-sdk/channel-core";
import { createPluginRuntimeStore } from "openclaw/plugin-sdk/runtime-store";

/** The host's runtime, injected once when the Gateway loads the plugin. */
export const { setRuntime, getRuntime } = createPluginRuntimeStore<PluginRuntime>({
  pluginId: "xmpp",
  errorMessage: "the XMPP plugin is not running inside an OpenClaw Gateway",
});
