/** Who the account is and where its server is: JID, resource, nick and server, and what is wrong with them. */
import { isIP } from "node:net";
import { parseServer } from "../client/endpoint.ts";
import { isLoopback } from "../client/trust.ts";
import type { ServerAddress } from "../client/types.ts";
import { parseJid, prepareResource, type Jid } from "../protocol/jid.ts";
import type { ConfigProblem, KeyPath } from "./account-problems.ts";
import type { XmppAccountConfig } from "./config-schema.ts";

export const ENV_JID = "XMPP_JID";
const ENV_SERVER = "XMPP_SERVER";

function env(name: string): string | undefined {
  return process.env[name]?.trim() || undefined;
}

/** The account's JID as it was written: whole, or a user name that the older key `domain` completes. */
export function writtenJid(config: XmppAccountConfig, isDefault: boolean): string | undefined {
  const written = config.jid?.trim() || (isDefault ? env(ENV_JID) : undefined);
  const domain = config.domain?.trim();
  return written && domain && !written.includes("@") ? `${written}@${domain}` : written;
}

/** An account's bare JID, or what is wrong with `text` and what would be right. */
export function parseAccountJid(text: string): (Jid & { local: string }) | { problem: string } {
  const jid = parseJid(text);
  if (!jid?.local) {
    return { problem: `"${text}" is not an account's JID; it should look like "bot@example.com"` };
  }
  if (jid.resource !== undefined) {
    return {
      problem: `"${text}" holds a resource; write "${jid.bare}", and "${jid.resource}" as \`resource\``,
    };
  }
  return { ...jid, local: jid.local };
}

/** The prepared JID; undefined, with a problem, where it is none. */
export function resolveJid(
  config: XmppAccountConfig,
  isDefault: boolean,
  path: KeyPath,
  problems: ConfigProblem[],
): (Jid & { local: string }) | undefined {
  const written = writtenJid(config, isDefault);
  if (!written) {
    problems.push({
      path: path("jid"),
      problem: 'missing; set the agent\'s account, e.g. "bot@example.com"',
    });
    return undefined;
  }
  const jid = parseAccountJid(written);
  if ("problem" in jid) {
    problems.push({ path: path("jid"), problem: jid.problem });
    return undefined;
  }
  const domain = config.domain?.trim();
  if (domain && parseJid(domain)?.full !== jid.domain) {
    problems.push({
      path: path("domain"),
      problem: `"${domain}" is not the domain of ${jid.bare}; leave the key out, or set "${jid.domain}"`,
    });
    return undefined;
  }
  return jid;
}

/** Where to connect to; `serverText` is as the operator wrote it. */
export function resolveServer(
  config: XmppAccountConfig,
  isDefault: boolean,
  domain: string | undefined,
  path: KeyPath,
  problems: ConfigProblem[],
): { server: ServerAddress | undefined; serverText: string | undefined } {
  const written = config.server?.trim();
  const older = config.service?.trim();
  const serverText = written || older || (isDefault ? env(ENV_SERVER) : undefined);
  if (domain === undefined) return { server: undefined, serverText };
  const server = parseServer(serverText, domain);
  const problem =
    "problem" in server
      ? server.problem
      : unencryptedUrl(server, config.dangerouslyAllowPlaintext === true);
  if (problem) problems.push({ path: path(!written && older ? "service" : "server"), problem });
  return { server: "problem" in server ? undefined : server, serverText };
}

/** What speaks against a `ws://` URL before anything is connected; a host's name is judged by its address then. */
function unencryptedUrl(server: ServerAddress, allowed: boolean): string | undefined {
  if (server.kind === "discover" || server.endpoint.transport !== "websocket") return undefined;
  const { protocol, hostname } = new URL(server.endpoint.url);
  if (protocol !== "ws:") return undefined;
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  if (isIP(host) !== 0 && !isLoopback(host)) {
    return "ws:// is not encrypted, and this is no loopback address; use wss://";
  }
  return allowed
    ? undefined
    : "ws:// is not encrypted; use wss://, or on loopback only, `dangerouslyAllowPlaintext: true`";
}

/** A key that must be a resourcepart (RFC 7622 §3.4), prepared. */
export function resolveResource(
  text: string | undefined,
  fallback: string,
  path: string,
  problems: ConfigProblem[],
): string {
  const written = text?.trim();
  if (!written) return fallback;
  const resource = prepareResource(written);
  if (resource !== undefined) return resource;
  problems.push({
    path,
    problem: `${JSON.stringify(written.slice(0, 40))} cannot be one; at most 1023 bytes, without control characters (RFC 7622 §3.4)`,
  });
  return fallback;
}
