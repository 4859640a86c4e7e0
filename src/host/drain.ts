/** The Gateway is about to stop or restart, and takes nothing new: whoever looks at the agent shall see it. */
import type { OpenClawPluginApi } from "openclaw/plugin-sdk/channel-core";

export function registerDrain(api: OpenClawPluginApi): void {
  api.on("gateway_start", (_event, { abortSignal }) => {
    abortSignal?.addEventListener("abort", () => void tell(), { once: true });
  });
}

async function tell(): Promise<void> {
  const { listLiveAccounts } = await import("./live-accounts.ts");
  for (const { presence } of listLiveAccounts()) presence.drain();
}
