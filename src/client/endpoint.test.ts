import { describe, expect, it } from "vitest";
import { XmppConnectionError } from "../errors.ts";
import { addressOf, parseServer, resolveEndpoints } from "./endpoint.ts";
import type { SrvRecord } from "./endpoint.ts";

describe("the server setting", () => {
  it.each([
    ["chat.example.org", "tcp", "chat.example.org", 5222],
    ["Chat.Example.Org:5299", "tcp", "chat.example.org", 5299],
    ["bücher.example", "tcp", "xn--bcher-kva.example", 5222],
    ["192.0.2.7:5222", "tcp", "192.0.2.7", 5222],
    ["[2001:db8::7]:5300", "tcp", "2001:db8::7", 5300],
    ["[::1]", "tcp", "::1", 5222],
    ["::1", "tcp", "::1", 5222],
    ["xmpp://chat.example.org", "tcp", "chat.example.org", 5222],
    ["xmpp://chat.example.org:80", "tcp", "chat.example.org", 80],
    ["xmpps://chat.example.org", "tls", "chat.example.org", 5223],
    ["xmpps://chat.example.org:443/", "tls", "chat.example.org", 443],
    ["xmpps://[::1]:443", "tls", "::1", 443],
  ])("%s", (text, transport, host, port) => {
    expect(parseServer(text, "example.org")).toEqual({
      kind: "endpoint",
      endpoint: { transport, host, port },
    });
  });

  it.each(["wss://chat.example.org/ws", "ws://127.0.0.1:5280/xmpp-websocket?x=1"])("%s", (url) => {
    expect(parseServer(url, "example.org")).toEqual({
      kind: "endpoint",
      endpoint: { transport: "websocket", url },
    });
  });

  it.each([undefined, "", "  "])("left out (%j): discovery", (text) => {
    expect(parseServer(text, "example.org")).toEqual({ kind: "discover", domain: "example.org" });
  });

  it.each([
    ["http://chat.example.org", /"http:" is not a scheme/],
    ["chat.example.org:99999", /is not a server/],
    ["chat.example.org:0", /port 0/],
    ["chat.example.org:port", /is not a server/],
    ["chat.example.org/path", /nothing after/],
    ["xmpp://alice:secret@chat.example.org", /must not hold a user or password/],
    ["alice@chat.example.org", /must not hold a user/],
    ["wss://u:p@chat.example.org/", /must not hold a user/],
    ["xmpp://", /names no host|is not a server/],
    ["two words", /is not a server|names no host/],
    ["[not:ipv6]:5222", /is not a server|names no host/],
    ["a%zz", /is not a server|names no host/],
  ])("%s is refused in words", (text, problem) => {
    const parsed = parseServer(text, "example.org");
    expect(parsed).toEqual({ problem: expect.stringMatching(problem) });
    expect(JSON.stringify(parsed)).not.toContain("secret");
  });
});

function srv(name: string, port: number, priority = 0, weight = 0): SrvRecord {
  return { name, port, priority, weight };
}

/** A DNS that knows `table`, and answers NXDOMAIN for all else. */
function dns(table: Record<string, SrvRecord[]>) {
  const asked: string[] = [];
  const resolver = async (name: string): Promise<SrvRecord[]> => {
    asked.push(name);
    const records = table[name];
    if (!records) throw Object.assign(new Error("queryS ENOTFOUND"), { code: "ENOTFOUND" });
    return records;
  };
  return { resolver, asked };
}

const DIRECT = "_xmpps-client._tcp.example.org";
const STARTTLS = "_xmpp-client._tcp.example.org";
const discover = { kind: "discover", domain: "example.org" } as const;

