/** A person at a terminal: profanity in tmux, from the first word to a chat in a room. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Profanity, startProfanity } from "../support/profanity.ts";
import { BOTS, type Stage, dismissPairings, getStage, pairingCode } from "../support/stage.ts";

const ANSWER_MS = 30_000;

describe("a person on profanity", () => {
  let stage: Stage;
  let petra: Profanity;

  beforeAll(async () => {
    stage = await getStage();
    await dismissPairings(stage);
    const jid = await stage.prosody.register("petra", "petra");
    petra = await startProfanity({ jid, password: "petra", port: stage.prosody.ports.c2s });
  });
  afterAll(async () => {
    await petra?.stop();
  });

  it("gets a pairing code, is approved, and chats", async () => {
    await petra.type(`/msg ${BOTS.default} hello, agent`);
    const challenge = await petra.waitForScreen(/pairing approve xmpp \w+/, ANSWER_MS);
    expect(challenge).toContain("petra@localhost");
    expect(challenge).not.toContain("echo:");
    const approval = await stage.gateway.openclaw([
      "pairing",
      "approve",
      "xmpp",
      pairingCode(challenge),
    ]);
    expect(approval.code).toBe(0);
    await petra.waitForScreen(/approved/i, ANSWER_MS);
    await petra.type("how are you?");
    const screen = await petra.waitForScreen(/echo: how are you\?/, ANSWER_MS);
    expect(screen).toMatch(/bot@localhost.*: echo: how are you\?/);
  });

  it("joins a room and is answered there when it mentions the agent", async () => {
    await petra.type(`/join ${stage.rooms.team} nick petra`);
    await petra.waitForScreen(/You have joined the room as petra/);
    await petra.type("nobody in particular");
    await petra.type("bot: good morning");
    const screen = await petra.waitForScreen(/echo: good morning/, ANSWER_MS);
    expect(screen).toMatch(/\bbot: echo: good morning/);
    expect(screen).toContain("nobody in particular");
    expect(screen).not.toContain("echo: nobody");
  });
});
