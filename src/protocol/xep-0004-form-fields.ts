/**
 * Forms to be filled in: XEP-0004 Data Forms 2.13.2, https://xmpp.org/extensions/xep-0004.html (§3.2, §3.3),
 * with the media of XEP-0221 Data Forms Media Element 1.0, https://xmpp.org/extensions/xep-0221.html
 */
import type { Element } from "ltx";
import { attribute, childText } from "./element.ts";
import { DATA_FORM } from "./xep-0004-forms.ts";

const DATA_FORM_MEDIA = "urn:xmpp:media-element";
/** Bounds of what a form may hold; what is beyond is left out. */
const MAX_FIELDS = 50;
const MAX_OPTIONS = 100;
const MAX_TEXT = 500;

/** A field that wants an answer, has one, or just says something ("fixed"). */
export type FormField = {
  /** "" where a fixed field has none. */
  name: string;
  type: string;
  label?: string | undefined;
  isRequired: boolean;
  /** What stands in it; to be returned as it is in a hidden one. */
  values: string[];
  options: { value: string; label?: string | undefined }[];
  /** It shows a picture or a sound, as a captcha does. */
  hasMedia: boolean;
};

/** The fields of an `<x type="form"/>`, FORM_TYPE included; those without a name count only as "fixed". */
export function decodeFormFields(x: Element): FormField[] {
  return x
    .getChildren("field", DATA_FORM)
    .slice(0, MAX_FIELDS)
    .flatMap((field) => {
      const name = attribute(field, "var") ?? "";
      const type = attribute(field, "type") ?? "text-single";
      if (name === "" && type !== "fixed") return [];
      return {
        name,
        type,
        label: attribute(field, "label")?.slice(0, MAX_TEXT),
        isRequired: field.getChild("required", DATA_FORM) !== undefined,
        values: valuesOf(field),
        options: field
          .getChildren("option", DATA_FORM)
          .slice(0, MAX_OPTIONS)
          .flatMap((option) => {
            const value = childText(option, "value", DATA_FORM);
            const label = attribute(option, "label")?.slice(0, MAX_TEXT);
            return value === undefined ? [] : { value, label };
          }),
        hasMedia: field.getChild("media", DATA_FORM_MEDIA) !== undefined,
      };
    });
}

function valuesOf(field: Element): string[] {
  return field
    .getChildren("value", DATA_FORM)
    .slice(0, MAX_OPTIONS)
    .map((value) => value.getText());
}
