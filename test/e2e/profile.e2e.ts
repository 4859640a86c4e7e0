/** Who the agent is, for everybody to see; and files within the stream itself. The person is slixmpp, the server Prosody. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "ltx";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { avatarId } from "../../src/protocol/xep-0084-avatar.ts";
import { startOwnStage, type OwnStage } from "../support/own-stage.ts";
import type { SlixmppClient } from "../support/slixmpp.ts";
import type { StubModel } from "../support/stub-model.ts";
import { waitFor } from "../support/wait.ts";

const BOT = "visible@localhost";
const DEVICE = `${BOT}/openclaw`;
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const IBB = "http://jabber.org/protocol/ibb";

let folder: string;
let stage: OwnStage;
let model: StubModel;
let alice: SlixmppClient;
let eve: SlixmppClient;
let room: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "avatar-"));
  writeFileSync(join(folder, "puck.png"), PNG);
  stage = await startOwnStage(BOT, async (prosody) => {
    room = await prosody.room("gallery");
    return {
      channel: {
        dmPolicy: "allowlist",
        allowFrom: ["alice@localhost"],
        rooms: [room],
        profile: {
          publish: true,
          name: "Puck",
          avatar: join(folder, "puck.png"),
          note: "An agent",
          url: "https://puck.example",
        },
      },
    };
  });
  ({ model } = stage);
  [alice, eve] = await Promise.all([stage.person("alice"), stage.person("eve")]);
  await alice.join(room, "alice");
}, 120_000);
beforeEach(() => {
  model.clear();
  model.setReply();
});
afterAll(async () => {
  await stage?.stop();
  rmSync(folder, { recursive: true });
});

describe("anybody", () => {
  const items = (node: string) =>
    `<pubsub xmlns="http://jabber.org/protocol/pubsub"><items node="${node}"/></pubsub>`;
  /** What stands in a node of the agent's account, once it is there. */
  const nodeOf = async (node: string, what: string) =>
    await waitFor(
      async () => {
        const { xml } = await eve.iq(BOT, "get", items(node));
        return xml.includes(what) ? xml : undefined;
      },
      { what: `${what} in ${node}`, timeoutMs: 90_000 },
    );

  it("sees the agent's name, its avatar and its vCard", async () => {
    await nodeOf("http://jabber.org/protocol/nick", "Puck");
    await nodeOf("urn:xmpp:vcard4", "https://puck.example");
    await nodeOf("urn:xmpp:avatar:metadata", avatarId(PNG));
    await nodeOf("urn:xmpp:avatar:data", PNG.toString("base64"));
    const { xml } = await eve.iq(BOT, "get", '<vCard xmlns="vcard-temp"/>');
    const vCard = parse(xml).getChild("vCard", "vcard-temp");
    expect(vCard?.getChildText("FN")).toBe("Puck");
    expect(vCard?.getChild("PHOTO")?.getChildText("BINVAL")?.replace(/\s/g, "")).toBe(
      PNG.toString("base64"),
    );
  });

  it("in a room hears of the photo with the agent's presence", async () => {
    const presence = await alice.waitFor(
      ({ event, from, xml }) =>
        event === "presence" && from === `${room}/bot` && xml.includes(avatarId(PNG)),
      { timeoutMs: 90_000 },
    );
    expect(parse(presence.xml).getChild("x", "vcard-temp:x:update")?.getChildText("photo")).toBe(
      avatarId(PNG),
    );
  });
});

describe("a file within the stream", () => {
  const offer = (sid: string) =>
    `<si xmlns="http://jabber.org/protocol/si" id="${sid}" profile="http://jabber.org/protocol/si/profile/file-transfer">
      <file xmlns="http://jabber.org/protocol/si/profile/file-transfer" name="notes.txt" size="${NOTES.length}"/>
      <feature xmlns="http://jabber.org/protocol/feature-neg"><x xmlns="jabber:x:data" type="form">
      <field var="stream-method" type="list-single"><option><value>${IBB}</value></option></field></x></feature></si>`;
  /** More blocks than anybody may ask questions. */
  const NOTES = Buffer.from("The quick brown fox. ".repeat(5_000));
  const BLOCK = 600;

  it("reaches the agent, which answers once", async () => {
    const since = alice.stanzas.length;
    model.setReply(() => "read it");
    const ask = async (payload: string) => await alice.iq(DEVICE, "set", payload);
    expect((await ask(offer("s1"))).type).toBe("result");
    expect((await ask(`<open xmlns="${IBB}" sid="s1" block-size="${BLOCK}"/>`)).type).toBe(
      "result",
    );
    for (let seq = 0; seq * BLOCK < NOTES.length; seq += 1) {
      const data = NOTES.subarray(seq * BLOCK, (seq + 1) * BLOCK).toString("base64");
      const { type } = await ask(`<data xmlns="${IBB}" sid="s1" seq="${seq}">${data}</data>`);
      expect(type).toBe("result");
    }
    expect((await ask(`<close xmlns="${IBB}" sid="s1"/>`)).type).toBe("result");
    await alice.waitFor(({ body }) => body === "read it", { since, timeoutMs: 90_000 });
    expect(JSON.stringify(model.requests[0]?.body)).toContain("The quick brown fox");
    expect(model.requests).toHaveLength(1);
  });

  it("of a stranger finds nobody who takes files", async () => {
    const told = async (payload: string) => {
      const { type, xml } = await eve.iq(DEVICE, "set", payload);
      const error = parse(xml).getChild("error");
      return [type, error?.attrs["type"], error?.getChildElements().map(String)];
    };
    expect(await told(offer("s2"))).toEqual(await told('<anything xmlns="urn:nobody:knows"/>'));
  });
});
