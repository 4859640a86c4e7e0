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
