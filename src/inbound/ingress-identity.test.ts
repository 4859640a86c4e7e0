/** Who matches which allowlist entry, as the host's own resolver decides it. */
import { resolveChannelMessageIngress } from "openclaw/plugin-sdk/channel-ingress-runtime";
import { expect, it } from "vitest";
import { parseJid, type BareJid } from "../protocol/jid.ts";
import { ingressSubject, xmppIngressIdentity } from "./ingress-identity.ts";
import type { Sender } from "./sender.ts";

async function isLetIn(sender: Sender, allowFrom: string[]): Promise<boolean> {
  const { ingress } = await resolveChannelMessageIngress({
    channelId: "xmpp",
    accountId: "default",
    identity: xmppIngressIdentity,
    subject: ingressSubject(sender),
    conversation: { kind: "direct", id: sender.id },
    event: { kind: "message", authMode: "inbound", mayPair: false },
    policy: {
      dmPolicy: "allowlist",
      groupPolicy: "disabled",
      minIdentifierAuthentication: "asserted",
    },
    allowFrom,
    groupAllowFrom: [],
    readStoreAllowFrom: async () => [],
  });
  return ingress.admission === "dispatch";
}

function person(address: string): Sender {
  const jid = parseJid(address)?.bare as BareJid;
  return { id: jid, jid, peer: jid, label: jid };
}

it.each([
  ["alice@example.com", "alice@example.com"],
  ["Alice@EXAMPLE.com/phone", "alice@example.com"],
  ["alice@example.com", "xmpp:ALICE@Example.Com"],
  ["alice@example.com", "*@example.com"],
  ["alice@example.com", "*"],
  ["zoë@bücher.example", "zoe\u0308@xn--bcher-kva.example"],
  ["a*b@example.com", "*@example.com"],
])("%s is let in by %s", async (sender, entry) => {
  expect(await isLetIn(person(sender), [entry])).toBe(true);
});

it.each([
  ["malice@example.com", "alice@example.com"],
  ["alice@example.com.evil.net", "alice@example.com"],
  ["alice@evil.net", "alice@example.com"],
  ["alic@example.com", "alice@example.com"],
  ["alice@example.co", "alice@example.com"],
  ["bob@example.com/alice@example.com", "alice@example.com"],
  ["\u0430lice@example.com", "alice@example.com"],
  ["alice@ex\u0430mple.com", "alice@example.com"],
  ["alice@sub.example.com", "*@example.com"],
  ["alice@notexample.com", "*@example.com"],
  ["example.com@evil.net", "*@example.com"],
  ["alice@example.com", "alice@example.com/phone"],
  ["alice@example.com", "example.com"],
  ["alice@example.com", "a*@example.com"],
  ["alice@example.com", ""],
])("%s is not let in by %s", async (sender, entry) => {
  expect(await isLetIn(person(sender), [entry])).toBe(false);
});

it.each(["alice@example.com", "room@chat.example/alice@example.com", "*@example.com"])(
  "a nick is let in by no entry: %s",
  async (entry) => {
    const id = "room@chat.example/alice@example.com";
    const masked: Sender = { id, jid: undefined, peer: "room@chat.example#1", label: "alice" };
    expect(await isLetIn(masked, [entry])).toBe(false);
    const posing = { ...masked, id: "alice@example.com" };
    expect(await isLetIn(posing, [entry])).toBe(false);
  },
);
