/**
 * One session at a time for each full JID. Two with one JID and resource put each other out by turns
 * (RFC 6120 §7.7.2.2), so the second account waits until the first has stopped.
 */
type Claim = { accountId: string; released: Promise<void> };

const claims = new Map<string, Claim>();

/**
 * Takes a login for an account, at once where it is free.
 * @param onWait called with the id of the account that has it, each time that it has to be waited for
 * @returns a function that gives it back; undefined when `signal` aborted first
 */
export async function claimLogin(
  login: string,
  accountId: string,
  signal: AbortSignal,
  onWait: (holder: string) => void,
): Promise<(() => void) | undefined> {
  const aborted = new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  for (;;) {
    if (signal.aborted) return undefined;
    const holder = claims.get(login);
    if (holder === undefined) break;
    onWait(holder.accountId);
    await Promise.race([holder.released, aborted]);
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  const claim = { accountId, released: promise };
  claims.set(login, claim);
  return () => {
    if (claims.get(login) === claim) claims.delete(login);
    resolve();
  };
}
