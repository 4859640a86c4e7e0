/**
 * geo URIs: RFC 5870, https://www.rfc-editor.org/rfc/rfc5870
 */

/** A point on the earth in WGS 84; degrees and metres. */
export type GeoPoint = {
  lat: number;
  lon: number;
  /** How far it may be off. */
  accuracy?: number | undefined;
  altitude?: number | undefined;
};

const MAX_LENGTH = 1000;
const NUMBER = /^-?\d{1,7}(?:\.\d{1,30})?$/;

/** A coordinate, metres, or anything else written as a decimal number. */
function parseNumber(text: string | undefined): number | undefined {
  return text !== undefined && NUMBER.test(text) ? Number(text) : undefined;
}

export function isOnEarth({ lat, lon }: { lat: number; lon: number }): boolean {
  return Math.abs(lat) <= 90 && Math.abs(lon) <= 180;
}

/** The point that a URI names (§3.3); undefined for anything else, and for another reference system (§8). */
export function parseGeoUri(text: string): GeoPoint | undefined {
  if (text.length > MAX_LENGTH || !/^geo:/i.test(text)) return undefined;
  // Android appends a query; where it has no coordinates it gives 0,0 and a search.
  const [uri = "", query] = text.slice("geo:".length).split("?", 2);
  const [coordinates = "", ...parameters] = uri.split(";");
  const [lat, lon, altitude, ...more] = coordinates.split(",").map(parseNumber);
  if (lat === undefined || lon === undefined || more.length > 0) return undefined;
  if (!isOnEarth({ lat, lon }) || (query !== undefined && lat === 0 && lon === 0)) return undefined;
  const parameter = (name: string) =>
    parameters.find((each) => each.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1);
  if ((parameter("crs") ?? "wgs84").toLowerCase() !== "wgs84") return undefined;
  const accuracy = parseNumber(parameter("u"));
  return {
    lat,
    lon,
    accuracy: accuracy !== undefined && accuracy >= 0 ? accuracy : undefined,
    altitude,
  };
}

/** The URI of a point, to about a centimetre. */
export function toGeoUri({ lat, lon, accuracy, altitude }: GeoPoint): string {
  const coordinates = [lat, lon, ...(altitude === undefined ? [] : [altitude])].map(toDecimal);
  return `geo:${coordinates.join(",")}${accuracy === undefined ? "" : `;u=${toDecimal(accuracy)}`}`;
}

/** Without an exponent, which neither the URI nor xs:decimal has. */
export function toDecimal(value: number): string {
  return value
    .toFixed(7)
    .replace(/\.?0+$/, "")
    .replace(/^-0$/, "0");
}
