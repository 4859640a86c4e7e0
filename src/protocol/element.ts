/**
 * Reading ltx elements without trusting them: ltx types attributes as `any`, and its child
 * look-ups give null, undefined or an element; the codecs want `string | undefined`.
 */
import { clone, type Element } from "ltx";

/** The attribute's text; undefined when it is not there. */
export function attribute(element: Element, name: string): string | undefined {
  const value: unknown = Object.hasOwn(element.attrs, name) ? element.attrs[name] : undefined;
  return typeof value === "string" ? value : undefined;
}

const MAX_ID_LENGTH = 1000;

/** The `id` by which an element refers to something; undefined when it has none, an empty one, or one too long to be kept. */
export function referredId(element: Element): string | undefined {
  const id = attribute(element, "id");
  return id && id.length <= MAX_ID_LENGTH ? id : undefined;
}

/** The trimmed text of the first such child; undefined when there is none, or when it is blank. */
export function childText(element: Element, name: string, xmlns?: string): string | undefined {
  const text = element.getChild(name, xmlns)?.getText().trim();
  return text ? text : undefined;
}

/** Whether an attribute of type xs:boolean says yes; anything but "true" and "1" is a no. */
export function isTrue(element: Element, name: string): boolean {
  const value = attribute(element, name);
  return value === "true" || value === "1";
}

/** The child of that name; undefined when there is none, and when there are several: which one counts is then a guess. */
export function onlyChild(element: Element, name: string, xmlns: string): Element | undefined {
  const [child, ...more] = element.getChildren(name, xmlns);
  return more.length === 0 ? child : undefined;
}

/** Appends a child in the namespace of its parent, also where the parent has that by a prefix. */
export function appendChild(
  parent: Element,
  name: string,
  attrs: Readonly<Record<string, string>> = {},
): Element {
  const xmlns = parent.getNS();
  return parent.c(name, parent.findNS() === xmlns || !xmlns ? attrs : { xmlns, ...attrs });
}

/** A copy that stands alone: what its ancestors declare of the namespaces that it uses is declared on it. */
export function detached(element: Element): Element {
  const copy = clone(element);
  const text = copy.toString();
  for (let ancestor = element.parent; ancestor; ancestor = ancestor.parent) {
    for (const name of Object.keys(ancestor.attrs)) {
      const [xmlns, prefix] = name.split(":");
      const isUsed = xmlns === "xmlns" && (prefix === undefined || text.includes(`${prefix}:`));
      if (isUsed && attribute(copy, name) === undefined) {
        copy.attrs[name] = attribute(ancestor, name);
      }
    }
  }
  return copy;
}

/** Whether `name` is the element's local name, with no regard to the namespace of the stream (client, component). */
export function isStanza(element: Element, name: "iq" | "message" | "presence"): boolean {
  return element.getName() === name;
}
