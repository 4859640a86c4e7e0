/**
 * Reading ltx elements without trusting them: ltx types attributes as `any`, and its child
 * look-ups give null, undefined or an element; the codecs want `string | undefined`.
 */
import type { Element } from "ltx";

/** The attribute's text; undefined when it is not there. */
export function attribute(element: Element, name: string): string | undefined {
  const value: unknown = Object.hasOwn(element.attrs, name) ? element.attrs[name] : undefined;
  return typeof value === "string" ? value : undefined;
}

/** The trimmed text of the first such child; undefined when there is none, or when it is blank. */
export function childText(element: Element, name: string, xmlns?: string): string | undefined {
  const text = element.getChild(name, xmlns)?.getText().trim();
  return text ? text : undefined;
}

/** Whether `name` is the element's local name, with no regard to the namespace of the stream (client, component). */
export function isStanza(element: Element, name: "iq" | "message" | "presence"): boolean {
  return element.getName() === name;
}
