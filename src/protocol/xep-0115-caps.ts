/**
 * XEP-0115 Entity Capabilities 1.6.0, https://xmpp.org/extensions/xep-0115.html
 */
import { createHash } from "node:crypto";
import { Element } from "ltx";
import { attribute } from "./element.ts";
import type { DiscoInfo } from "./xep-0030-disco.ts";

export const CAPS = "http://jabber.org/protocol/caps";

export type Caps = {
  /** URI of the software. */
  node: string;
  /** Base64 of the hash over the verification string. */
  ver: string;
  /** Name of the hash as in the IANA registry; `sha-1` is the one that everybody implements. */
  hash: string;
};

/** i;octet collation (RFC 4790 §9.3). */
function byOctet(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** The string S of §5.1, before hashing. */
export function verificationString(info: DiscoInfo): string {
  const identities = info.identities
    .map(({ category, type, lang, name }) => ({
      key: `${category}/${type}/${lang ?? ""}`,
      name: name ?? "",
    }))
    .toSorted((a, b) => byOctet(a.key, b.key))
    .map(({ key, name }) => `${key}/${name}<`);
  const features = info.features.toSorted(byOctet).map((feature) => `${feature}<`);
  const forms = info.forms
    .toSorted((a, b) => byOctet(a.formType, b.formType))
    .map((form) => {
      const fields = form.fields
        .toSorted((a, b) => byOctet(a.name, b.name))
        .map(({ name, values }) =>
          [name, ...values.toSorted(byOctet)].map((s) => `${s}<`).join(""),
        );
      return `${form.formType}<${fields.join("")}`;
    });
  return [...identities, ...features, ...forms].join("");
}

/** The caps that announce `info` under `node` (§5.1, SHA-1). */
export function capsOf(info: DiscoInfo, node: string): Caps {
  const ver = createHash("sha1").update(verificationString(info), "utf8").digest("base64");
  return { node, ver, hash: "sha-1" };
}

/** The disco node under which the announced info is asked for (§6.2). */
export function capsNode(caps: Caps): string {
  return `${caps.node}#${caps.ver}`;
}

/** The `<c/>` for a presence. */
export function encodeCaps(caps: Caps): Element {
  return new Element("c", { xmlns: CAPS, hash: caps.hash, node: caps.node, ver: caps.ver });
}

/** The caps in a presence; undefined when there are none or they are incomplete (as in the legacy format). */
export function decodeCaps(presence: Element): Caps | undefined {
  const c = presence.getChild("c", CAPS);
  if (!c) return undefined;
  const hash = attribute(c, "hash");
  const node = attribute(c, "node");
  const ver = attribute(c, "ver");
  return hash && node && ver ? { node, ver, hash } : undefined;
}
