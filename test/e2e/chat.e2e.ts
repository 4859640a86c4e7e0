/** A person chats with the agent: the DM and pairing journey, with slixmpp as the person. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectSilence, type SlixmppClient } from "../support/slixmpp.ts";
import { BOTS, dismissPairings, getStage, pairingCode, type Stage } from "../support/stage.ts";

describe("a stranger gets paired", () => {
  let stage: Stage;
  let dora: SlixmppClient;
  let alice: SlixmppClient;

  beforeAll(async () => {
    stage = await getStage();
    await dismissPairings(stage);
    [dora, alice] = await Promise.all([stage.person("dora"), stage.person("alice")]);
  });
  afterAll(async () => {
    await Promise.all([dora.stop(), alice.stop()]);
  });

  it("by one code, then silence, then an approval of which they are told", async () => {
    const asked = stage.model.requests.length;
    await dora.send({ to: BOTS.default, body: "let me in" });
    const challenge = await dora.waitForBody(BOTS.default);
    const code = pairingCode(challenge.body);
    expect(challenge.body).toContain("dora@localhost");

    const since = dora.stanzas.length;
    await dora.send({ to: BOTS.default, body: "hello? anybody?" });
    await expectSilence({
      client: dora,
      since,
      breaks: (stanza) => stanza.event === "message" && stanza.body !== undefined,
      marker: async (text) => {
        const from = alice.stanzas.length;
        await alice.send({ to: BOTS.listed, body: text });
        await alice.waitForBody(BOTS.listed, { since: from, timeoutMs: 90_000 });
      },
    });
    expect(stage.model.requests.slice(asked).map(({ userText }) => userText)).not.toContain(
      "let me in",
    );

    const list = await stage.gateway.openclaw(["pairing", "list", "xmpp"]);
    expect(list.stdout).toContain("dora@localhost");
    expect(list.stdout).toContain(code);
    const approval = await stage.gateway.openclaw(["pairing", "approve", "xmpp", code]);
    expect(approval.code).toBe(0);
    await dora.waitFor(({ body }) => body?.includes("approved") ?? false, {
      since,
      timeoutMs: 90_000,
    });

    const before = dora.stanzas.length;
    await dora.send({ to: BOTS.default, body: "how are you, agent?" });
    const answer = await dora.waitForBody(BOTS.default, { since: before, timeoutMs: 90_000 });
    expect(answer.body).toBe("echo: how are you, agent?");
    expect(answer.xml).toContain("urn:xmpp:sid:0");
    const approvals = dora.stanzas.filter(({ body }) => /approved/.test(body ?? ""));
    expect(approvals).toHaveLength(1);
  });
});
