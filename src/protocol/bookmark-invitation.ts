/**
 * Our mark in a bookmark (XEP-0402 §3.3 extensions) of a room that the account was only invited to: so
 * that it never passes for one that the operator chose, for us and for another program on the account.
 */
import { Element } from "ltx";
import { attribute } from "./element.ts";
import { bareJid, type BareJid } from "./jid.ts";
import { BOOKMARKS, type Bookmark } from "./xep-0402-bookmarks.ts";

const INVITED = "https://www.npmjs.com/package/@openclaw/xmpp#invited";

/** `admitted`: the DM policy would have let the inviter's messages through. */
export type BookmarkedInvitation = { by: BareJid; admitted: boolean };

/** Who invited us to a bookmarked room; undefined in a bookmark that is not ours. */
export function decodeInvitationMark({ extensions }: Bookmark): BookmarkedInvitation | undefined {
  const mark = extensions?.getChild("invited", INVITED);
  const by = mark && bareJid(attribute(mark, "by") ?? "");
  return by && { by, admitted: attribute(mark, "admitted") === "true" };
}

/** The `<extensions/>` of a bookmark that is the operator's own choice. */
export const encodeNoMark = (): Element => new Element("extensions", { xmlns: BOOKMARKS });

/** The `<extensions/>` of a bookmark that holds the mark alone. */
export function encodeInvitationMark({ by, admitted }: BookmarkedInvitation): Element {
  const extensions = new Element("extensions", { xmlns: BOOKMARKS });
  extensions.c("invited", { xmlns: INVITED, by, admitted: String(admitted) });
  return extensions;
}
