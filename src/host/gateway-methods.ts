/** RPC methods that run inside the Gateway, against the live session. `openclaw xmpp …` calls them. */
import type { OpenClawPluginApi } from "openclaw/plugin-sdk/channel-core";
import { messageOf } from "../errors.ts";
import { bareJid, parseJid, type BareJid } from "../protocol/jid.ts";
import type { LiveAccount } from "./live-accounts.ts";

function statusOf({ account, session, rooms, roster, tally }: LiveAccount) {
  const { state } = session;
  return {
    account: account.accountId,
    jid: account.jid,
    state: state.kind,
    ...(state.kind === "online" ? { connection: state.facts } : {}),
    ...("error" in state && state.error
      ? { error: state.error.message, advice: state.error.advice }
      : {}),
    rooms: rooms.list().length,
    contacts: roster.contacts().length,
    dropped: tally.read(),
  };
}

type Params = Readonly<Record<string, unknown>>;

/** @throws Error that says which parameter must be what */
function jidParam(params: Params, name: string): BareJid {
  const value = params[name];
  const jid = typeof value === "string" ? parseJid(value) : undefined;
  if (!jid?.local || jid.resource !== undefined) {
    throw new Error(
      `${name}: ${JSON.stringify(value)} is not a bare JID (user@domain, room@service)`,
    );
  }
  return jid.bare;
}

function occupantsOf({ rooms }: LiveAccount, params: Params) {
  const room = jidParam(params, "room");
  if (rooms.get(room)?.state !== "joined") throw new Error(`not in room ${room}`);
  return {
    occupants: rooms.occupants(room).map(({ nick, realJid, occupantId, affiliation, role }) => ({
      nick,
      jid: realJid,
      occupantId,
      affiliation,
      role,
    })),
  };
}

function leave({ membership }: LiveAccount, params: Params) {
  const room = jidParam(params, "room");
  if (!membership.leave(room)) {
    throw new Error(
      membership.isWanted(room)
        ? `${room} is in the configuration: take it out of rooms and mucRooms, or set its enabled to false`
        : `not in room ${room}`,
    );
  }
  return { left: room };
}

/** What was learnt of a person; or, by the own domain, of the server. */
function forget(live: LiveAccount, params: Params) {
  const { knownUsers, serverMemory, account, session } = live;
  const domain =
    account.jid === undefined ? undefined : bareJid(parseJid(account.jid)?.domain ?? "");
  if (domain !== undefined && params["jid"] === domain) {
    if (!serverMemory.forget(domain)) throw new Error(`${domain} is not known`);
    // Where it was refused for that, nothing else stands in the way of another try.
    session.start();
    return { forgotten: domain };
  }
  const jid = jidParam(params, "jid");
  if (!knownUsers.forget(jid)) throw new Error(`${jid} is not known`);
  return { forgotten: jid };
}

type Method = { scope: "operator.read" | "operator.write"; run: Run };
type Run = (live: LiveAccount, params: Params) => unknown;

const read = (run: Run): Method => ({ scope: "operator.read", run });
const write = (run: Run): Method => ({ scope: "operator.write", run });

const METHODS: Record<string, Method> = {
  "xmpp.status": read(statusOf),
  "xmpp.rooms": read(({ rooms }) => ({ rooms: rooms.list() })),
  "xmpp.occupants": read(occupantsOf),
  "xmpp.roster": read(({ roster }) => ({ contacts: roster.contacts() })),
  "xmpp.known": read(({ knownUsers }) => ({ known: knownUsers.list() })),
  "xmpp.forget": write(forget),
  "xmpp.leave": write(leave),
};

/** Loads nothing of an account until the first call. */
export function registerGatewayMethods(api: OpenClawPluginApi): void {
  for (const [name, { scope, run }] of Object.entries(METHODS)) {
    api.registerGatewayMethod(
      name,
      async ({ params, respond }) => {
        try {
          const [{ resolveAccount }, { requireLiveAccount }, { getRuntime }] = await Promise.all([
            import("./account.ts"),
            import("./live-accounts.ts"),
            import("./runtime.ts"),
          ]);
          const requested = typeof params.account === "string" ? params.account : null;
          const config = getRuntime().config.current() as OpenClawPluginApi["config"];
          respond(true, run(requireLiveAccount(resolveAccount(config, requested)), params));
        } catch (error) {
          const message = messageOf(error);
          respond(false, undefined, { code: "UNAVAILABLE", message });
        }
      },
      { scope },
    );
  }
}
