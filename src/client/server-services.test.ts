import { Element } from "ltx";
import { expect, test } from "vitest";
import { createFakeLog } from "../../test/support/fake-session.ts";
import { XmppStanzaError } from "../errors.ts";
import type { BareJid } from "../protocol/jid.ts";
import {
  DISCO_INFO,
  encodeDiscoInfo,
  encodeDiscoItems,
  type DiscoInfo,
  type DiscoItem,
} from "../protocol/xep-0030-disco.ts";
import { HTTP_UPLOAD } from "../protocol/xep-0363-http-upload.ts";
import { createServerServices, isRoom } from "./server-services.ts";
import type { ConnectionState, XmppSession } from "./types.ts";

/** What each address says it is, as "category/type"; others are not found. */
type World = Record<string, string>;

function createServer(world: World, items: string[] = []) {
  const asked: string[] = [];
  let listener: ((state: ConnectionState) => void) | undefined;
  const session = {
    onState: (added: (state: ConnectionState) => void) => {
      listener = added;
      return () => (listener = undefined);
    },
    request: async (iq: Element) => {
      const to = String(iq.attrs["to"]);
      const query = iq.getChildElements()[0];
      asked.push(to);
      const result = new Element("iq", { type: "result" });
      if (query?.getNS() !== DISCO_INFO) {
        const all = items.map((jid) => ({ jid }) as DiscoItem);
        result.append(encodeDiscoItems(all));
        return result;
      }
      const said = world[to];
      if (said === undefined) throw new XmppStanzaError("cancel", "item-not-found");
      if (said === "silent") throw new XmppStanzaError("cancel", "service-unavailable");
      const [category = "", type = "", ...features] = said.split("/");
      const isUpload = features.includes("upload");
      const field = { name: "max-file-size", values: ["1000"] };
      result.append(
        encodeDiscoInfo({
          identities: [{ category, type }],
          features: isUpload ? [HTTP_UPLOAD] : [],
          forms: isUpload ? [{ formType: HTTP_UPLOAD, fields: [field] }] : [],
        } as DiscoInfo),
      );
      return result;
    },
  } as unknown as XmppSession;
  const goOnline = (resumed = false) =>
    listener?.({ kind: "online", facts: { resumed } } as ConnectionState);
  return { session, asked, goOnline };
}

const ROOMS = { "rooms.example": "conference/text", "irc.example": "conference/irc" };

test("room services are what the server lists and what says so itself, never the server's own domain", async () => {
  const world = {
    ...ROOMS,
    example: "conference/text",
    "upload.example": "store/file",
    "mute.example": "silent",
  };
  const items = [...Object.keys(world), "team@rooms.example", "gone.example"];
  const { session, goOnline, asked } = createServer(world, items);
  const services = createServerServices(session, "example", createFakeLog());
  expect([...services.roomServices()]).toEqual([]);
  goOnline();
  await services.settled();
  expect([...services.roomServices()]).toEqual(["rooms.example"]);
  const { length } = asked;
  goOnline(true);
  await services.settled();
  expect(asked).toHaveLength(length);
});

test("files go to the first service that the server lists for them", async () => {
  const world = { ...ROOMS, "a.example": "store/file/upload", "b.example": "store/file/upload" };
  const { session, goOnline } = createServer(world, Object.keys(world));
  const services = createServerServices(session, "example", createFakeLog());
  expect(services.uploadService()).toBeUndefined();
  goOnline();
  await services.settled();
  expect(services.uploadService()).toEqual({ jid: "a.example", maxFileSize: 1000 });
});

test.each<[string, World, boolean]>([
  ["team@rooms.example", { "team@rooms.example": "conference/text" }, true],
  ["new@rooms.example", ROOMS, true],
  ["#channel@irc.example", ROOMS, false],
  ["mallory@example", { "mallory@example": "account/registered", example: "server/im" }, false],
  ["nobody@example", { example: "server/im" }, false],
  ["mute@example", { "mute@example": "silent", example: "conference/text" }, false],
  ["team@gone.example", {}, false],
])("%s in %j is a room: %s", async (jid, world, expected) => {
  expect(await isRoom(createServer(world).session, jid as BareJid)).toBe(expected);
});
