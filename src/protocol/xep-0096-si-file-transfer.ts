/**
 * XEP-0096 SI File Transfer 1.3.1, https://xmpp.org/extensions/xep-0096.html
 * a profile of XEP-0095 Stream Initiation 1.2, https://xmpp.org/extensions/xep-0095.html
 * which agrees on a stream by XEP-0020 Feature Negotiation 1.6, https://xmpp.org/extensions/xep-0020.html
 * As the one who is offered a file.
 */
import { Element } from "ltx";
import { attribute, childText } from "./element.ts";
import { decodeRequest, encodeResult } from "./rfc-6120-iq.ts";
import { DATA_FORM } from "./xep-0004-forms.ts";
import { decodeFileMetadata, type FileMetadata } from "./xep-0446-file-metadata.ts";

export const SI = "http://jabber.org/protocol/si";
export const SI_FILE_TRANSFER = "http://jabber.org/protocol/si/profile/file-transfer";
const FEATURE_NEGOTIATION = "http://jabber.org/protocol/feature-neg";

export type SiOffer = {
  /** Of the session, and of its stream. */
  id: string;
  /** undefined when it is something else than a file, or says neither name nor size (XEP-0096 §3). */
  file: FileMetadata | undefined;
  /** Namespaces of the streams to choose from. */
  methods: string[];
};

const MAX_ID = 256;
const MAX_METHODS = 20;

/** What an iq offers; undefined when it is no such offer. One without an id is nothing that could be accepted. */
export function decodeSiOffer(iq: Element): SiOffer | undefined {
  const si = decodeRequest(iq, "set", "si", SI);
  const id = si && attribute(si, "id");
  if (!si || !id || id.length > MAX_ID) return undefined;
  const isFile = attribute(si, "profile") === SI_FILE_TRANSFER;
  return { id, file: isFile ? decodeFile(si) : undefined, methods: decodeMethods(si) };
}

/**
 * What later XEPs say in elements, this one says in attributes. Its hash is MD5, which proves nothing: it is
 * not read.
 */
function decodeFile(si: Element): FileMetadata | undefined {
  const file = si.getChild("file", SI_FILE_TRANSFER);
  if (!file) return undefined;
  const fields = {
    name: attribute(file, "name"),
    size: attribute(file, "size"),
    date: attribute(file, "date"),
    "media-type": attribute(si, "mime-type"),
    desc: childText(file, "desc", SI_FILE_TRANSFER),
  };
  const same = new Element("file");
  for (const [name, value] of Object.entries(fields)) if (value) same.c(name).t(value);
  const metadata = decodeFileMetadata(same);
  return metadata.name === undefined || metadata.size === undefined ? undefined : metadata;
}

function decodeMethods(si: Element): string[] {
  const form = si.getChild("feature", FEATURE_NEGOTIATION)?.getChild("x", DATA_FORM);
  const fields = form?.getChildren("field", DATA_FORM) ?? [];
  const field = fields.find((each) => attribute(each, "var") === "stream-method");
  const options = field?.getChildren("option", DATA_FORM) ?? [];
  return options
    .slice(0, MAX_METHODS)
    .flatMap((option) => childText(option, "value", DATA_FORM) ?? []);
}

/** The answer that accepts the offer with this stream (XEP-0095 §3.2). */
export function encodeSiAccept(method: string): Element {
  const si = new Element("si", { xmlns: SI });
  const form = si
    .c("feature", { xmlns: FEATURE_NEGOTIATION })
    .c("x", { xmlns: DATA_FORM, type: "submit" });
  form.c("field", { var: "stream-method" }).c("value").t(method);
  return encodeResult(si);
}
