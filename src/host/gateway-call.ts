/** How a command line asks the Gateway, where the accounts run. */
const TIMEOUT_MS = 3_000;

/** @throws what the Gateway answers, or that there is none */
export async function askGateway(
  method: string,
  params: object,
  timeoutMs = TIMEOUT_MS,
): Promise<Record<string, unknown>> {
  const { callGatewayFromCli } = await import("openclaw/plugin-sdk/gateway-runtime");
  return await callGatewayFromCli(method, { json: true, timeout: `${timeoutMs}` }, params, {
    progress: false,
  });
}
