/** What each fault does to what runs. */
import { writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

import type { Gateway } from "../support/gateway.ts";
import type { Prosody } from "../support/prosody.ts";
import type { TcpProxy } from "../support/tcp-proxy.ts";
import type { FaultKind, PlannedFault } from "./schedule.ts";
import type { SmallDisk } from "./small-disk.ts";

/** What faults are done to. */
export interface Victims {
  readonly line: TcpProxy;
  readonly prosody: Prosody;
  readonly gateway: GatewayLife;
  /** Undefined where the machine does not let us mount one. */
  readonly disk: SmallDisk | undefined;
  /** The file that test/chaos/clock.ts reads. */
  readonly clockFile: string;
}

/** The Gateway, as something that dies and comes back. */
export interface GatewayLife {
  readonly gateway: Gateway;
  /** ms, each time that it ended. */
  readonly ends: readonly number[];
  /** How often the host kept the channel down after its crashes, and was told to start it. */
  readonly overrides: number;
  /** Ends it, also in the midst of its start. */
  end(how: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Starts it in the background. */
  begin(): void;
  /** Resolves when the account is online; false when it is not in time. */
  waitForOnline(timeoutMs: number): Promise<boolean>;
  /** @throws when a start failed without having been interrupted */
  check(): void;
}

const DRAIN_MS = 120_000;

type Inject = (victims: Victims, fault: PlannedFault) => Promise<void>;

/** Each resolves when what it broke is mended; the agent may still be on its way back. */
export const INJECT: Readonly<Record<FaultKind, Inject>> = {
  async cut({ line }) {
    line.cut();
  },
  // The packets arrive when the line is back, as TCP repeats them.
  async "black-hole"({ line }, { lastsMs }) {
    line.hold();
    await delay(lastsMs);
    line.release();
  },
  // A router that forgot its connections: nobody is told, new ones pass.
  async "dead-line"({ line }) {
    line.abandon();
  },
  async delay({ line }, { amount, lastsMs }) {
    line.setDelay(amount);
    await delay(lastsMs);
    line.setDelay(0);
  },
  async "server-kill"({ prosody }, { lastsMs }) {
    await prosody.kill();
    await delay(lastsMs);
    await prosody.restart();
  },
  async "server-restart"({ prosody }) {
    await prosody.restart();
  },
  async "gateway-kill"({ gateway }, { lastsMs }) {
    await gateway.end("SIGKILL");
    await delay(lastsMs);
    gateway.begin();
  },
  async "gateway-restart"({ gateway }, { lastsMs }) {
    await gateway.end("SIGTERM");
    await delay(lastsMs);
    gateway.begin();
  },
  async "disk-full"({ disk }, { lastsMs }) {
    disk?.fill();
    await delay(lastsMs);
    disk?.free();
  },
  async "clock-jump"({ clockFile }, { amount, lastsMs }) {
    writeFileSync(clockFile, String(amount));
    await delay(lastsMs);
    writeFileSync(clockFile, "0");
  },
};

const SUPPRESSED = /channel autostart suppressed by crash-loop breaker/;

export function createGatewayLife(gateway: Gateway, account: string, line: TcpProxy): GatewayLife {
  const ends: number[] = [];
  let overrides = 0;
  let start: Promise<void> = Promise.resolve();
  let isEnding = false;
  let failure: unknown;

  const ownStatus = async () =>
    (await gateway.accounts("xmpp")).find(({ accountId }) => accountId === account);
  /**
   * Three crashes in five minutes make the host keep channels down for an operator to look at; the
   * documented override (gateway/restart-recovery.md) says that one has looked.
   */
  const override = async (): Promise<boolean> => {
    if (!SUPPRESSED.test(gateway.log())) return false;
    overrides++;
    await gateway.call("channels.start", { channel: "xmpp" });
    return true;
  };
  const bringUp = async (): Promise<void> => {
    try {
      await gateway.resume();
      while (!(await override()) && (await ownStatus())?.running !== true) await delay(250);
    } catch (error) {
      if (!isEnding) failure = error;
    }
  };
  return {
    gateway,
    ends,
    get overrides() {
      return overrides;
    },
    async end(how) {
      isEnding = true;
      await gateway.halt(how, DRAIN_MS);
      ends.push(Date.now());
      await start;
      isEnding = false;
    },
    begin() {
      start = bringUp();
    },
    async waitForOnline(timeoutMs) {
      await start;
      const deadline = performance.now() + timeoutMs;
      while (performance.now() < deadline) {
        const status = await ownStatus().catch(() => undefined);
        // Of a line that died without a word, the status does not know yet.
        if (status?.connected === true && line.live > 0) return true;
        await delay(250);
      }
      return false;
    },
    check() {
      if (failure !== undefined) throw failure;
    },
  };
}
