import { describe, expect, it } from "vitest";
import { printable, printableError } from "./cli-output.ts";

const forPeople = (method: string, result: object) =>
  printable(method, result as Record<string, unknown>, false);

describe("what people are shown", () => {
  it("in columns, without those that are empty, and with ages", () => {
    const messages = [
      { ageMs: 183_000, conversation: "alice@example", from: "alice@example", state: "held" },
      { ageMs: 900, conversation: "team@muc.example", from: "Bob", state: "queued", text: "hi" },
    ];
    expect(forPeople("xmpp.poll", { total: 7, messages })).toBe(
      [
        "waiting: 7",
        "  age    conversation      from  state   text",
        "  3 min  alice@example           held    (cannot be shown)",
        "  0 s    team@muc.example  Bob   queued  hi",
        "  … and 5 more",
      ].join("\n"),
    );
    expect(forPeople("xmpp.rooms", { rooms: [] })).toBe("rooms: 0");
  });

  it.each([
    [59_999, "59 s"],
    [60_000, "1 min"],
    [7_200_000, "2 h"],
    [200_000_000, "2 d"],
    [-5, "0 s"],
    [Number.NaN, "?"],
  ])("%d ms as %s", (oldestMs, shown) => {
    const conversations = [{ conversation: "a@b", waiting: 1, oldestMs }];
    const limits = { conversation: 100, account: 2_000, maxAgeMinutes: 1_440 };
    const lines = forPeople("xmpp.queue", { waiting: 1, limits, conversations }).split("\n");
    expect(lines.at(-1)).toBe(`  a@b           1        ${shown}`);
  });

  it("nothing that others wrote steers the terminal", () => {
    const nick = "\u001b[31mred\u009b0m\u202eevil\nstate: online";
    const rooms = [{ room: "a@b", state: "joined", nick, occupantCount: 1 }];
    const shown = forPeople("xmpp.rooms", { rooms });
    expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(shown.split("\n")).toHaveLength(3);
    const json = printable("xmpp.rooms", { rooms }, true);
    expect(json).not.toMatch(/[\u001b\u009b\u202e]/);
    expect(JSON.parse(json)).toEqual({ rooms });
    expect(printableError(`forbidden (${nick})`)).toBe(
      "forbidden ( [31mred 0m evil\nstate: online)",
    );
  });

  it("the account's own address, and its session's apart, for as long as that is there", () => {
    const connection = { jid: "bot@example/laptop", since: Date.now() - 183_000, transport: "tcp" };
    expect(forPeople("xmpp.status", { jid: "bot@example", state: "online", connection })).toBe(
      [
        "jid:       bot@example",
        "state:     online",
        "session:   bot@example/laptop",
        "since:     3 min ago",
        "transport: tcp",
      ].join("\n"),
    );
  });

  it("a room that is not entered yet is told as that", () => {
    const result = { room: "a@b", state: "lost", nick: "bot", reason: "the service is down" };
    expect(forPeople("xmpp.join", result)).toBe(
      "not yet in a@b (lost: the service is down); it is tried again",
    );
  });

  it("contacts by whether they are there, and whether they were asked", () => {
    const contacts = [
      { jid: "a@b", subscription: "none", asked: true, online: true, show: "dnd" },
      { jid: "c@d", subscription: "both", asked: false, online: true },
      { jid: "e@f", subscription: "from", online: false },
    ];
    expect(forPeople("xmpp.roster", { contacts }).split("\n").slice(2)).toEqual([
      "  a@b  none, asked   dnd",
      "  c@d  both          online",
      "  e@f  from          offline",
    ]);
  });

  it("what a command has done, and what it has not", () => {
    expect(forPeople("xmpp.clear", { cleared: 2, kept: 1 })).toBe(
      "cleared: 2; 1 are with the agent already, and are answered",
    );
    expect(forPeople("xmpp.clear", { cleared: 2, kept: 0 })).toBe("cleared: 2");
    expect(forPeople("xmpp.nick", { jid: "a@b", name: "", added: false })).toBe(
      "a@b has no name any more",
    );
    expect(forPeople("xmpp.nick", { jid: "a@b", name: "Al", added: true })).toBe(
      "a@b is called Al, and is a contact now (without a subscription)",
    );
  });

  it("somebody who was denied was told of it only where they were", () => {
    const shown = (notified: boolean) =>
      forPeople("xmpp.pairing.deny", { denied: "eve@example", notified });
    expect(shown(true)).toBe("denied: eve@example (was told)");
    expect(shown(false)).toBe("denied: eve@example (was not told)");
  });

  it("what is new in an answer is shown, too", () => {
    expect(forPeople("xmpp.else", { one: 1, other: { deep: [1, 2] } })).toBe(
      "one:   1\nother: deep=1, 2",
    );
  });
});
