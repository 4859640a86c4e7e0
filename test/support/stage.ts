/**
 * What most end-to-end tests stand on: one Prosody, one stub model and one Gateway with the built
 * plugin (`npm run pack`) and several XMPP accounts, started by the first test that asks for it and
 * shared by all files that run in the same worker.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_LIMITS } from "../../src/policy/limits.ts";
import { REPOSITORY, startGateway, type Gateway } from "./gateway.ts";
import { UNHURRIED } from "./limits.ts";
import { startProsody, type Prosody } from "./prosody.ts";
import { startSlixmppUser, type SlixmppClient, type SlixmppLogin } from "./slixmpp.ts";
import { startStubModel, type StubModel } from "./stub-model.ts";

/** The package as it is published; `npm run pack` makes it. */
export const PACKAGE = join(REPOSITORY, "build", "package");

/** The accounts of the stage's Gateway, by account id; their passwords: passwordOf. */
export const BOTS = {
  /** dmPolicy pairing, groupPolicy open; in `rooms` below. */
  default: "bot@localhost",
  /** dmPolicy open, groupPolicy disabled; sits in `team` and `hidden` all the same. */
  open: "openbot@localhost",
  /** dmPolicy allowlist: alice@localhost and everybody of the other host. */
  listed: "listbot@localhost",
  /** dmPolicy allowlist: alice@localhost alone. */
  strict: "strictbot@localhost",
  /** groupPolicy allowlist with bob@localhost in groupAllowFrom; in `lab`, `duo`, and unlisted in `team`. */
  twin: "twin@localhost",
  /** dmPolicy open, with the limits that everybody has who sets none. */
  limited: "limitbot@localhost",
  /** dmPolicy disabled. */
  closed: "closedbot@localhost",
} as const;

/** Another server, as ours sees it: who has it can write in the name of anybody there (component.ts). */
export const EVIL = { domain: "evil.test", secret: "s3cret-of-evil" };

export type Stage = {
  prosody: Prosody;
  model: StubModel;
  gateway: Gateway;
  rooms: {
    /** Shows real JIDs; a mention is needed. */
    team: string;
    /** Hides real JIDs from all but moderators; only alice@localhost is listed. */
    hidden: string;
    /** Shows real JIDs; no mention needed, only alice@localhost and bob@localhost; has a prompt. */
    ops: string;
    /** In `rooms`, but `enabled: false`. */
    disabled: string;
    /** Shows real JIDs; a mention is needed, only alice@localhost and bob@localhost. */
    hall: string;
    /** Shows real JIDs; both the default account and `twin` are there, neither needs a mention. */
    duo: string;
    /** Shows real JIDs; `twin` is there with settings of every kind, and needs no mention. */
    lab: string;
    /** Owned by alice@localhost, who may kick, ban and destroy. */
    kicks: string;
    bans: string;
    doomed: string;
    /** Moderated: the agent has no voice. */
    mute: string;
  };
  /** A new person on slixmpp; the password is the name. */
  person(user: string, options?: Partial<SlixmppLogin> & { host?: string }): Promise<SlixmppClient>;
};

let stage: Promise<Stage> | undefined;

/** The shared stage; ended when the worker exits. */
export function getStage(): Promise<Stage> {
  return (stage ??= openStage());
}

