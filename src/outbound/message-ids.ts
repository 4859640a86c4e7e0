/**
 * The ids of what we send. Those of a delivery that the host keeps on disk follow from its id there, so
 * that whoever sends it again, or looks for it in an archive, knows them without having written them down.
 *
 * `<digest>-<part>.<parts>-<number>.<count>`: the host may split a delivery into parts, and we split each
 * part into messages. With both totals in each id, any one of them tells how many belong together.
 */
import { createHash, randomUUID } from "node:crypto";

/** One part of a delivery of the host. */
export type DeliveryPart = { deliveryId: string; part: number; parts: number };

export type PlaceInDelivery = { part: number; parts: number; number: number; count: number };

/** The ids of `count` messages; random where there is no delivery. */
export function messageIds(delivery: DeliveryPart | undefined, count: number): string[] {
  if (!delivery) return Array.from({ length: count }, () => randomUUID());
  const { deliveryId, part, parts } = delivery;
  const digest = digestOf(deliveryId);
  return Array.from(
    { length: count },
    (_, number) => `${digest}-${part}.${parts}-${number}.${count}`,
  );
}

/** What the ids of all messages of a delivery have in common; undefined where it is none of `messageIds`. */
export const deliveryNamedBy = (id: string): string | undefined =>
  /^([\da-f]{32})-\d+\.\d+-\d+\.\d+$/.exec(id)?.[1];

/** Which message of the delivery has that id; undefined: none of them. */
export function placeInDelivery(deliveryId: string, id: string): PlaceInDelivery | undefined {
  const [, digest, ...numbers] = /^([\da-f]{32})-(\d+)\.(\d+)-(\d+)\.(\d+)$/.exec(id) ?? [];
  if (digest !== digestOf(deliveryId)) return undefined;
  const [part = 0, parts = 0, number = 0, count = 0] = numbers.map(Number);
  return { part, parts, number, count };
}

/** In the order in which they were sent; ids that are not the delivery's are left out. */
export function inDeliveryOrder(deliveryId: string, ids: readonly string[]): string[] {
  return ids
    .flatMap((id) => {
      const place = placeInDelivery(deliveryId, id);
      return place ? [{ id, place }] : [];
    })
    .toSorted(({ place: a }, { place: b }) => a.part - b.part || a.number - b.number)
    .map(({ id }) => id);
}

/** Whether these are all messages of a delivery. */
export function isWhole(places: readonly PlaceInDelivery[]): boolean {
  const [first] = places;
  if (!first) return false;
  return Array.from({ length: first.parts }, (_, part) => {
    const own = places.filter((place) => place.part === part && place.parts === first.parts);
    const numbers = new Set(own.map(({ number }) => number));
    return own.length > 0 && own.every(({ count }) => count === numbers.size);
  }).every(Boolean);
}

/** An id in the host's database is nobody else's business. */
function digestOf(deliveryId: string): string {
  return createHash("sha256").update(deliveryId).digest("hex").slice(0, 32);
}
