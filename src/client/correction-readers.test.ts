import { expect, test } from "vitest";
import { createFakeLog, createFakeSession } from "../../test/support/fake-session.ts";
import { parseJid, type BareJid, type Jid } from "../protocol/jid.ts";
import { DISCO_INFO, encodeDiscoInfo, type DiscoInfo } from "../protocol/xep-0030-disco.ts";
import { capsNode, capsOf } from "../protocol/xep-0115-caps.ts";
import { CORRECTION } from "../protocol/xep-0308-correction.ts";
import { RETRACTION } from "../protocol/xep-0424-retraction.ts";
import { createContactPresences } from "./contact-presences.ts";
import { createCorrectionReaders } from "./correction-readers.ts";

const ALICE = "alice@example" as BareJid;

/** What a client says of itself; "silent" ones have no caps. */
type Client = { name?: string; features: string[] } | "silent";

const info = ({ name, features }: Exclude<Client, "silent">): DiscoInfo => ({
  identities: [{ category: "client", type: "phone", ...(name === undefined ? {} : { name }) }],
  features: [DISCO_INFO, ...features],
  forms: [],
});

/** Alice's clients, by resource, each with its priority; the resources of those that follow. */
async function followers(clients: Record<string, [Client, number?]>) {
  const session = createFakeSession();
  session.goOnline();
  const { request } = session;
  session.request = async (iq) => {
    const resource = parseJid(String(iq.attrs["to"]))?.resource ?? "";
    const client = clients[resource]?.[0];
    if (client && client !== "silent") {
      session.onRequest(DISCO_INFO, `<iq>${encodeDiscoInfo(info(client)).toString()}</iq>`);
    }
    return await request(iq);
  };
  const presences = createContactPresences();
  for (const [resource, [client, priority = 0]] of Object.entries(clients)) {
    const caps = client === "silent" ? undefined : capsNode(capsOf(info(client), "https://c"));
    presences.set(parseJid(`${ALICE}/${resource}`) as Jid, { priority }, caps);
  }
  const find = createCorrectionReaders(
    session,
    { resourcesOf: (jid) => presences.resources(jid) },
    createFakeLog(),
  );
  return (await find(ALICE)).map(({ jid, retracts }) => [parseJid(jid)?.resource, retracts]);
}

const MODERN = { features: [CORRECTION] };

test.each<[string, Record<string, [Client, number?]>, unknown[]]>([
  ["those that announce corrections", { a: [MODERN], b: [{ features: [] }] }, [["a", false]]],
  [
    "and whether they hide what is taken back",
    { a: [{ features: [CORRECTION, RETRACTION] }] },
    [["a", true]],
  ],
  ["not those that announce nothing", { a: ["silent"] }, []],
  ["nobody who is not online", {}, []],
  ["not those that get no messages", { a: [MODERN, -1] }, []],
  [
    "of several only those that surely get the answer",
    { a: [MODERN, 5], b: [MODERN, 1] },
    [["a", false]],
  ],
  [
    "nobody where one of them would lose the answer",
    { a: [MODERN], b: [{ ...MODERN, name: "Profanity 0.13.1" }] },
    [],
  ],
  ["those that do not any more", { a: [{ ...MODERN, name: "Profanity 0.15.0" }] }, [["a", false]]],
  [
    "those that follow nothing lose nothing",
    { a: [MODERN], b: [{ name: "Profanity 0.13.1", features: [] }] },
    [["a", false]],
  ],
])("growing answers are seen by %s", async (_, clients, expected) => {
  expect(await followers(clients)).toEqual(expected);
});

test("a stay lasts over changes of a presence, and ends with it", () => {
  const presences = createContactPresences();
  const jid = parseJid(`${ALICE}/a`) as Jid;
  const stay = () => presences.resources(ALICE)[0]?.stay;
  presences.set(jid, { priority: 0 });
  const first = stay();
  presences.set(jid, { priority: 0, show: "away" });
  expect(stay()).toBe(first);
  presences.remove(jid);
  presences.set(jid, { priority: 0 });
  expect(stay()).not.toBe(first);
});
