import * as fc from "fast-check";
import { expect, it } from "vitest";
import { anyText, runs } from "../../test/support/fuzz.ts";
import { parseGeoUri, toGeoUri } from "./rfc-5870-geo-uri.ts";

it.each([
  [{ lat: 48.2, lon: 16.3 }, "geo:48.2,16.3"],
  [{ lat: -0, lon: 100 }, "geo:0,100"],
  [{ lat: 1e-7, lon: -1e-9, altitude: -400, accuracy: 20 }, "geo:0.0000001,0,-400;u=20"],
])("writes %j", (point, uri) => {
  expect(toGeoUri(point)).toBe(uri);
});

it("reads what it writes, to a centimetre", () => {
  const degrees = (max: number) => fc.double({ min: -max, max, noNaN: true });
  fc.assert(
    fc.property(
      degrees(90),
      degrees(180),
      fc.option(fc.integer({ min: 0, max: 99_999 }), { nil: undefined }),
      fc.option(fc.integer({ min: -9999, max: 99_999 }), { nil: undefined }),
      (lat, lon, accuracy, altitude) => {
        const point = parseGeoUri(toGeoUri({ lat, lon, accuracy, altitude }));
        expect(point?.lat).toBeCloseTo(lat, 6);
        expect(point?.lon).toBeCloseTo(lon, 6);
        expect(point).toMatchObject({ accuracy, altitude });
      },
    ),
    runs(500),
  );
});

it("reads any text, and finds nothing off the earth", () => {
  const number = fc.oneof(anyText, fc.double().map(String), fc.integer().map(String));
  const geoLike = fc.array(number, { maxLength: 4 }).map((parts) => `geo:${parts.join(",")}`);
  fc.assert(
    fc.property(fc.oneof(geoLike, anyText), (text) => {
      const point = parseGeoUri(text);
      if (!point) return;
      expect(Math.abs(point.lat)).toBeLessThanOrEqual(90);
      expect(Math.abs(point.lon)).toBeLessThanOrEqual(180);
    }),
    runs(1_000),
  );
});
