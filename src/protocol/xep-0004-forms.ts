/**
 * XEP-0004 Data Forms 2.13.2, https://xmpp.org/extensions/xep-0004.html
 * with the FORM_TYPE of XEP-0068 1.3.0, https://xmpp.org/extensions/xep-0068.html
 */
import { Element } from "ltx";
import { attribute } from "./element.ts";
import { stripInvalidXmlChars } from "./xml-text.ts";

export const DATA_FORM = "jabber:x:data";

/** `formType` says what the fields are about; `fields` leaves out FORM_TYPE itself. */
export type DataForm = { formType: string; fields: { name: string; values: string[] }[] };

/** The `<x/>` that answers with values ("result") or hands them in ("submit"). */
export function encodeForm(type: "result" | "submit", form: DataForm): Element {
  const x = new Element("x", { xmlns: DATA_FORM, type });
  x.c("field", { var: "FORM_TYPE", type: "hidden" }).c("value").t(form.formType);
  for (const { name, values } of form.fields) {
    const field = x.c("field", { var: name });
    for (const value of values) field.c("value").t(stripInvalidXmlChars(value));
  }
  return x;
}

/** A form's values; undefined unless a hidden FORM_TYPE field says what it is about. */
export function decodeForm(x: Element): DataForm | undefined {
  let formType: string | undefined;
  const fields: DataForm["fields"] = [];
  for (const field of x.getChildren("field", DATA_FORM)) {
    const name = attribute(field, "var");
    if (!name) continue;
    const values = field.getChildren("value", DATA_FORM).map((value) => value.getText());
    if (name !== "FORM_TYPE") fields.push({ name, values });
    else if (attribute(field, "type") === "hidden") formType = values[0];
  }
  return formType === undefined ? undefined : { formType, fields };
}

/** What a form asks for; `options` are those of a list. */
export type FormField = {
  name: string;
  label: string;
  type: "jid-single" | "list-single" | "text-multi" | "text-single";
  isRequired?: boolean | undefined;
  value?: string | undefined;
  options?: readonly { value: string; label?: string | undefined }[] | undefined;
};

export type FormQuestions = {
  title: string;
  instructions?: string | undefined;
  fields: readonly FormField[];
};

/** The `<x/>` that asks (§3.1). */
export function encodeQuestions({ title, instructions, fields }: FormQuestions): Element {
  const x = formWith("form", title);
  if (instructions !== undefined) x.c("instructions").t(stripInvalidXmlChars(instructions));
  for (const { name, label, type, isRequired, value, options = [] } of fields) {
    const field = x.c("field", { var: name, type, label: stripInvalidXmlChars(label) });
    if (isRequired) field.c("required");
    addValues(field, value === undefined ? [] : [value]);
    for (const option of options) {
      const { label: shown = option.value } = option;
      addValues(field.c("option", { label: stripInvalidXmlChars(shown) }), [option.value]);
    }
  }
  return x;
}

export type FormFact = { name: string; label: string; value: string };

/** The `<x/>` that answers with facts for people to read; a fact of several lines keeps them. */
export function encodeFacts(title: string, facts: readonly FormFact[]): Element {
  const x = formWith("result", title);
  for (const { name, label, value } of facts) {
    const lines = value.split("\n");
    const type = lines.length > 1 ? "text-multi" : "text-single";
    addValues(x.c("field", { var: name, type, label }), lines);
  }
  return x;
}

/** The `<x/>` that answers with a table (§3.4); each row has a value for each column. */
export function encodeTable(
  title: string,
  columns: readonly { name: string; label: string }[],
  rows: readonly (readonly string[])[],
): Element {
  const x = formWith("result", title);
  const reported = x.c("reported");
  for (const { name, label } of columns) reported.c("field", { var: name, label });
  for (const row of rows) {
    const item = x.c("item");
    for (const [i, { name }] of columns.entries()) {
      addValues(item.c("field", { var: name }), [row[i] ?? ""]);
    }
  }
  return x;
}

function formWith(type: "form" | "result", title: string): Element {
  const x = new Element("x", { xmlns: DATA_FORM, type });
  x.c("title").t(stripInvalidXmlChars(title));
  return x;
}

function addValues(field: Element, values: readonly string[]): void {
  for (const value of values) field.c("value").t(stripInvalidXmlChars(value));
}

const MAX_FIELDS = 50;
const MAX_VALUES = 50;
/** Characters of a name or a value; the host's commands take no longer arguments. */
const MAX_LENGTH = 4096;

export type SubmittedField = { name: string; values: string[] };

/**
 * What somebody filled in, in a form within `parent`; undefined where there is none. Of a name that comes twice counts
 * the first, of what is too many or too long nothing. A form of type "cancel" reads like one of "submit" (XEP-0050 §3.6.1).
 */
export function decodeSubmission(parent: Element): SubmittedField[] | undefined {
  const x = parent.getChild("x", DATA_FORM);
  const type = x && attribute(x, "type");
  if (!x || (type !== "submit" && type !== "cancel")) return undefined;
  const fields = new Map<string, string[]>();
  for (const field of x.getChildren("field", DATA_FORM)) {
    const name = attribute(field, "var");
    if (!name || name.length > MAX_LENGTH || fields.has(name)) continue;
    if (fields.size >= MAX_FIELDS) break;
    const values = field.getChildren("value", DATA_FORM).map((value) => value.getText());
    if (values.length > MAX_VALUES || values.some(({ length }) => length > MAX_LENGTH)) continue;
    fields.set(name, values);
  }
  return [...fields].map(([name, values]) => ({ name, values }));
}
