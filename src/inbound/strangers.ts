/**
 * Direct messages of people whom policy cannot let in would otherwise all be stored, only to be dropped
 * when their turn comes: whoever sends thousands of them would keep everybody else waiting. So only so
 * many reach the disk, which is enough to ask for a pairing code. Whoever may be let in is not counted.
 * The same holds for what an archive kept: strangers must not take up what is read of it.
 */
import { matchesAllowlist } from "../policy/allowlist.ts";
import type { XmppAccountPolicy } from "../policy/account-policy.ts";
import { createRate } from "../policy/rate.ts";
import type { BareJid } from "../protocol/jid.ts";

const WINDOW_MS = 60_000;
/** Messages of one stranger in a minute; it takes one to ask for a code. */
const EACH = 5;
/** How long the host's list of who was approved is believed, ms. */
const APPROVED_MS = 2_000;

export type Strangers = {
  /** Whether a direct message of `peer` is to be stored; counts it. */
  mayBeStored(peer: BareJid): Promise<boolean> | boolean;
  /** @returns whom policy, as it is now, cannot let in */
  find(): Promise<(peer: BareJid) => boolean>;
};

export function createStrangers(params: {
  readPolicy: () => Pick<XmppAccountPolicy, "dmPolicy" | "allowFrom" | "limits">;
  /** Who was approved by a pairing code. */
  approved: () => Promise<readonly string[]>;
  now: () => number;
}): Strangers {
  const { readPolicy, approved, now } = params;
  const asked = createRate(WINDOW_MS);
  let last: { at: number; jids: Promise<ReadonlySet<string>> } | undefined;

  function approvedLately(): Promise<ReadonlySet<string>> {
    const at = now();
    if (last && at >= last.at && at - last.at < APPROVED_MS) return last.jids;
    // Where the list cannot be read, whoever is over the bound is taken for a stranger.
    const jids = approved().then(
      (list) => new Set(list),
      () => new Set<string>(),
    );
    last = { at, jids };
    return jids;
  }

  function isListed(peer: BareJid): boolean {
    const { dmPolicy, allowFrom } = readPolicy();
    // The members of the host's access groups are not known here.
    const mayMatch = allowFrom.some((entry) => entry.trim().startsWith("accessGroup:"));
    return dmPolicy === "open" || mayMatch || matchesAllowlist(allowFrom, peer);
  }

  return {
    mayBeStored(peer) {
      if (isListed(peer)) return true;
      const bounds = { each: EACH, total: EACH * readPolicy().limits.pairingsPerMinute };
      if (asked.take(peer, bounds, now()) === "granted") return true;
      return approvedLately().then((jids) => jids.has(peer));
    },
    async find() {
      const jids = await approvedLately();
      return (peer) => !isListed(peer) && !jids.has(peer);
    },
  };
}