describe("discovery", () => {
  it("asks both services and merges them by priority (XEP-0368)", async () => {
    const { resolver, asked } = dns({
      [DIRECT]: [srv("b.example.org", 443, 20), srv("a.example.org", 5223, 5)],
      [STARTTLS]: [srv("c.example.org.", 5222, 10)],
    });
    expect(await resolveEndpoints(discover, resolver)).toEqual([
      { transport: "tls", host: "a.example.org", port: 5223 },
      { transport: "tcp", host: "c.example.org", port: 5222 },
      { transport: "tls", host: "b.example.org", port: 443 },
    ]);
    expect(asked.toSorted()).toEqual([STARTTLS, DIRECT].toSorted());
  });

  it("draws by weight within a priority (RFC 2782)", async () => {
    const { resolver } = dns({
      [STARTTLS]: [srv("zero", 1, 1, 0), srv("light", 1, 1, 10), srv("heavy", 1, 1, 90)],
    });
    const order = async (...draws: number[]) => {
      const endpoints = await resolveEndpoints(discover, resolver, () => draws.shift() ?? 0);
      return endpoints.map((endpoint) => ("host" in endpoint ? endpoint.host : ""));
    };
    expect(await order(0, 0, 0)).toEqual(["zero", "light", "heavy"]);
    expect(await order(0.5, 0.5, 0)).toEqual(["heavy", "light", "zero"]);
    expect(await order(0.05, 0.99, 0)).toEqual(["light", "heavy", "zero"]);
  });

  it("falls back to the domain on 5222 when DNS has no records, or does not answer", async () => {
    const expected = [{ transport: "tcp", host: "example.org", port: 5222 }];
    expect(await resolveEndpoints(discover, dns({}).resolver)).toEqual(expected);
    const dead = async () => {
      throw Object.assign(new Error("queryS ETIMEOUT"), { code: "ETIMEOUT" });
    };
    expect(await resolveEndpoints(discover, dead)).toEqual(expected);
  });

  it('leaves out what the target "." declares as not offered', async () => {
    const { resolver } = dns({ [STARTTLS]: [srv("", 0)], [DIRECT]: [srv("a.example.org", 5223)] });
    expect(await resolveEndpoints(discover, resolver)).toEqual([
      { transport: "tls", host: "a.example.org", port: 5223 },
    ]);
    const none = dns({ [STARTTLS]: [srv(".", 0)] });
    const failed = resolveEndpoints(discover, none.resolver);
    await expect(failed).rejects.toThrow(XmppConnectionError);
    await expect(failed).rejects.toMatchObject({ condition: "dns" });
  });

  it("asks with the ASCII form of an international domain", async () => {
    const { resolver, asked } = dns({});
    const endpoints = await resolveEndpoints(
      { kind: "discover", domain: "bücher.example" },
      resolver,
    );
    expect(endpoints).toEqual([{ transport: "tcp", host: "xn--bcher-kva.example", port: 5222 }]);
    expect(asked).toContain("_xmpp-client._tcp.xn--bcher-kva.example");
  });

  it("never asks DNS for localhost, an IP address or an endpoint that was given", async () => {
    const { resolver, asked } = dns({});
    await resolveEndpoints({ kind: "discover", domain: "localhost" }, resolver);
    await resolveEndpoints({ kind: "discover", domain: "127.0.0.1" }, resolver);
    await resolveEndpoints(
      { kind: "endpoint", endpoint: { transport: "tcp", host: "chat.example.org", port: 5222 } },
      resolver,
    );
    expect(asked).toEqual([]);
  });
});

describe("addressOf", () => {
  it.each([
    [
      { transport: "websocket", url: "wss://chat.example/ws?token=secret" },
      "wss://chat.example/ws",
    ],
    [{ transport: "websocket", url: "wss://chat.example/ws" }, "wss://chat.example/ws"],
    [{ transport: "tcp", host: "::1", port: 5222 }, "[::1]:5222"],
    [{ transport: "tls", host: "chat.example", port: 5223 }, "chat.example:5223"],
  ] as const)("%j is shown as %s: what a URL asks with may be a token", (endpoint, shown) => {
    expect(addressOf(endpoint)).toBe(shown);
  });
});
