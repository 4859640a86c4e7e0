import { describe, expect, it } from "vitest";
import { attachmentsOf, isLink } from "./attachments.ts";

describe("attachments", () => {
  it.each([
    ["https://example.com/a.png", true],
    ["http://example.com/a.png", true],
    ["/home/me/.ssh/id_ed25519", false],
    ["file:///etc/passwd", false],
    ["C:\\secret.txt", false],
    ["data:text/plain,x", false],
    ["media://inbound/x", false],
    ["", false],
  ])("%s is a link: %s", (media, expected) => expect(isLink(media)).toBe(expected));

  it("are listed once each, in order", () => {
    expect(attachmentsOf({ mediaUrl: "/tmp/a" })).toEqual(["/tmp/a"]);
    expect(attachmentsOf({ mediaUrl: "/a", mediaUrls: ["/b", "/a", "/b"] })).toEqual(["/b", "/a"]);
    expect(attachmentsOf({ mediaUrls: [] })).toEqual([]);
    expect(attachmentsOf({})).toEqual([]);
  });
});
