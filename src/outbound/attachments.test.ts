import { describe, expect, it } from "vitest";
import { isLink, keepLinks } from "./attachments.ts";

type Said = { text: string; mediaUrl?: string; mediaUrls?: string[] };

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

  it("never let a path out", () => {
    const text = "see" as string;
    expect(keepLinks<Said>({ text, mediaUrl: "/tmp/a" })).toEqual({
      payload: { text, mediaUrls: [] },
      left: 1,
    });
    expect(keepLinks<Said>({ text, mediaUrls: ["https://a.example/b", "./c"] })).toEqual({
      payload: { text, mediaUrls: ["https://a.example/b"] },
      left: 1,
    });
    expect(keepLinks<Said>({ text })).toEqual({ payload: { text, mediaUrls: [] }, left: 0 });
  });
});
