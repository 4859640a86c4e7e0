import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { describe, expect, it } from "vitest";
import { agentPrompt } from "./agent-prompt.ts";

const asked = (keys: object) => ({
  cfg: {
    channels: { xmpp: { jid: "bot@chat.example", password: "secret", ...keys } },
  } as OpenClawConfig,
});

describe("what the agent is told of XMPP", () => {
  it("targets, mentions and files, whatever it may do besides", () => {
    const hints = agentPrompt.messageToolHints?.(asked({ actions: { polls: false } })).join("\n");
    expect(hints).toMatch(/room@service\/nick/);
    expect(hints).toMatch(/nick at the beginning/);
    expect(hints).toMatch(/`media`/);
    expect(hints).not.toMatch(/poll|kick|set-presence/);
  });

  it("how to do what it may do, and nothing of what it may not", () => {
    const actions = { moderation: true, presence: true, reactions: false };
    const params = asked({ actions });
    const hints = agentPrompt.messageToolHints?.(params).join("\n");
    expect(hints).toMatch(/`kick`/);
    expect(hints).toMatch(/`set-presence`/);
    expect(agentPrompt.reactionGuidance?.(params)).toBeUndefined();
    expect(agentPrompt.reactionGuidance?.(asked({}))).toMatchObject({ level: "minimal" });
  });
});
