/** What the host attaches to a payload. */

/** Whether an attachment can be sent as a link: whoever reads it can fetch it there. */
export function isLink(media: string): boolean {
  return URL.canParse(media) && /^https?:$/.test(new URL(media).protocol);
}

type Media = { mediaUrl?: string | undefined; mediaUrls?: string[] | undefined };

/** The paths and URLs of all of them, in order. */
export function attachmentsOf({ mediaUrl, mediaUrls }: Media): string[] {
  const all = mediaUrls?.length ? mediaUrls : [mediaUrl ?? ""];
  return [...new Set(all.filter((media) => media.trim() !== ""))];
}
