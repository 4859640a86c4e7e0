/** A server that goes and comes back: its clients are there again, and not all at once. `npm run bench` measures it. */
import { describe, expect, it } from "vitest";
import { outage, peak, withAccounts, type Outage } from "../support/restarts.ts";

describe("a server that is restarted", () => {
  it("has the account back, in all its rooms, after each of five times", async () => {
    const outages: Outage[] = [
      { how: "kill", ms: 0 },
      { how: "shutDown", ms: 0 },
      { how: "kill", ms: 1_000 },
      { how: "shutDown", ms: 2_000 },
      { how: "kill", ms: 3_000 },
    ];
    await withAccounts(1, 3, async (prosody, accounts) => {
      for (const each of outages) {
        await outage(prosody, accounts, each);
        const [account] = accounts;
        expect(account?.session.state).toMatchObject({ kind: "online" });
        const states = account?.rooms.list().map(({ state }) => state);
        expect(states).toEqual(["joined", "joined", "joined"]);
      }
    });
  });

  it("is not run down by twenty accounts: each logs in once or so, and not in one second", async () => {
    await withAccounts(20, 1, async (prosody, accounts) => {
      const { logins } = await outage(prosody, accounts, { how: "kill", ms: 3_000 });
      expect(accounts.every(({ isBack }) => isBack())).toBe(true);
      expect(logins.length).toBeGreaterThanOrEqual(20);
      expect(logins.length).toBeLessThan(40);
      expect(peak(logins)).toBeLessThan(20);
    });
  });
});
