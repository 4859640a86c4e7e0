import { describe, expect, it } from "vitest";
import { isOfferChanged, hashOffer } from "./xep-0474-downgrade.ts";

const offer = {
  mechanisms: ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"],
  bindings: ["tls-server-end-point", "tls-exporter"],
};

describe("XEP-0474", () => {
  it("gives the hash of the example in the XEP", () => {
    // Its text: SCRAM-SHA-1, %x1E, SCRAM-SHA-1-PLUS, %x1F, tls-exporter, %x1E, tls-server-end-point.
    expect(hashOffer(offer, "h", "sha1")).toBe("G6k/rBLDqgOhRRaCuuatSDFkJ08=");
  });

  it("tells a list of types that is empty from none", () => {
    const without = hashOffer({ mechanisms: offer.mechanisms }, "h", "sha1");
    expect(hashOffer({ ...offer, bindings: [] }, "h", "sha1")).not.toBe(without);
  });

  const given = (name: string, value: string) => new Map([[name, value]]);
  it.each(["h", "d"] as const)("knows the offer by `%s`, whatever its order", (form) => {
    const hash = hashOffer(offer, form, "sha256");
    const other = { mechanisms: offer.mechanisms.toReversed(), bindings: offer.bindings };
    expect(isOfferChanged(given(form, hash), other, "sha256")).toBe(false);
    for (const changed of [
      { ...offer, mechanisms: ["SCRAM-SHA-1"] },
      { ...offer, bindings: ["tls-server-end-point"] },
      { ...offer, bindings: [] },
      { ...offer, bindings: undefined },
    ]) {
      expect(isOfferChanged(given(form, hash), changed, "sha256")).toBe(true);
    }
  });

  it("takes a wrong hash for a change, and none for nothing", () => {
    expect(isOfferChanged(new Map(), offer, "sha256")).toBe(false);
    expect(isOfferChanged(given("d", "ssdp"), offer, "sha256")).toBe(false);
    expect(isOfferChanged(given("h", "ssdp"), offer, "sha256")).toBe(true);
    expect(isOfferChanged(given("h", ""), offer, "sha256")).toBe(true);
    expect(isOfferChanged(given("h", hashOffer(offer, "d", "sha256")), offer, "sha256")).toBe(true);
  });
});
