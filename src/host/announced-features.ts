/** What an account says that it can do, in its service discovery (XEP-0030) and the caps of its presence (XEP-0115). */
import { BOOKMARKS_NOTIFY } from "../client/bookmarks.ts";
import { FILE_TRANSFER_FEATURES } from "../client/incoming-file.ts";
import { DIRECT_INVITATION } from "../protocol/xep-0045-invitation.ts";
import { MUC } from "../protocol/xep-0045-muc.ts";
import { DATA_FORM } from "../protocol/xep-0004-forms.ts";
import { OOB } from "../protocol/xep-0066-oob.ts";
import { COMMANDS } from "../protocol/xep-0050-commands.ts";
import { CHAT_STATES } from "../protocol/xep-0085-chat-states.ts";
import { RECEIPTS } from "../protocol/xep-0184-receipts.ts";
import { CORRECTION } from "../protocol/xep-0308-correction.ts";
import { MARKERS } from "../protocol/xep-0333-markers.ts";
import { OCCUPANT_ID } from "../protocol/xep-0421-occupant-id.ts";
import { RETRACTION } from "../protocol/xep-0424-retraction.ts";
import { FALLBACK } from "../protocol/xep-0428-fallback.ts";
import { REACTIONS } from "../protocol/xep-0444-reactions.ts";
import { FILE_SHARING } from "../protocol/xep-0447-file-sharing.ts";
import { REPLY } from "../protocol/xep-0461-reply.ts";
import { STANZA_IDS } from "../protocol/xep-0359-ids.ts";
import type { XmppAccount } from "./account.ts";

export const announcedFeatures = ({ bookmarks }: Pick<XmppAccount, "bookmarks">): string[] => [
  CHAT_STATES,
  COMMANDS,
  CORRECTION,
  DATA_FORM,
  DIRECT_INVITATION,
  FALLBACK,
  FILE_SHARING,
  ...FILE_TRANSFER_FEATURES,
  MARKERS,
  MUC,
  OCCUPANT_ID,
  OOB,
  REACTIONS,
  RECEIPTS,
  REPLY,
  RETRACTION,
  STANZA_IDS,
  ...(bookmarks === "off" ? [] : [BOOKMARKS_NOTIFY]),
];
