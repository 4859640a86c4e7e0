import { describe, expect, it } from "vitest";
import { createScram, preparePassword } from "./scram.ts";

const NONE = { flag: "n" } as const;
const vectors = [
  {
    from: "RFC 5802 §5",
    name: "SCRAM-SHA-1",
    nonce: "fyko+d2lbbFgONRv9qkxdawL",
    serverFirst: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    final: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    serverFinal: "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
  },
  {
    from: "RFC 7677 §3",
    name: "SCRAM-SHA-256",
    nonce: "rOprNGfwEbeRWgbNEkqO",
    serverFirst:
      "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    final:
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    serverFinal: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
  },
] as const;

describe("SCRAM", () => {
  it.each(vectors)("gives the messages of $from", async (vector) => {
    const scram = createScram(vector.name, "user", "pencil", NONE, vector.nonce);
    expect(scram.first).toBe(`n,,n=user,r=${vector.nonce}`);
    expect(await scram.final(vector.serverFirst)).toBe(vector.final);
    expect(() => scram.verify(vector.serverFinal)).not.toThrow();
  });

  it("escapes a user name, and has a fresh nonce each time", () => {
    expect(createScram("SCRAM-SHA-1", "a=b,c", "x", NONE, "N").first).toBe("n,,n=a=3Db=2Cc,r=N");
    expect(createScram("SCRAM-SHA-1", "u", "x").first).not.toBe(
      createScram("SCRAM-SHA-1", "u", "x").first,
    );
  });

  it.each([
    ["a nonce that is not ours", "r=other123,s=QSXCR+Q6sek8bf92,i=4096"],
    ["a nonce that adds nothing", "r=mine,s=QSXCR+Q6sek8bf92,i=4096"],
    ["no salt", "r=mine2,s=,i=4096"],
    ["too few iterations", "r=mine2,s=QSXCR+Q6sek8bf92,i=1"],
    ["endless iterations", "r=mine2,s=QSXCR+Q6sek8bf92,i=2000001"],
    ["more digits than a count has", "r=mine2,s=QSXCR+Q6sek8bf92,i=99999999999999999999"],
    ["no count", "r=mine2,s=QSXCR+Q6sek8bf92,i=-4096"],
    ["an unknown mandatory extension", "m=x,r=mine2,s=QSXCR+Q6sek8bf92,i=4096"],
    ["nothing", ""],
  ])("refuses %s", async (_what, serverFirst) => {
    const scram = createScram("SCRAM-SHA-256", "user", "pencil", NONE, "mine");
    await expect(scram.final(serverFirst)).rejects.toMatchObject({ condition: "protocol" });
  });

  it.each(["v=AAAA", "v=", "", "x", "v=rmF9pqV8S7suAoZWja4dJRkFsKA="])(
    "does not believe a server that proves nothing (%j)",
    async (serverFinal) => {
      const scram = createScram("SCRAM-SHA-1", "user", "pencil", NONE, vectors[0].nonce);
      expect(() => scram.verify(serverFinal)).toThrow(/proof/);
      await scram.final(vectors[0].serverFirst);
      expect(() => scram.verify(serverFinal)).toThrow(
        expect.objectContaining({ condition: "server-signature", fatal: true }),
      );
    },
  );

  it.each([
    [{ flag: "n" } as const, "n,,", "n,,"],
    [{ flag: "y" } as const, "y,,", "y,,"],
    [
      { flag: "p", type: "tls-exporter", data: Buffer.from("DATA") } as const,
      "p=tls-exporter,,",
      "p=tls-exporter,,DATA",
    ],
  ])(
    "says what it is bound to (%j), first in the clear, then under the proof",
    async (gs2, header, bound) => {
      const scram = createScram("SCRAM-SHA-256", "user", "pencil", gs2, "mine");
      expect(scram.first).toBe(`${header}n=user,r=mine`);
      const final = await scram.final("r=mine2,s=QSXCR+Q6sek8bf92,i=4096");
      expect(final.startsWith(`c=${Buffer.from(bound).toString("base64")},r=mine2,p=`)).toBe(true);
    },
  );

  it("reads the server's own error as a refused login", () => {
    const scram = createScram("SCRAM-SHA-1", "user", "pencil");
    expect(() => scram.verify("e=invalid-proof")).toThrow(
      expect.objectContaining({ condition: "not-authorized" }),
    );
  });

  it("prepares passwords (RFC 4013 §3)", () => {
    expect(preparePassword("I\u00adX")).toBe("IX");
    expect(preparePassword("\u00aa")).toBe("a");
    expect(preparePassword("\u2168")).toBe("IX");
    expect(preparePassword("a\u00a0b")).toBe("a b");
    expect(preparePassword("USER pass")).toBe("USER pass");
  });
});
