/** Asks a domain's web server where its WebSocket is (XEP-0156 §3). */
import { parseHostMeta } from "../protocol/xep-0156-host-meta.ts";

const TIMEOUT = 5_000;
const MAX_BYTES = 64_000;
const FILES = ["host-meta.json", "host-meta"];

/** The `wss://` addresses that `https://domain/.well-known/host-meta` names; none where it says nothing. Never rejects. */
export async function findWebSockets(
  domain: string,
  signal: AbortSignal,
  get: typeof fetch = fetch,
): Promise<string[]> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT)]);
  for (const file of FILES) {
    const url = URL.parse(`https://${domain}/.well-known/${file}`);
    if (!url) return [];
    try {
      // Who else it may be that we are sent to, the domain has not said.
      const response = await get(url, { signal: limit, redirect: "error" });
      const found = response.ok ? parseHostMeta(await readText(response)) : [];
      if (found.length > 0) return found;
    } catch {
      // Most domains have none, or no web server: the next file may be there.
      if (limit.aborted) return [];
    }
  }
  return [];
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BYTES) return "";
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
