import { Element } from "ltx";
import { expect, test } from "vitest";
import { decodeOobUrls, encodeOobUrl } from "./xep-0066-oob.ts";

test("of what a message hands over only so much is read, before anybody asked who sent it", () => {
  const message = new Element("message");
  message.append(encodeOobUrl(`https://example/${"x".repeat(8_000)}`));
  for (let n = 0; n < 5_000; n += 1) message.append(encodeOobUrl(`https://example/${n}`));
  const urls = decodeOobUrls(message);
  expect([urls[0], urls.length]).toEqual(["https://example/0", 19]);
});
