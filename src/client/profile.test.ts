/** What the server is told of a profile, and what is left alone. */
import { parse, type Element } from "ltx";
import { describe, expect, it } from "vitest";
import { createFakeLog, createFakeSession } from "../../test/support/fake-session.ts";
import { XmppStanzaError } from "../errors.ts";
import {
  createProfilePublisher,
  encodePhoto,
  type Profile,
  type ProfileOptions,
} from "./profile.ts";

const PNG = Buffer.from("a picture");
/** SHA-1 of the above, by sha1sum. */
const PNG_ID = "1d1e5c382d544d695a9e2b884cf7d1ce12d94384";
const avatar = { png: PNG, width: 64, height: 64 };

const settle = async () => {
  for (let turn = 0; turn < 40; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** A server that keeps a vCard and the nodes, and refuses what `refuse` says. */
function open(first: Profile | undefined) {
  const session = createFakeSession();
  const log = createFakeLog();
  const stored = { vCard: undefined as Element | undefined, nodes: new Map<string, Element>() };
  const sets: string[] = [];
  const refusals = new Map<string, string>();
  const closed = new Set<string>();
  let profile = first;
  let photos = 0;
  type Published = ReturnType<ProfileOptions["published"]["get"]>;
  let published: Published;

  session.request = async (iq) => {
    const isSet = iq.attrs["type"] === "set";
    const vCard = iq.getChild("vCard");
    const query = iq.getChild("pubsub")?.getChildElements()[0];
    const node = vCard ? "vcard-temp" : String(query?.attrs["node"]);
    const refusal = refusals.get(node);
    if (refusal !== undefined) throw new XmppStanzaError("cancel", refusal);
    if (query?.getName() === "configure") closed.delete(node);
    else if (closed.has(node)) throw new XmppStanzaError("cancel", "conflict");
    if (isSet) sets.push(node);
    if (vCard && isSet) stored.vCard = vCard;
    const item = query?.getName() === "publish" ? query.getChild("item") : undefined;
    if (item) stored.nodes.set(node, item);
    if (isSet) return parse("<iq type='result'/>");
    const found = vCard ? stored.vCard : stored.nodes.get(node);
    if (!found) throw new XmppStanzaError("cancel", "item-not-found");
    const payload = vCard
      ? found.toString()
      : `<pubsub xmlns="http://jabber.org/protocol/pubsub"><items node="${node}">${found.toString()}</items></pubsub>`;
    return parse(`<iq type="result">${payload}</iq>`);
  };
  const publisher = createProfilePublisher({
    session,
    log,
    readProfile: async () => profile,
    published: { get: () => published, set: (_, entry) => void (published = entry) },
    onReady: (listener) =>
      session.onState((state) => {
        if (state.kind === "online") listener();
      }),
    onPhoto: () => void (photos += 1),
  });
  return {
    publisher,
    session,
    log,
    stored,
    refusals,
    closed,
    photos: () => photos,
    presence: () => encodePhoto(published).map(String).join(""),
    text: (name: string) => stored.vCard?.getChildText(name) ?? undefined,
    node: (name: string) => stored.nodes.get(name)?.toString(),
    choose: (next: Profile) => void (profile = next),
    /** What a login writes. */
    async login(next: Profile | undefined = profile) {
      profile = next;
      sets.length = 0;
      session.goOffline();
      session.goOnline();
      await settle();
      return [...sets];
    },
  };
}

const VCARD4 = "urn:xmpp:vcard4";
const DATA = "urn:xmpp:avatar:data";
const METADATA = "urn:xmpp:avatar:metadata";
const NICK = "http://jabber.org/protocol/nick";

describe("a profile", () => {
  it("is written once, and again only what has changed", async () => {
    const server = open({ name: "Puck", note: "An agent", url: "https://puck.example", avatar });
    expect(await server.login()).toEqual(["vcard-temp", VCARD4, DATA, METADATA, NICK]);
    expect(server.text("FN")).toBe("Puck");
    expect(server.stored.vCard?.getChild("PHOTO")?.getChildText("BINVAL")).toBe(
      PNG.toString("base64"),
    );
    expect(server.node(VCARD4)).toContain("<uri>https://puck.example</uri>");
    expect(server.node(METADATA)).toContain(`id="${PNG_ID}"`);
    expect(server.node(NICK)).toContain(">Puck</nick>");
    expect(await server.login()).toEqual([]);
    expect(await server.login({ name: "Puck", note: "New", avatar })).toEqual([
      "vcard-temp",
      VCARD4,
    ]);
    expect(server.text("DESC")).toBe("New");
    expect(server.text("URL")).toBeUndefined();
    expect(server.node(VCARD4)).not.toContain("puck.example");
  });

  it("is published at once where it is asked for, and it is said what was not", async () => {
    const server = open({ name: "Puck" });
    await server.login();
    server.choose({ name: "Ariel" });
    await server.publisher.publish();
    expect(server.text("FN")).toBe("Ariel");
    server.refusals.set(NICK, "forbidden");
    server.choose({ name: "Robin" });
    await expect(server.publisher.publish()).rejects.toThrow(/nick was not published: .*forbidden/);
    expect(server.text("FN")).toBe("Robin");
  });

  it("is told in presence by the hash of its photo, at once", async () => {
    const server = open({ name: "Puck", avatar });
    expect(server.presence()).toBe("");
    await server.login();
    expect(server.presence()).toContain(`<photo>${PNG_ID}</photo>`);
    expect(server.photos()).toBe(1);
    await server.login({ name: "Puck" });
    expect(server.presence()).toContain("<photo/>");
    expect(server.photos()).toBe(2);
    expect(server.stored.vCard?.getChild("PHOTO")).toBeUndefined();
    expect(server.node(METADATA)).not.toContain("<info");
  });

  it("leaves what others wrote", async () => {
    const server = open({ name: "Puck" });
    server.stored.vCard = parse(
      "<vCard xmlns='vcard-temp'><FN>Old</FN><TEL><NUMBER>1</NUMBER></TEL><URL>https://a.example</URL><PHOTO><BINVAL>AAAA</BINVAL></PHOTO></vCard>",
    );
    await server.login();
    expect(server.text("FN")).toBe("Puck");
    expect(server.text("URL")).toBe("https://a.example");
    expect(String(server.stored.vCard)).toContain("<NUMBER>1</NUMBER>");
    expect(String(server.stored.vCard)).toContain("<BINVAL>AAAA</BINVAL>");
    expect(server.node(METADATA)).toBeUndefined();
    expect(server.presence()).toBe("");
  });

  it("keeps the avatar that is there while another cannot be read", async () => {
    const server = open({ name: "Puck", avatar });
    await server.login();
    expect(await server.login({ name: "Robin", avatar: "unknown" })).toEqual([
      "vcard-temp",
      VCARD4,
      NICK,
    ]);
    expect(server.presence()).toContain(PNG_ID);
    expect(server.stored.vCard?.getChild("PHOTO")).toBeDefined();
    await server.login({ name: "Robin" });
    expect(server.stored.vCard?.getChild("PHOTO")).toBeUndefined();
  });

  it("is written part by part: what a server does not take is tried again later", async () => {
    const server = open({ name: "Puck", avatar });
    server.refusals.set(VCARD4, "service-unavailable");
    server.refusals.set("vcard-temp", "not-allowed");
    expect(await server.login()).toEqual([DATA, METADATA, NICK]);
    expect(server.presence()).toBe("");
    server.refusals.clear();
    expect(await server.login()).toEqual(["vcard-temp", VCARD4]);
  });

  it("opens a node that was for contacts alone", async () => {
    const server = open({ name: "Puck" });
    server.closed.add(NICK);
    await server.login();
    expect(server.node(NICK)).toContain("Puck");
  });

  it("is not written where nobody wants it, or after the stop", async () => {
    const server = open(undefined);
    expect(await server.login()).toEqual([]);
    server.publisher.stop();
    expect(await server.login({ name: "Puck" })).toEqual([]);
    expect(server.session.listenerCount()).toBe(0);
  });
});
