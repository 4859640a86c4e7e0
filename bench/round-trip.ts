import type { IrcClient } from "../test/support/irc.ts";
import type { RawXmpp } from "../test/support/raw-xmpp.ts";
import { ms, percentile, table } from "./statistics.ts";

/** Says `text` to the agent and resolves when "echo: <text>" is there. */
export type Ask = (text: string) => Promise<void>;

export function askOverXmpp(client: RawXmpp, agent: string): Ask {
  return async (text) => {
    const answer = client.next(new RegExp(`<body>[^<]*echo: ${text}</body>`), 60_000);
    client.write(`<message to="${agent}" type="chat" id="${text}"><body>${text}</body></message>`);
    await answer;
  };
}

export function askOverIrc(client: IrcClient, agent: string): Ask {
  return async (text) => {
    const answer = client.waitFor(({ text: said }) => said.includes(`echo: ${text}`), 60_000);
    client.send(agent, text);
    await answer;
  };
}

export interface RoundTrips {
  readonly xmpp: readonly number[];
  readonly irc: readonly number[];
}

/** Milliseconds of `rounds` round trips on each channel, taking turns in who goes first. */
export async function measureRoundTrips(
  asks: { readonly xmpp: Ask; readonly irc: Ask },
  rounds: number,
  warmUp: number,
): Promise<RoundTrips> {
  const times = { xmpp: [] as number[], irc: [] as number[] };
  for (let round = 0; round < warmUp + rounds; round++) {
    const order = round % 2 === 0 ? (["xmpp", "irc"] as const) : (["irc", "xmpp"] as const);
    for (const channel of order) {
      const since = performance.now();
      await asks[channel](`round-${round}-x`);
      if (round >= warmUp) times[channel].push(performance.now() - since);
    }
  }
  return times;
}

export function roundTripTable({ xmpp, irc }: RoundTrips): string {
  const row = (name: string, share: number): string[] => {
    const ours = percentile(xmpp, share);
    const theirs = percentile(irc, share);
    return [name, ms(ours), ms(theirs), (ours / theirs).toFixed(2)];
  };
  return table(
    ["", "XMPP, ms", "IRC, ms", "ratio"],
    [row("p50", 0.5), row("p90", 0.9), row("fastest", 0)],
  );
}
