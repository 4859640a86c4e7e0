/** Where the server is: asked only where neither DNS nor host-meta tells, or nobody answers there. */
import type { WizardPrompter } from "openclaw/plugin-sdk/setup";
import { addressOf, parseServer } from "../../client/endpoint.ts";
import type { Endpoint, ServerAddress } from "../../client/types.ts";
import { messageOf } from "../../errors.ts";
import type { Network } from "./network.ts";

export type Located = {
  /** As it goes into the configuration; undefined: DNS finds it. */
  text: string | undefined;
  server: ServerAddress;
  endpoints: Endpoint[];
};

const LOCATE_MS = 20_000;

/** @param current the `server` that is set; it is looked at first */
export async function locateServer(
  prompter: Pick<WizardPrompter, "progress" | "note" | "text">,
  network: Network,
  domain: string,
  current: string | undefined,
): Promise<Located> {
  const progress = prompter.progress(`Looking for the server of ${domain}`);
  const signal = AbortSignal.timeout(LOCATE_MS);
  const tried: string[] = [];
  const look = async (text: string | undefined): Promise<Located | undefined> => {
    const server = parseServer(text, domain);
    if ("problem" in server) return undefined;
    try {
      const endpoints = await network.resolve(server, signal);
      if (await network.canReach(endpoints, signal)) return { text, server, endpoints };
      tried.push(`nobody answers at ${endpoints.map(addressOf).slice(0, 4).join(", ")}`);
    } catch (error) {
      tried.push(messageOf(error));
    }
    return undefined;
  };
  let found = await look(current);
  if (!found && current === undefined) {
    for (const url of (await network.findWebSockets(domain, signal)).slice(0, 2)) {
      found ??= await look(url);
    }
  }
  if (found) {
    const where = found.text ?? found.endpoints.map(addressOf).slice(0, 3).join(", ");
    progress.stop(`Server of ${domain}: ${where}`);
    return found;
  }
  progress.stop(`Server of ${domain}: not found`);
  await prompter.note(
    `${[...new Set(tried)].join("; ")}.\nName the server's address, or check the spelling of the domain and that the server runs.`,
    "No server",
  );
  return await askServer(prompter, network, domain, current);
}

/** Asks for the address; takes any that can be one, whether or not somebody answers there. */
export async function askServer(
  prompter: Pick<WizardPrompter, "text">,
  network: Network,
  domain: string,
  current: string | undefined,
): Promise<Located> {
  const written = await prompter.text({
    message: "Server address (empty: found by DNS)",
    placeholder: "chat.example.com, host:port, xmpps://… or wss://…",
    ...(current === undefined ? {} : { initialValue: current }),
    validate: (value) => {
      const server = parseServer(value, domain);
      return "problem" in server ? server.problem : undefined;
    },
  });
  const text = written.trim() || undefined;
  const server = parseServer(text, domain);
  if ("problem" in server) throw new TypeError(server.problem); // `validate` has said it already
  const endpoints = await network
    .resolve(server, AbortSignal.timeout(LOCATE_MS))
    // The test says it again, and what to do.
    .catch((): Endpoint[] => []);
  return { text, server, endpoints };
}
