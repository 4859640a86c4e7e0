/**
 * XEP-0441 Message Archive Management Preferences 0.2.0, https://xmpp.org/extensions/xep-0441.html
 */
import { Element } from "ltx";
import { attribute } from "./element.ts";
import { parseJid, type BareJid } from "./jid.ts";
import { ARCHIVE } from "./xep-0313-mam.ts";

/** The payload of the question what an account archives. */
export function encodePreferencesRequest(): Element {
  return new Element("prefs", { xmlns: ARCHIVE });
}

/** Whether that answer says that every message with `peer` is archived. */
export function archivesAll(answer: Element, peer: BareJid): boolean {
  const prefs = answer.getChild("prefs", ARCHIVE);
  if (!prefs) return false;
  const lists = (name: string) =>
    (prefs.getChild(name)?.getChildren("jid") ?? []).some(
      (jid) => parseJid(jid.getText().trim())?.bare === peer,
    );
  return (attribute(prefs, "default") === "always" || lists("always")) && !lists("never");
}
