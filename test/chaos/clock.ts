/**
 * Loaded into the Gateway by `node --import`: the wall clock is ahead by what the file CHAOS_CLOCK holds
 * (ms; behind, when negative), as after somebody set it. Timers and `performance.now()` run on undisturbed,
 * as the kernel's monotonic clock does. What is not JavaScript (OpenSSL, SQLite's own `now`) keeps the true
 * time.
 */
import { readFileSync } from "node:fs";

const file = process.env["CHAOS_CLOCK"];
const trueNow = Date.now.bind(Date);
let aheadMs = 0;

function look(): void {
  try {
    aheadMs = Number(readFileSync(file ?? "", "utf8")) || 0;
  } catch {
    // Not written yet: the clock is right.
    aheadMs = 0;
  }
}

if (file !== undefined) {
  look();
  setInterval(look, 50).unref();
  Date.now = () => trueNow() + aheadMs;
  const shifted = new Proxy(Date, {
    construct: (target, parts: unknown[], asked) =>
      Reflect.construct(target, parts.length === 0 ? [Date.now()] : parts, asked) as Date,
    apply: (target) => new target(Date.now()).toString(),
  });
  // oxlint-disable-next-line no-extend-native -- `date.constructor === Date` goes on to hold.
  Object.defineProperty(Date.prototype, "constructor", { value: shifted, writable: true });
  globalThis.Date = shifted;
}
