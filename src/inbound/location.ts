/** A place that somebody sent (XEP-0080, or a geo URI), for the agent. */
import { formatLocationText, toLocationContext } from "openclaw/plugin-sdk/channel-inbound";
import { parseGeoUri } from "../protocol/rfc-5870-geo-uri.ts";
import type { Location } from "../protocol/xep-0080-location.ts";

export type LocationFacts = {
  /** `text` with the coordinates, where they do not stand there in words; without the bare URI. */
  text: string;
  /** The host's fields. */
  context: Partial<ReturnType<typeof toLocationContext>>;
};

export function locationFacts(text: string, location: Location | undefined): LocationFacts {
  if (!location) return { text, context: {} };
  const { lat: latitude, lon: longitude, accuracy, description: name } = location;
  const place = {
    latitude,
    longitude,
    ...(accuracy === undefined ? {} : { accuracy }),
    ...(name === undefined ? {} : { name }),
  };
  const words = formatLocationText(place);
  const isBare = parseGeoUri(text.trim()) !== undefined;
  return {
    text: isBare || text === "" ? words : `${text}\n${words}`,
    context: toLocationContext(place),
  };
}
