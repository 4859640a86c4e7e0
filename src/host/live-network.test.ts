/** Questions to the network, by the session of a running account. */
import { expect, it, vi } from "vitest";
import { createFakeSession } from "../../test/support/fake-session.ts";
import { XmppStanzaError } from "../errors.ts";
import type { FullJid } from "../protocol/jid.ts";
import { DISCO_INFO, DISCO_ITEMS } from "../protocol/xep-0030-disco.ts";
import { VCARD_TEMP } from "../protocol/xep-0054-vcard.ts";
import { PING } from "../protocol/xep-0199-ping.ts";
import { resolveAccount } from "./account.ts";
import type { LiveAccount } from "./live-accounts.ts";
import { discover, ping, readVCard, uploadFile } from "./live-network.ts";

const ANNA = "anna@example" as FullJid;

function setUp() {
  const session = createFakeSession();
  session.goOnline();
  const account = resolveAccount({
    channels: { xmpp: { jid: "bot@example", password: "secret", server: "localhost" } },
  } as Parameters<typeof resolveAccount>[0]);
  return { session, live: { account, session } as unknown as LiveAccount };
}

it("ping: the own server where nobody is named; an error is told", async () => {
  const { session, live } = setUp();
  session.onRequest(PING, '<iq type="result"/>');
  expect(await ping(live)).toEqual({ jid: "example", latencyMs: expect.any(Number) });
  expect(await ping(live, ANNA)).toMatchObject({ jid: ANNA });
  expect(session.takeSent()).toEqual([
    expect.stringContaining('to="example"'),
    expect.stringContaining(`to="${ANNA}"`),
  ]);
  session.onRequest(PING, new XmppStanzaError("cancel", "service-unavailable"));
  await expect(ping(live, ANNA)).rejects.toThrow("service-unavailable");
  session.goOffline();
  await expect(ping(live)).rejects.toThrow("not online");
});

it("disco: what it is and can, also where it lists nothing, and no more than can be read", async () => {
  const { session, live } = setUp();
  const features = Array.from({ length: 500 }, (_, n) => `<feature var="${n}"/>`).join("");
  const identity = '<identity category="conference" type="text" name="Rooms"/>';
  session.onRequest(
    DISCO_INFO,
    `<iq type="result"><query xmlns="${DISCO_INFO}">${identity}${features}</query></iq>`,
  );
  session.onRequest(DISCO_ITEMS, new XmppStanzaError("auth", "forbidden"));
  const found = await discover(live, ANNA, "n");
  expect(found).toMatchObject({
    jid: ANNA,
    node: "n",
    identities: [{ category: "conference", type: "text", name: "Rooms" }],
    items: [],
  });
  expect(found.features).toHaveLength(200);
  expect(session.takeSent().every((xml) => xml.includes('node="n"'))).toBe(true);
  session.onRequest(DISCO_INFO, '<iq type="result"/>');
  await expect(discover(live, ANNA)).rejects.toThrow("without saying what it is");
});

it("vcard: of somebody, and our own, without the picture itself", async () => {
  const { session, live } = setUp();
  session.onRequest(
    VCARD_TEMP,
    `<iq type="result"><vCard xmlns="${VCARD_TEMP}"><FN>Anna</FN><PHOTO><TYPE>image/png</TYPE><BINVAL>AAAA</BINVAL></PHOTO></vCard></iq>`,
  );
  expect(await readVCard(live, ANNA)).toEqual({
    jid: ANNA,
    fullName: "Anna",
    photo: { type: "image/png", bytes: 3 },
  });
  expect(await readVCard(live)).toMatchObject({ jid: "bot@example" });
  const [theirs, ours] = session.takeSent();
  expect(theirs).toContain(`to="${ANNA}"`);
  // XEP-0054 §3.1: our own server answers what is addressed to nobody.
  expect(ours).not.toContain("to=");
  session.onRequest(VCARD_TEMP, '<iq type="result"/>');
  await expect(readVCard(live, ANNA)).rejects.toThrow("has no vCard");
});

it("upload: a link is no file of this machine, and is not fetched", async () => {
  const service = vi.fn(async () => ({ jid: "upload.example" }));
  const live = { ...setUp().live, uploads: { service } } as unknown as LiveAccount;
  await expect(uploadFile(live, {}, "http://192.0.2.1/secret")).rejects.toThrow("only a file");
  expect(service).not.toHaveBeenCalled();
});
