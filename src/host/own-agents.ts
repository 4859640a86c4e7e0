/**
 * `dynamicAgentCreation`: everybody whom the DM policy admits gets an agent of their own, by a change of the host's
 * configuration: an entry in `agents` and a binding. Nobody who has none is let in to somebody else's.
 */
import { resolveChannelConfigWrites } from "openclaw/plugin-sdk/channel-config-helpers";
import type { OpenClawConfig, PluginRuntime } from "openclaw/plugin-sdk/channel-core";
import { resolveAgentRoute } from "openclaw/plugin-sdk/routing";
import { sleepWithAbort } from "openclaw/plugin-sdk/runtime-env";
import { createTurns } from "../client/turns.ts";
import type { Logger } from "../client/types.ts";
import { messageOf } from "../errors.ts";
import { isEverybodys, type OwnAgents } from "../inbound/own-agent.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import {
  AGENTS_PER_MINUTE,
  dynamicAgentId,
  fillTemplate,
  isDynamicAgentId,
  waitForNextAgent,
  type DynamicAgents,
} from "../policy/dynamic-agents.ts";
import type { BareJid } from "../protocol/jid.ts";
import { resolveAccount } from "./account.ts";

/** How long the host may take to publish what was written, ms. */
const PUBLISHED_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 50;
const ATTEMPTS = 3;

/** One after the other: each reads what the one before has written. All accounts write the same file. */
const inTurn = createTurns();
/** When agents were made last, ms. */
const madeByAll: number[] = [];

class Refused extends Error {
  readonly reason: string;
  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }
}

export function createOwnAgents(params: {
  accountId: string;
  runtime: PluginRuntime;
  log: Logger;
  made?: number[];
}): OwnAgents {
  const { accountId, runtime, log, made = madeByAll } = params;
  const current = () => runtime.config.current() as OpenClawConfig;

  async function make(jid: BareJid): Promise<string> {
    const { result } = await runtime.config.mutateConfigFile({
      base: "source",
      afterWrite: { mode: "auto" },
      mutate: (draft) => {
        // What is decided by is what is published, what is changed is what the operator wrote.
        const settings = assertMayMake(current(), draft, accountId);
        const agentId = dynamicAgentId(accountId, jid);
        addAgent(draft, agentId, settings, jid);
        const peer = { kind: "direct" as const, id: jid };
        const match = { channel: CHANNEL_ID, accountId, peer };
        const isSame = (one: unknown) => JSON.stringify(one) === JSON.stringify(match);
        if (!(draft.bindings ?? []).some((one) => isSame(one.match))) {
          draft.bindings = [...(draft.bindings ?? []), { agentId, match }];
        }
        return agentId;
      },
    });
    return result ?? dynamicAgentId(accountId, jid);
  }

  async function makeWithRetry(jid: BareJid): Promise<string> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await make(jid);
      } catch (error) {
        if (error instanceof Refused || attempt === ATTEMPTS) throw error;
        log.debug?.(`the configuration could not be written, again: ${messageOf(error)}`);
      }
    }
  }

  /** @throws Error the host does not publish it */
  async function published(jid: BareJid): Promise<OpenClawConfig> {
    const until = Date.now() + PUBLISHED_WITHIN_MS;
    for (;;) {
      const cfg = current();
      if (!isUnbound(cfg, accountId, jid)) return cfg;
      if (Date.now() > until) throw new Error(`the agent of ${jid} is written, but not in effect`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  /** Many whom policy admits must not have the configuration written all the time. */
  async function waitForTurn(jid: BareJid, signal: AbortSignal): Promise<void> {
    const waitMs = waitForNextAgent(made, Date.now());
    if (waitMs === 0) return;
    const seconds = Math.ceil(waitMs / 1000);
    log.info(
      `${jid} waits ${seconds} s for an agent: ${AGENTS_PER_MINUTE} are made a minute; see docs/operations.md`,
    );
    await sleepWithAbort(waitMs, signal);
  }

  return {
    async provide(jid, signal, isAdmitted) {
      // Who has been given one by the operator does not wait in line.
      if (!isUnbound(current(), accountId, jid)) return { cfg: current() };
      return await inTurn(async () => {
        signal.throwIfAborted();
        if (!isUnbound(current(), accountId, jid) || !(await isAdmitted())) {
          return { cfg: current() };
        }
        try {
          assertMayMake(current(), current(), accountId);
          await waitForTurn(jid, signal);
          if (!(await isAdmitted())) return { cfg: current() };
          made.push(Date.now());
          made.splice(0, made.length - AGENTS_PER_MINUTE);
          const agentId = await makeWithRetry(jid);
          log.info(`${jid} has an agent of their own: ${agentId}`);
        } catch (error) {
          if (error instanceof Refused) return { refused: error.reason };
          throw error;
        }
        return { cfg: await published(jid) };
      });
    },
  };
}

function isUnbound(cfg: OpenClawConfig, accountId: string, jid: BareJid): boolean {
  const peer = { kind: "direct" as const, id: jid };
  return isEverybodys(resolveAgentRoute({ cfg, channel: CHANNEL_ID, accountId, peer }).matchedBy);
}

/** @throws Refused */
function assertMayMake(
  cfg: OpenClawConfig,
  draft: OpenClawConfig,
  accountId: string,
): DynamicAgents {
  const settings = resolveAccount(cfg, accountId).dynamicAgents;
  if (!settings?.enabled) throw new Refused("dynamicAgentCreation was switched off");
  if (!resolveChannelConfigWrites({ cfg, channelId: CHANNEL_ID, accountId })) {
    throw new Refused("channels.xmpp.configWrites is false");
  }
  const made = rosterOf(draft).filter(isDynamicAgentId).length;
  if (made >= settings.maxAgents) {
    throw new Refused(`there are ${made} already (dynamicAgentCreation.maxAgents)`);
  }
  return settings;
}

function rosterOf({ agents }: OpenClawConfig): string[] {
  if (agents?.entries) return Object.keys(agents.entries);
  return (agents?.list ?? []).map(({ id }) => id);
}

/** The agent that there is when none is configured. */
const IMPLICIT_AGENT = "main";

/**
 * Adds the agent, and leaves whoever answered everybody until now their owner: of one agent alone the host takes it
 * for everybody's, and of several it wants to know which (`agents.defaults.systemAgent`).
 */
function addAgent(
  draft: OpenClawConfig,
  agentId: string,
  { agentDirTemplate, workspaceTemplate }: DynamicAgents,
  jid: BareJid,
): void {
  const before = rosterOf(draft);
  if (before.includes(agentId)) return;
  const entry = {
    workspace: fillTemplate(workspaceTemplate, agentId, jid),
    agentDir: fillTemplate(agentDirTemplate, agentId, jid),
  };
  const { entries, list, ...agents } = draft.agents ?? {};
  if (list && !entries) {
    draft.agents = { ...agents, list: [...list, { id: agentId, ...entry }] };
    return;
  }
  const owner = before.length === 0 ? IMPLICIT_AGENT : before.length === 1 ? before[0] : undefined;
  const known = before.length === 0 ? { [IMPLICIT_AGENT]: {} } : entries;
  draft.agents = {
    ...agents,
    ownership: "explicit",
    entries: { ...known, [agentId]: entry },
    defaults: {
      ...agents.defaults,
      ...(owner !== undefined && !agents.defaults?.systemAgent?.agentId
        ? { systemAgent: { ...agents.defaults?.systemAgent, agentId: owner } }
        : {}),
    },
  };
}
