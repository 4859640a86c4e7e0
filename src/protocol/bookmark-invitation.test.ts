import { parse } from "ltx";
import { expect, it } from "vitest";
import { decodeInvitationMark, encodeInvitationMark } from "./bookmark-invitation.ts";
import { bareJid, type BareJid } from "./jid.ts";

const room = bareJid("cave@rooms.example") as BareJid;
const by = bareJid("alice@example.com") as BareJid;
const bookmark = (extensions?: string) => ({
  room,
  autojoin: true,
  ...(extensions ? { extensions: parse(extensions) } : {}),
});
const NS = "https://www.npmjs.com/package/@openclaw/xmpp#invited";

it.each([true, false])("is read back (admitted: %s)", (admitted) => {
  const extensions = encodeInvitationMark({ by, admitted }).toString();
  expect(decodeInvitationMark(bookmark(extensions))).toEqual({ by, admitted });
});

it.each([
  undefined,
  "<extensions/>",
  `<extensions><invited xmlns="urn:other" by="${by}"/></extensions>`,
  `<extensions><invited xmlns="${NS}"/></extensions>`,
  `<extensions><invited xmlns="${NS}" by="@"/></extensions>`,
])("is not in %s", (extensions) => {
  expect(decodeInvitationMark(bookmark(extensions))).toBeUndefined();
});

it("admits nobody by a word that is not true", () => {
  const extensions = `<extensions><invited xmlns="${NS}" by="${by}" admitted="yes"/></extensions>`;
  expect(decodeInvitationMark(bookmark(extensions))).toEqual({ by, admitted: false });
});