async function openStage(): Promise<Stage> {
  if (!existsSync(join(PACKAGE, "dist", "index.js"))) {
    throw new Error("build/package is missing; run npm run pack (npm test does)");
  }
  const [prosody, model] = await Promise.all([
    startProsody({ components: [EVIL] }),
    startStubModel(),
  ]);
  await Promise.all(Object.values(BOTS).map((jid) => register(prosody, jid)));
  const rooms = await createRooms(prosody);
  const account = (jid: string) => ({ jid, password: passwordOf(jid) });
  const gateway = await startGateway({
    modelUrl: model.baseUrl,
    plugins: [{ kind: "path", path: PACKAGE }],
    config: {
      // Everybody has a conversation of their own, as an agent with several people needs it.
      session: { dmScope: "per-account-channel-peer" },
      // Else the first one who is paired becomes the owner, and from then on nobody else's commands
      // are run: tests would depend on their order.
      commands: { ownerAllowFrom: ["xmpp:alice@localhost"] },
      channels: {
        xmpp: {
          ...account(BOTS.default),
          server: `127.0.0.1:${prosody.ports.c2s}`,
          tls: { caFile: prosody.caFile },
          limits: UNHURRIED,
          rooms: [
            rooms.team,
            rooms.hidden,
            rooms.disabled,
            rooms.kicks,
            rooms.bans,
            rooms.doomed,
            rooms.mute,
          ],
          mucRooms: {
            [rooms.hidden]: { users: ["alice@localhost"] },
            [rooms.ops]: {
              requireMention: false,
              users: ["alice@localhost", "bob@localhost"],
              systemPrompt: "You keep the servers running.",
            },
            [rooms.disabled]: { enabled: false },
            [rooms.hall]: { users: ["alice@localhost", "bob@localhost"] },
            [rooms.duo]: { requireMention: false },
          },
          accounts: {
            default: {},
            open: {
              ...account(BOTS.open),
              ...ALONE,
              rooms: [rooms.team, rooms.hidden],
              dmPolicy: "open",
              groupPolicy: "disabled",
            },
            twin: {
              ...account(BOTS.twin),
              rooms: [rooms.team],
              groupPolicy: "allowlist",
              groupAllowFrom: ["bob@localhost"],
              mucRooms: {
                [rooms.duo]: { requireMention: false, users: ["alice@localhost"] },
                [rooms.lab]: {
                  requireMention: false,
                  users: ["alice@localhost", `*@${prosody.otherDomain}`],
                  systemPrompt: "You run the laboratory.",
                  skills: ["pipette"],
                  tools: { deny: ["write"] },
                  toolsBySender: {
                    "id:alice@localhost": { allow: ["read", "write"] },
                    [`*@${prosody.otherDomain}`]: { allow: ["read"] },
                  },
                },
              },
            },
            listed: {
              ...account(BOTS.listed),
              ...ALONE,
              dmPolicy: "allowlist",
              allowFrom: ["alice@localhost", `*@${prosody.otherDomain}`],
            },
            strict: {
              ...account(BOTS.strict),
              ...ALONE,
              dmPolicy: "allowlist",
              allowFrom: ["xmpp:Alice@LOCALHOST"],
            },
            limited: {
              ...account(BOTS.limited),
              ...ALONE,
              dmPolicy: "open",
              limits: DEFAULT_LIMITS,
            },
            closed: { ...account(BOTS.closed), ...ALONE, dmPolicy: "disabled" },
          },
        },
      },
    },
  });
  return {
    prosody,
    model,
    gateway,
    rooms,
    person: (user, options) => startSlixmppUser(prosody, user, options),
  };
}

/** Takes the root's rooms off an account. */
const ALONE = { rooms: [], mucRooms: {} };

/** Of one of the BOTS: nothing that stands in a log for another reason. */
export function passwordOf(jid: string): string {
  return `${userOf(jid)}-Passw0rd-of-the-stage`;
}

function userOf(jid: string): string {
  return jid.slice(0, jid.indexOf("@"));
}

async function createRooms(prosody: Prosody): Promise<Stage["rooms"]> {
  const owned = { affiliations: { "alice@localhost": "owner" } } as const;
  return {
    team: await prosody.room("team", { name: "The Team", publicJids: true }),
    hidden: await prosody.room("hidden", { name: "Masks", publicJids: false }),
    ops: await prosody.room("ops", { name: "Ops", publicJids: true }),
    disabled: await prosody.room("noise"),
    hall: await prosody.room("hall", { subject: "Welcome" }),
    duo: await prosody.room("duo"),
    lab: await prosody.room("lab", { name: "The Lab" }),
    kicks: await prosody.room("kicks", owned),
    bans: await prosody.room("bans", owned),
    doomed: await prosody.room("doomed", owned),
    mute: await prosody.room("mute", { moderated: true }),
  };
}

async function register(prosody: Prosody, jid: string): Promise<void> {
  await prosody.register(userOf(jid), passwordOf(jid));
}

/** The pairing code in a challenge. */
export function pairingCode(body: string | undefined): string {
  const code = /pairing approve xmpp (\S+)/.exec(body ?? "")?.[1];
  if (!code) throw new Error(`no pairing code in: ${body}`);
  return code;
}

/** Dismisses every open pairing request of the default account: the host keeps three at a time. */
export async function dismissPairings({ gateway }: Stage): Promise<void> {
  const account = { channel: "xmpp", accountId: "default" };
  const { requests } = (await gateway.call("channels.pairing.list", account)) as {
    requests: readonly { requestId: string }[];
  };
  for (const { requestId } of requests) {
    await gateway.call("channels.pairing.dismiss", { ...account, requestId });
  }
}
