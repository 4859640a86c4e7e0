/** Which references the host resolves for us, and what one that it cannot resolve stops. */
import type { ResolverContext } from "openclaw/plugin-sdk/channel-secret-basic-runtime";
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { describe, expect, it } from "vitest";
import { collectRuntimeConfigAssignments } from "./secret-contract.ts";

const ref = (id: string) => ({ source: "env", provider: "default", id });
const vault = { jid: "vault@muc.example", password: ref("VAULT") };

/** What is to be resolved, by its path; and the paths of what is passed over. */
function collect(xmpp: object) {
  const config = { channels: { xmpp } } as OpenClawConfig;
  const context: ResolverContext = {
    sourceConfig: config,
    env: {},
    cache: {},
    warnings: [],
    warningKeys: new Set(),
    assignments: [],
  };
  collectRuntimeConfigAssignments({ config, defaults: undefined, context });
  const { assignments, warnings } = context;
  return {
    assignments,
    resolved: assignments.map(({ path }) => path.replace("channels.xmpp.", "")),
    passedOver: warnings.map(({ path }) => path.replace("channels.xmpp.", "")),
  };
}

describe("the host resolves", () => {
  it("the passwords of accounts that run, and of the rooms that they enter", () => {
    const { resolved, passedOver } = collect({
      rooms: [vault],
      accounts: {
        work: { jid: "work@example", password: ref("WORK") },
        home: { jid: "home@example", password: ref("HOME"), rooms: [vault] },
        off: { jid: "off@example", password: ref("OFF"), rooms: [vault], enabled: false },
      },
    });
    expect(resolved.toSorted()).toEqual([
      "accounts.home.password",
      "accounts.home.rooms[0].password",
      "accounts.work.password",
      "rooms[0].password",
    ]);
    expect(passedOver.toSorted()).toEqual([
      "accounts.off.password",
      "accounts.off.rooms[0].password",
    ]);
  });

  it("nothing of rooms that no account enters", () => {
    const { resolved, passedOver } = collect({
      rooms: [vault],
      accounts: { work: { jid: "work@example", password: "plain", rooms: [] } },
    });
    expect(resolved).toEqual([]);
    expect(passedOver).toEqual(["rooms[0].password"]);
    const own = { jid: "bot@example", password: "plain", rooms: [] };
    expect(collect({ jid: "bot@example", rooms: [vault], accounts: { default: own } })).toEqual({
      assignments: [],
      resolved: [],
      passedOver: ["rooms[0].password"],
    });
  });

  it("a room's for each account that enters it: one that cannot be is the room's loss alone", () => {
    const account = { password: "plain" };
    const { assignments } = collect({
      jid: "bot@example",
      password: "plain",
      rooms: [vault],
      accounts: { work: { ...account, jid: "work@example" } },
    });
    expect(assignments.map(({ ownerId }) => ownerId).toSorted()).toEqual([
      "xmpp:default:room:vault@muc.example",
      "xmpp:work:room:vault@muc.example",
    ]);
    for (const assignment of assignments) {
      expect(assignment).toMatchObject({ disposition: "isolate", requiredForGateway: false });
    }
  });
});
