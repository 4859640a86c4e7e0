import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createAgentPresence, type AgentPresenceSettings, type Shown } from "./agent-presence.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());
const pass = (seconds: number) => void vi.advanceTimersByTime(seconds * 1000);

const BUSY = { show: "dnd", status: "at work" };

function start(settings: AgentPresenceSettings = {}) {
  const told: Shown[] = [];
  const presence = createAgentPresence({
    readSettings: () => settings,
    announce: () => void told.push(presence.current()),
  });
  return { presence, told, settings };
}

describe("the agent's presence", () => {
  it("says that it is at work once a turn lasts, and that it is done", () => {
    const { presence, told } = start();
    const end = presence.begin();
    pass(9);
    expect(told).toEqual([]);
    pass(2);
    expect(told).toEqual([BUSY]);
    pass(30);
    end();
    end();
    expect(told).toEqual([BUSY, {}]);
  });

  it("says nothing of short turns, however many", () => {
    const { presence, told } = start();
    for (let turn = 0; turn < 100; turn += 1) {
      const end = presence.begin();
      pass(5);
      end();
      pass(1);
    }
    expect(told).toEqual([]);
  });

  it("counts turns at the same time as one", () => {
    const { presence, told } = start();
    const first = presence.begin();
    pass(6);
    const second = presence.begin();
    first();
    // Ended already: the second one is still at it.
    first();
    pass(6);
    expect(told).toEqual([BUSY]);
    pass(30);
    second();
    expect(told).toEqual([BUSY, {}]);
  });

  it("never says more than one change in 30 seconds, and the last one in the end", () => {
    const { presence, told } = start({ busyAfterSeconds: 1 });
    for (let turn = 0; turn < 60; turn += 1) {
      const end = presence.begin();
      pass(1);
      end();
      pass(1);
    }
    expect(told.length).toBeLessThanOrEqual(5);
    pass(60);
    expect(presence.current()).toEqual({});
    expect(told.at(-1)).toEqual({});
  });

  it("is what the agent chose, until it chooses nothing; and away at once as the Gateway drains", () => {
    const { presence, told } = start();
    presence.choose({ show: "xa", status: "thinking" });
    const end = presence.begin();
    pass(60);
    expect(told).toEqual([{ show: "xa", status: "thinking" }]);
    presence.choose({});
    expect(told.at(-1)).toEqual(BUSY);
    presence.drain();
    expect(told.at(-1)).toEqual({ show: "away", status: "back soon" });
    end();
    pass(60);
    expect(told.at(-1)).toEqual({ show: "away", status: "back soon" });
    const { presence: chosen } = start();
    chosen.choose({ show: "chat" });
    chosen.drain();
    expect(chosen.current()).toEqual({ show: "away", status: "back soon" });
  });

  it("has the operator's words, which may change as it runs; or none of it", () => {
    const { presence, told, settings } = start({
      available: "Ask me!",
      busy: "",
      busyShow: "chat",
    });
    expect(presence.current()).toEqual({ status: "Ask me!" });
    presence.begin();
    pass(10);
    expect(told).toEqual([{ show: "chat" }]);
    Object.assign(settings, { follow: false, available: "Ask us!" });
    presence.apply();
    pass(30);
    expect(told.at(-1)).toEqual({ status: "Ask us!" });
    presence.drain();
    expect(told).toHaveLength(2);
  });

  it("is not said any more after the end", () => {
    const { presence, told } = start();
    presence.begin();
    presence.stop();
    pass(60);
    presence.drain();
    expect(told).toEqual([]);
  });
});
