/**
 * XEP-0444 Message Reactions 0.2.1, https://xmpp.org/extensions/xep-0444.html
 */
import { Element } from "ltx";
import { onlyChild, referredId } from "./element.ts";
import type { DiscoInfo } from "./xep-0030-disco.ts";
import { stripInvalidXmlChars } from "./xml-text.ts";

export const REACTIONS = "urn:xmpp:reactions:0";
const RESTRICTIONS = "urn:xmpp:reactions:0:restrictions";

export type Reactions = {
  /** Of the message reacted to: in rooms the stanza id that the room gave, elsewhere the message's id. */
  id: string;
  /** All that the sender now has on it, each once; none takes the earlier ones away. */
  reactions: string[];
};

/** What an entity or a room allows (§2.2). */
export type ReactionRestrictions = {
  maxPerUser: number | undefined;
  /** Undefined where any is allowed. */
  allowlist: string[] | undefined;
};

const MAX_REACTIONS = 50;
const MAX_ALLOWED = 1000;
/** The longest emoji sequences have some 30; what is no emoji (gateways) is short as well. */
const MAX_LENGTH = 100;

/** Whether the message reacts to another; its body, if any, only says so for clients that do not know it. */
export function hasReactions(message: Element): boolean {
  return message.getChild("reactions", REACTIONS) !== undefined;
}

/** How a message reacts, 50 reactions at most; undefined when it does not, or to several messages (§4). */
export function decodeReactions(message: Element): Reactions | undefined {
  const element = onlyChild(message, "reactions", REACTIONS);
  const id = element && referredId(element);
  if (!element || id === undefined) return undefined;
  const texts = element
    .getChildren("reaction", REACTIONS)
    .map((reaction) => stripInvalidXmlChars(reaction.getText()).trim())
    .filter((text) => text !== "" && text.length <= MAX_LENGTH);
  return { id, reactions: [...new Set(texts)].slice(0, MAX_REACTIONS) };
}

/** The `<reactions/>`; an empty set takes back. */
export function encodeReactions({ id, reactions }: Reactions): Element {
  const element = new Element("reactions", { xmlns: REACTIONS, id });
  for (const text of new Set(reactions)) element.c("reaction").t(stripInvalidXmlChars(text));
  return element;
}

/** What an entity's disco#info says of reactions; undefined when it restricts nothing. */
export function findReactionRestrictions({ forms }: DiscoInfo): ReactionRestrictions | undefined {
  const fields = forms.find((form) => form.formType === RESTRICTIONS)?.fields;
  if (!fields) return undefined;
  const values = (name: string) => fields.find((field) => field.name === name)?.values;
  const max = values("max_reactions_per_user")?.[0]?.trim() ?? "";
  const allowlist = values("allowlist")?.slice(0, MAX_ALLOWED);
  return { maxPerUser: /^\d{1,6}$/.test(max) ? Number(max) : undefined, allowlist };
}
