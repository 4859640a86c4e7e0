/**
 * Attachments go out as links, which clients show; a file of this machine cannot go out at all until
 * upload (XEP-0363) is built, and its path is nobody's business.
 */

/** Whether an attachment can be sent as a link. */
export function isLink(media: string): boolean {
  return URL.canParse(media) && /^https?:$/.test(new URL(media).protocol);
}

type Media = { mediaUrl?: string | undefined; mediaUrls?: string[] | undefined };

/** `payload` with its links only, and how many attachments were left out. */
export function keepLinks<T extends Media>(payload: T): { payload: T; left: number } {
  const all = payload.mediaUrls?.length
    ? payload.mediaUrls
    : [payload.mediaUrl].filter((url) => url !== undefined);
  const links = all.filter(isLink);
  const { mediaUrl: _mediaUrl, mediaUrls: _mediaUrls, ...rest } = payload;
  return { payload: { ...rest, mediaUrls: links } as T, left: all.length - links.length };
}
