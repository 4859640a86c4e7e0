/**
 * XEP-0363 HTTP File Upload 1.2.0, https://xmpp.org/extensions/xep-0363.html
 */
import { Element } from "ltx";
import { attribute, childText } from "./element.ts";
import type { DiscoInfo } from "./xep-0030-disco.ts";
import { parseDateTime } from "./xep-0203-delay.ts";
import { stripInvalidXmlChars } from "./xml-text.ts";

export const HTTP_UPLOAD = "urn:xmpp:http:upload:0";

/** Size in bytes; undefined when the service does not tell its limit. */
export type UploadService = { maxFileSize: number | undefined };

/** Size in bytes, exactly what will be put; `contentType` exactly what the PUT will say. */
export type SlotRequest = { filename: string; size: number; contentType?: string | undefined };

export type UploadHeader = { name: "Authorization" | "Cookie" | "Expires"; value: string };

/** Both are URLs of http or https; §4 asks for https. The order of headers counts. */
export type Slot = { put: { url: string; headers: UploadHeader[] }; get: string };

/** Why there is no slot, where the service says more than the stanza error does (§6). */
export type SlotRefusal =
  { reason: "file-too-large"; maxFileSize: number | undefined } | { reason: "retry"; at: Date };

const MAX_HEADERS = 20;
const MAX_HEADER_LENGTH = 8000;
const MAX_URL_LENGTH = 8000;

/** What an entity's disco#info says of its uploads; undefined when it takes none. */
export function findUploadService({ features, forms }: DiscoInfo): UploadService | undefined {
  if (!features.includes(HTTP_UPLOAD)) return undefined;
  const fields = forms.find((form) => form.formType === HTTP_UPLOAD)?.fields;
  const limit = fields?.find((field) => field.name === "max-file-size")?.values[0];
  return { maxFileSize: decodeSize(limit) };
}

function decodeSize(text: string | undefined): number | undefined {
  return text !== undefined && /^\s*\d{1,15}\s*$/.test(text) ? Number(text) : undefined;
}

/** The `<request/>` of a "get" to the service. */
export function encodeSlotRequest({ filename, size, contentType }: SlotRequest): Element {
  return new Element("request", {
    xmlns: HTTP_UPLOAD,
    filename: stripInvalidXmlChars(filename),
    size: String(size),
    ...(contentType === undefined ? {} : { "content-type": contentType }),
  });
}

/** The slot in the answer; undefined when there is none, or one of its URLs is none of http or https. */
export function decodeSlot(iq: Element): Slot | undefined {
  const slot = iq.getChild("slot", HTTP_UPLOAD);
  const put = slot?.getChild("put", HTTP_UPLOAD);
  const get = slot?.getChild("get", HTTP_UPLOAD);
  const putUrl = put && decodeUrl(put);
  const getUrl = get && decodeUrl(get);
  if (!put || putUrl === undefined || getUrl === undefined) return undefined;
  const headers = put
    .getChildren("header", HTTP_UPLOAD)
    .slice(0, MAX_HEADERS)
    .flatMap((header) => decodeHeader(header) ?? []);
  return { put: { url: putUrl, headers }, get: getUrl };
}

function decodeUrl(element: Element): string | undefined {
  const text = attribute(element, "url")?.trim();
  if (!text || text.length > MAX_URL_LENGTH || !URL.canParse(text)) return undefined;
  const { protocol } = new URL(text);
  return protocol === "https:" || protocol === "http:" ? text : undefined;
}

/** §4: only three names, in any case, and no newline, which would begin a header of the service's choice. */
function decodeHeader(header: Element): UploadHeader | undefined {
  const name = attribute(header, "name")
    ?.replaceAll(/[\r\n]/g, "")
    .trim()
    .toLowerCase();
  const value = header
    .getText()
    .replaceAll(/[\r\n]/g, "")
    .trim();
  // What else HTTP cannot carry (RFC 9110 §5.5) would make the whole request fail.
  if (value.length > MAX_HEADER_LENGTH || /[^\t\u0020-\u007e\u0080-\u00ff]/.test(value)) {
    return undefined;
  }
  if (name === "authorization") return { name: "Authorization", value };
  if (name === "cookie") return { name: "Cookie", value };
  return name === "expires" ? { name: "Expires", value } : undefined;
}

/** What an iq of type "error" adds to its condition; undefined when it adds nothing. */
export function decodeSlotRefusal(iq: Element): SlotRefusal | undefined {
  const error = iq.getChild("error");
  const tooLarge = error?.getChild("file-too-large", HTTP_UPLOAD);
  if (tooLarge) {
    const limit = childText(tooLarge, "max-file-size", HTTP_UPLOAD);
    return { reason: "file-too-large", maxFileSize: decodeSize(limit) };
  }
  const retry = error?.getChild("retry", HTTP_UPLOAD);
  const at = retry && parseDateTime(attribute(retry, "stamp") ?? "");
  return at && { reason: "retry", at };
}
