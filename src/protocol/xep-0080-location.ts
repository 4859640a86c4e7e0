/**
 * XEP-0080 User Location 1.10.0, https://xmpp.org/extensions/xep-0080.html
 * as it stands in a message. Clients such as Conversations send a geo URI for a body instead.
 */
import { Element } from "ltx";
import { childText } from "./element.ts";
import { type GeoPoint, isOnEarth, parseGeoUri, toDecimal } from "./rfc-5870-geo-uri.ts";
import { decodeOobUrls } from "./xep-0066-oob.ts";
import { stripInvalidXmlChars } from "./xml-text.ts";

export const LOCATION = "http://jabber.org/protocol/geoloc";

/** In degrees and metres; `description` as the sender calls the place. */
export type Location = GeoPoint & { description?: string | undefined };

const MAX_LENGTH = 1000;
const DECIMAL = /^[+-]?(?:\d{1,7}(?:\.\d{0,30})?|\.\d{1,30})$/;

/** Where a message says somebody or something is; undefined for a place without coordinates, and another datum. */
export function decodeLocation(message: Element): Location | undefined {
  const geoloc = message.getChild("geoloc", LOCATION);
  if (geoloc) return decodeGeoloc(geoloc);
  for (const text of [message.getChildText("body") ?? "", ...decodeOobUrls(message)]) {
    const point = parseGeoUri(text.trim());
    if (point) return point;
  }
  return undefined;
}

function decodeGeoloc(geoloc: Element): Location | undefined {
  const text = (name: string) => childText(geoloc, name, LOCATION)?.slice(0, MAX_LENGTH);
  const number = (name: string) => decodeDecimal(text(name));
  const lat = number("lat");
  const lon = number("lon");
  if (lat === undefined || lon === undefined || !isOnEarth({ lat, lon })) return undefined;
  if (!/^(?:wgs[ -]?84)?$/i.test(text("datum") ?? "")) return undefined;
  const accuracy = number("accuracy");
  const description = text("description") ?? text("text");
  return {
    lat,
    lon,
    accuracy: accuracy !== undefined && accuracy >= 0 ? accuracy : undefined,
    altitude: number("alt"),
    description: description === undefined ? undefined : stripInvalidXmlChars(description),
  };
}

function decodeDecimal(text: string | undefined): number | undefined {
  return text !== undefined && DECIMAL.test(text) ? Number(text) : undefined;
}

/** The `<geoloc/>`, to go with the geo URI as body. */
export function encodeLocation(location: Location): Element {
  const geoloc = new Element("geoloc", { xmlns: LOCATION });
  const add = (name: string, value: number | undefined) => {
    if (value !== undefined) geoloc.c(name).t(toDecimal(value));
  };
  add("accuracy", location.accuracy);
  add("alt", location.altitude);
  if (location.description !== undefined) {
    geoloc.c("description").t(stripInvalidXmlChars(location.description));
  }
  add("lat", location.lat);
  add("lon", location.lon);
  return geoloc;
}
