/** An agent of their own for everybody who writes directly: what it is called, and where it lives. */
import { createHash } from "node:crypto";
import type { BareJid } from "../protocol/jid.ts";

export type DynamicAgents = {
  enabled: boolean;
  /** Paths with `{agentId}` or `{userId}` in them; `~` is the host's to resolve. */
  workspaceTemplate: string;
  agentDirTemplate: string;
  /** Of all accounts together. */
  maxAgents: number;
};

export const DEFAULT_DYNAMIC_AGENTS: Readonly<DynamicAgents> = {
  enabled: false,
  workspaceTemplate: "~/.openclaw/workspace-{agentId}",
  agentDirTemplate: "~/.openclaw/agents/{agentId}/agent",
  maxAgents: 100,
};

/** Of all accounts together: for each the host's configuration is written and read anew. */
export const AGENTS_PER_MINUTE = 6;

const MINUTE_MS = 60_000;

/** How long the next agent has to wait. `made`: when the ones before it were, ms, the latest last. */
export function waitForNextAgent(made: readonly number[], now: number): number {
  const first = made.at(-AGENTS_PER_MINUTE);
  // A clock that was set back must not keep anybody waiting: the future counts as past.
  return first === undefined || first > now ? 0 : Math.max(0, first + MINUTE_MS - now);
}

const PREFIX = "xmpp-";
const DIGEST = 20;
const MAX_LABEL = 24;
const OURS = new RegExp(`^${PREFIX}[a-z0-9-]*-[0-9a-f]{${DIGEST}}$`);
const MAX_USER_ID = 120;

/**
 * Always the same for a person and an account, never that of another: 80 bits of a digest decide, the name before
 * them is for people who read it. Fits the host's rule: `[a-z0-9][a-z0-9_-]{0,63}`.
 */
export function dynamicAgentId(accountId: string, jid: BareJid): string {
  const local = jid.split("@")[0] ?? "";
  const label = local.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "");
  return `${PREFIX}${label.slice(0, MAX_LABEL) || "user"}-${digest(`${accountId}\0${jid}`)}`;
}

/** Whether an agent is one of those that are made here. */
export const isDynamicAgentId = (agentId: string): boolean => OURS.test(agentId);

/** Whether a template gives everybody a place of their own. */
export const isPersonal = (template: string): boolean => /\{agentId\}|\{userId\}/.test(template);

/** The person's name is percent-encoded: it must not leave its folder, nor look like somebody else's. */
export function fillTemplate(template: string, agentId: string, jid: BareJid): string {
  const encoded = encodeURIComponent(jid).replaceAll("%40", "@");
  const userId = encoded.length > MAX_USER_ID ? digest(jid) : encoded;
  return template.replaceAll("{agentId}", agentId).replaceAll("{userId}", userId);
}

const digest = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, DIGEST);
