/** Whether somebody listens: a TCP connection that is closed as soon as it stands. */
import { connect } from "node:net";
import type { Endpoint } from "./types.ts";

/** Endpoints that are looked at; the login itself tries all. */
const MAX_LOOKED_AT = 4;

/**
 * @returns true as soon as one of the endpoints takes a connection, false when none did within
 *   `timeoutMs` or `signal` was aborted
 */
export async function canReach(
  endpoints: readonly Endpoint[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const looks = endpoints
    .slice(0, MAX_LOOKED_AT)
    .map((endpoint) => look(endpoint, timeoutMs, signal));
  return await Promise.any(looks).catch(() => false);
}

/** @throws Error when nobody is there */
async function look(endpoint: Endpoint, timeoutMs: number, signal: AbortSignal): Promise<true> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  return await new Promise((resolve, reject) => {
    const socket = connect({ ...addressOf(endpoint), signal: limit });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", reject);
  });
}

function addressOf(endpoint: Endpoint): { host: string; port: number } {
  if (endpoint.transport !== "websocket") return { host: endpoint.host, port: endpoint.port };
  const { hostname, port, protocol } = new URL(endpoint.url);
  const usual = protocol === "wss:" ? 443 : 80;
  return { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: port === "" ? usual : Number(port) };
}
