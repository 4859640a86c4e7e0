/** What is fetched from Prosody's upload service. */
import type { Prosody } from "./prosody.ts";

/** Counts from now on. @returns how often a file with that in its URL was asked for */
export async function watchDownloads(prosody: Prosody): Promise<(part: string) => Promise<number>> {
  const watch = `require "net.http.server".add_handler("GET /file_share/*", function(event) table.insert(prosody.downloads, event.request.path) end, 1000)`;
  await prosody.shell(`> (function() prosody.downloads = {}; ${watch}; return "watching" end)()`);
  return async (part) => {
    const printed = await prosody.shell(`> table.concat(prosody.downloads, " ")`);
    return printed.split(part).length - 1;
  };
}
