import { parse } from "ltx";
import { expect, test } from "vitest";
import { createFakeSession } from "../../test/support/fake-session.ts";
import { decodeDiscoInfo, decodeDiscoItems } from "../protocol/xep-0030-disco.ts";
import { decodeVersion } from "../protocol/xep-0092-version.ts";
import { capsNode, capsOf } from "../protocol/xep-0115-caps.ts";
import { decodeEntityTime } from "../protocol/xep-0202-time.ts";
import { botIdentity, registerResponders } from "./responders.ts";

const INFO = "http://jabber.org/protocol/disco#info";
const ITEMS = "http://jabber.org/protocol/disco#items";

function setUp() {
  const session = createFakeSession();
  const responders = registerResponders(session, {
    software: { name: "OpenClaw XMPP", version: "1.2.3" },
    identity: botIdentity("Claw"),
    features: ["urn:xmpp:sid:0", "urn:xmpp:ping"],
  });
  const ask = async (payload: string, type = "get") =>
    await session.ask(`<iq id="7" type="${type}" from="a@b.example/c">${payload}</iq>`);
  return { session, responders, ask };
}

function inIq(payload: string) {
  return parse(`<iq type="result">${payload}</iq>`);
}

test("disco#info tells the identity and each feature once", async () => {
  const info = decodeDiscoInfo(inIq(await setUp().ask(`<query xmlns="${INFO}"/>`)));
  expect(info?.identities).toEqual([{ category: "client", type: "bot", name: "Claw" }]);
  expect(info?.features).toEqual([
    "http://jabber.org/protocol/caps",
    "http://jabber.org/protocol/disco#info",
    "http://jabber.org/protocol/disco#items",
    "jabber:iq:version",
    "urn:xmpp:ping",
    "urn:xmpp:sid:0",
    "urn:xmpp:time",
  ]);
});

test("the caps in presence are the hash of what the announced node answers", async () => {
  const { responders, ask } = setUp();
  const node = capsNode(responders.caps);
  const info = decodeDiscoInfo(inIq(await ask(`<query xmlns="${INFO}" node="${node}"/>`)));
  expect(info?.node).toBe(node);
  expect(info && capsOf(info, responders.caps.node)).toEqual(responders.caps);
});

test("disco#items is an empty list", async () => {
  expect(decodeDiscoItems(inIq(await setUp().ask(`<query xmlns="${ITEMS}"/>`)))).toEqual([]);
});

test.each([INFO, ITEMS])("an unknown node of %s is not found", async (xmlns) => {
  expect(await setUp().ask(`<query xmlns="${xmlns}" node="other"/>`)).toBe("item-not-found");
});

test("the software version", async () => {
  const answer = await setUp().ask(`<query xmlns="jabber:iq:version"/>`);
  expect(decodeVersion(inIq(answer))).toEqual({ name: "OpenClaw XMPP", version: "1.2.3" });
});

test("the time, now", async () => {
  const time = decodeEntityTime(inIq(await setUp().ask(`<time xmlns="urn:xmpp:time"/>`)));
  expect(Math.abs((time?.utc ?? 0) - Date.now())).toBeLessThan(5_000);
});

test("a ping is answered by an empty result", async () => {
  const answer = parse(await setUp().ask(`<ping xmlns="urn:xmpp:ping"/>`));
  expect(answer.is("iq")).toBe(true);
  expect(answer.children).toEqual([]);
});

test.each([
  ["a set", `<query xmlns="${INFO}"/>`, "set"],
  ["another namespace", `<query xmlns="urn:x"/>`, "get"],
  ["nothing", "", "get"],
])("left to others: %s", async (_name, payload, type) => {
  expect(await setUp().ask(payload, type)).toBe("unanswered");
});

test("stop ends the answers", async () => {
  const { session, responders } = setUp();
  responders.stop();
  expect(session.listenerCount()).toBe(0);
});
