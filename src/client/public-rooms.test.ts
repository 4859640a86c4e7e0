import { parse, type Element } from "ltx";
import { describe, expect, it } from "vitest";
import { XmppStanzaError } from "../errors.ts";
import type { BareJid } from "../protocol/jid.ts";
import { askEntrance, listPublicRooms } from "./public-rooms.ts";
import type { Asker } from "./server-services.ts";

const ITEMS = "http://jabber.org/protocol/disco#items";

/** Answers by "to items" and "to info"; what is not there is refused. */
function server(answers: Record<string, string>): Asker {
  return {
    async request(iq: Element) {
      const query = iq.getChildElements()[0];
      const kind = query?.getNS() === ITEMS ? "items" : "info";
      const inside = answers[`${iq.attrs["to"]} ${kind}`];
      if (inside === undefined) throw new XmppStanzaError("cancel", "item-not-found");
      return parse(`<iq type='result'><query xmlns='${query?.getNS()}'>${inside}</query></iq>`);
    },
  };
}

const ROOMS = "<identity category='conference' type='text'/>";

describe("listPublicRooms", () => {
  it("lists the rooms of the server's room services, and what else they claim not", async () => {
    const found = await listPublicRooms(
      server({
        "example.com items":
          "<item jid='rooms.example.com'/><item jid='quiet.example.com'/><item jid='rooms.example.com' name='MUC'/><item jid='upload.example.com'/>",
        "rooms.example.com info": ROOMS,
        "quiet.example.com info": ROOMS,
        "upload.example.com info": "<identity category='store' type='file'/>",
        "rooms.example.com items":
          "<item jid='team@rooms.example.com' name=' The team '/><item jid='a@elsewhere.example'/><item jid='x@rooms.example.com/nick'/><item jid='rooms.example.com'/>",
      }),
      "example.com",
    );
    expect(found).toEqual({
      services: ["rooms.example.com", "quiet.example.com"],
      rooms: [{ jid: "team@rooms.example.com", name: "The team" }],
    });
  });

  it("lists at most 200", async () => {
    const many = Array.from({ length: 300 }, (_, n) => `<item jid='r${n}@rooms.example.com'/>`);
    const { rooms } = await listPublicRooms(
      server({
        "example.com items": "<item jid='rooms.example.com'/>",
        "rooms.example.com info": ROOMS,
        "rooms.example.com items": many.join(""),
      }),
      "example.com",
    );
    expect(rooms).toHaveLength(200);
  });
});

describe("askEntrance", () => {
  const room = "team@rooms.example.com" as BareJid;
  it.each([
    ["open", ROOMS],
    ["password", `${ROOMS}<feature var='muc_passwordprotected'/><feature var='muc_membersonly'/>`],
    ["members", `${ROOMS}<feature var='muc_membersonly'/>`],
    ["unknown", "<identity category='account' type='registered'/>"],
    ["missing", undefined],
  ])("%s", async (entrance, info) => {
    const answers = info === undefined ? {} : { [`${room} info`]: info };
    expect(await askEntrance(server(answers), room)).toBe(entrance);
  });

  it("is unknown where nobody answers", async () => {
    const silent: Asker = { request: () => Promise.reject(new Error("time-out")) };
    expect(await askEntrance(silent, room)).toBe("unknown");
  });
});
