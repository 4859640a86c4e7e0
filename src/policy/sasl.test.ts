import { describe, expect, it } from "vitest";
import {
  type Channel,
  type SaslPolicy,
  type ServerRecord,
  chooseSasl,
  findDowngrade,
} from "./sasl.ts";

const ALL = ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"];
const PLUS = ALL.slice(1).map((name) => `${name}-PLUS`);
const tls13: Channel = {
  isBindable: true,
  isEncrypted: true,
  bindings: ["tls-exporter", "tls-server-end-point"],
};
const tls12: Channel = { ...tls13, bindings: ["tls-unique", "tls-server-end-point"] };
const webSocket: Channel = { isBindable: false, isEncrypted: true, bindings: [] };
const inTheClear: Channel = { isBindable: false, isEncrypted: false, bindings: [] };

type Row = [what: string, string[], string[] | undefined, Channel, SaslPolicy, object];
const rows: Row[] = [
  ["the strongest hash", ALL, undefined, tls13, {}, { mechanism: "SCRAM-SHA-512", flag: "y" }],
  [
    "SHA-1 where there is no other",
    ["SCRAM-SHA-1", "X"],
    undefined,
    tls13,
    {},
    { mechanism: "SCRAM-SHA-1", flag: "y" },
  ],
  [
    "tls-exporter, announced",
    [...ALL, ...PLUS],
    ["tls-server-end-point", "tls-exporter"],
    tls13,
    {},
    { mechanism: "SCRAM-SHA-512", flag: "p", binding: "tls-exporter" },
  ],
  [
    "tls-server-end-point, where nothing better is announced",
    [...ALL, ...PLUS],
    ["x", "tls-server-end-point"],
    tls13,
    {},
    { flag: "p", binding: "tls-server-end-point" },
  ],
  [
    "tls-unique up to TLS 1.2, though nothing is announced",
    [...ALL, ...PLUS],
    undefined,
    tls12,
    {},
    { flag: "p", binding: "tls-unique" },
  ],
  [
    "binding before the hash",
    ["SCRAM-SHA-512", "SCRAM-SHA-1-PLUS"],
    undefined,
    tls12,
    {},
    { mechanism: "SCRAM-SHA-1", flag: "p" },
  ],
  [
    "no guess on TLS 1.3 where nothing is announced (ejabberd 23.01)",
    [...ALL, ...PLUS],
    undefined,
    tls13,
    {},
    { mechanism: "SCRAM-SHA-512", flag: "n" },
  ],
  [
    "n where -PLUS is offered for types that we cannot do",
    [...ALL, ...PLUS],
    ["tls-later"],
    tls13,
    {},
    { flag: "n" },
  ],
  [
    "what the server refused is not tried again",
    [...ALL, ...PLUS],
    ["tls-exporter"],
    { ...tls13, bindings: [] },
    {},
    { flag: "n" },
  ],
  [
    "y where types are announced, but -PLUS is not offered",
    ALL,
    ["tls-exporter"],
    tls13,
    {},
    { flag: "y" },
  ],
  ["n over a WebSocket", ALL, undefined, webSocket, {}, { flag: "n" }],
  [
    "n with channel binding off",
    [...ALL, ...PLUS],
    ["tls-exporter"],
    tls13,
    { channelBinding: "off" },
    { flag: "n" },
  ],
  [
    "n with channel binding off, where none is offered",
    ALL,
    undefined,
    tls13,
    { channelBinding: "off" },
    { flag: "n" },
  ],
  [
    "binding, where it is required",
    [...ALL, ...PLUS],
    ["tls-exporter"],
    tls13,
    { channelBinding: "require" },
    { flag: "p" },
  ],
  [
    "nothing without binding, where it is required",
    ALL,
    undefined,
    tls13,
    { channelBinding: "require", allowPlain: true },
    { refused: "channel-binding" },
  ],
  ["nothing of PLAIN by itself", ["PLAIN"], undefined, tls13, {}, { refused: "no-mechanism" }],
  [
    "PLAIN, by option",
    ["PLAIN", "X"],
    undefined,
    tls13,
    { allowPlain: true },
    { mechanism: "PLAIN" },
  ],
  [
    "SCRAM before PLAIN",
    ALL,
    undefined,
    tls13,
    { allowPlain: true },
    { mechanism: "SCRAM-SHA-512" },
  ],
  [
    "no PLAIN in the clear, whatever the option",
    ["PLAIN"],
    undefined,
    inTheClear,
    { allowPlain: true },
    { refused: "no-mechanism" },
  ],
  [
    "nothing of an empty offer",
    [],
    undefined,
    tls13,
    { allowPlain: true },
    { refused: "no-mechanism" },
  ],
];

describe("the choice of a mechanism", () => {
  it.each(rows)("takes %s", (_what, mechanisms, bindings, channel, policy, expected) => {
    expect(chooseSasl({ mechanisms, bindings }, channel, policy)).toMatchObject(expected);
  });
});

const record = (mechanism: string, binding?: string, encrypted = true) =>
  ({ mechanism, binding, encrypted }) as ServerRecord;

describe("what is less than before", () => {
  it.each<[ServerRecord, ServerRecord, string | undefined]>([
    [record("SCRAM-SHA-256"), record("SCRAM-SHA-256"), undefined],
    [record("SCRAM-SHA-1"), record("SCRAM-SHA-512"), undefined],
    [record("SCRAM-SHA-512"), record("SCRAM-SHA-256"), "SCRAM-SHA-512"],
    [record("SCRAM-SHA-1"), record("PLAIN"), "SCRAM-SHA-1"],
    [record("PLAIN"), record("SCRAM-SHA-1"), undefined],
    [record("SCRAM-SHA-1", "tls-unique"), record("SCRAM-SHA-1", "tls-exporter"), undefined],
    [
      record("SCRAM-SHA-1", "tls-exporter"),
      record("SCRAM-SHA-512"),
      "channel binding (tls-exporter)",
    ],
    [
      record("SCRAM-SHA-1", "tls-exporter"),
      record("SCRAM-SHA-1", "tls-server-end-point"),
      "channel binding (tls-exporter)",
    ],
    [record("SCRAM-SHA-1", "tls-server-end-point"), record("SCRAM-SHA-1", "tls-unique"), undefined],
    [record("SCRAM-SHA-512"), record("SCRAM-SHA-1", "tls-exporter"), undefined],
    [
      record("SCRAM-SHA-512", "tls-server-end-point"),
      record("SCRAM-SHA-1", "tls-exporter"),
      "SCRAM-SHA-512",
    ],
    [record("SCRAM-SHA-1"), record("SCRAM-SHA-1", undefined, false), "TLS"],
    [record("SCRAM-SHA-1", undefined, false), record("SCRAM-SHA-1"), undefined],
  ])("%j, then %j: %s", (before, now, lacking) => {
    expect(findDowngrade(before, now, true)).toBe(lacking);
  });

  it("is not the binding, where we chose a way without it", () => {
    const [before, now] = [record("SCRAM-SHA-256", "tls-exporter"), record("SCRAM-SHA-256")];
    expect(findDowngrade(before, now, false)).toBeUndefined();
  });
});
