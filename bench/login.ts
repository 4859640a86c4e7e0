import { createPlainSession } from "../test/support/plain-session.ts";
import type { Prosody } from "../test/support/prosody.ts";
import { connectStock } from "../test/support/stock-client.ts";
import { ms, percentile, table } from "./statistics.ts";

interface Person {
  readonly jid: string;
  readonly password: string;
}

/** Milliseconds from `start()` to `online` of this plugin's session, over STARTTLS. */
async function loginOurs(prosody: Prosody, person: Person): Promise<number> {
  const { caFile, ports } = prosody;
  const session = createPlainSession({ ...person, caFile, port: ports.c2s });
  const since = performance.now();
  try {
    await new Promise<void>((resolve, reject) => {
      session.onState((state) => {
        if (state.kind === "online") resolve();
        if (state.kind === "refused" || state.kind === "waiting") reject(state.error);
      });
      session.start();
    });
    return performance.now() - since;
  } finally {
    await session.stop();
  }
}

async function loginStock(prosody: Prosody, person: Person): Promise<number> {
  const login = { ...person, port: prosody.ports.c2s, caFile: prosody.caFile };
  const client = await connectStock(login);
  await client.stop();
  return client.loginMs;
}

/** Login time of our session and of stock @xmpp/client against the same server, taking turns. */
export async function loginTable(prosody: Prosody, person: Person, runs: number): Promise<string> {
  const ours: number[] = [];
  const stock: number[] = [];
  await loginOurs(prosody, person);
  await loginStock(prosody, person);
  for (let run = 0; run < runs; run++) {
    ours.push(await loginOurs(prosody, person));
    stock.push(await loginStock(prosody, person));
  }
  const row = (name: string, share: number): string[] => {
    const [a, b] = [percentile(ours, share), percentile(stock, share)];
    return [name, ms(a), ms(b), (a / b).toFixed(2)];
  };
  return table(
    ["login over STARTTLS", "this plugin, ms", "stock @xmpp/client, ms", "ratio"],
    [row("p50", 0.5), row("p90", 0.9)],
  );
}
