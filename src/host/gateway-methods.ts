/**
 * RPC methods that run inside the Gateway, against the live session. `openclaw xmpp …` calls them; what they do is in
 * the files live-*.ts, which are loaded with the first call.
 */
import type { OpenClawConfig, OpenClawPluginApi } from "openclaw/plugin-sdk/channel-core";
import { messageOf } from "../errors.ts";
import {
  addressParam,
  bareParam,
  InvalidParamError,
  jidParam,
  optionalAddress,
  optionalText,
  textParam,
  type Params,
} from "./gateway-params.ts";
import type { LiveAccount } from "./live-accounts.ts";

/**
 * Reading is for who may read; what others see, or what costs somebody something, for who may write; what is lost for
 * good, and what decides which server is believed, for administrators; pairing for who may pair, as the host has it.
 */
type Scope = "operator.read" | "operator.write" | "operator.admin" | "operator.pairing";
type Run = (live: LiveAccount, params: Params, cfg: OpenClawConfig) => unknown;
type Method = { scope: Scope; run: Run };

const status = () => import("./live-status.ts");
const rooms = () => import("./live-rooms.ts");
const contacts = () => import("./live-contacts.ts");
const queue = () => import("./live-queue.ts");
const directory = () => import("./live-directory.ts");
const network = () => import("./live-network.ts");
const pairing = () => import("./live-pairing.ts");

const read = (run: Run): Method => ({ scope: "operator.read", run });
const write = (run: Run): Method => ({ scope: "operator.write", run });
const admin = (run: Run): Method => ({ scope: "operator.admin", run });
const pair = (run: Run): Method => ({ scope: "operator.pairing", run });

const METHODS: Record<string, Method> = {
  "xmpp.status": read(async (live) => (await status()).describeStatus(live)),
  "xmpp.rooms": read(async (live) => (await rooms()).listRooms(live)),
  "xmpp.occupants": read(async (live, params) =>
    (await rooms()).listOccupants(live, jidParam(params, "room")),
  ),
  "xmpp.directory": read(async (live, params) => {
    const { parseQuestion, readDirectory } = await directory();
    return { entries: await readDirectory(live, parseQuestion(params)) };
  }),
  "xmpp.join": write(async (live, params) =>
    (await rooms()).joinRoom(live, jidParam(params, "room"), {
      nick: optionalText(params, "nick"),
      password: optionalText(params, "password"),
    }),
  ),
  "xmpp.leave": write(async (live, params) =>
    (await rooms()).leaveRoom(live, jidParam(params, "room")),
  ),
  "xmpp.invite": write(async (live, params) =>
    (await rooms()).inviteToRoom(
      live,
      jidParam(params, "room"),
      jidParam(params, "jid"),
      optionalText(params, "reason"),
    ),
  ),
  "xmpp.roster": read(async (live) => (await contacts()).listContacts(live)),
  "xmpp.nick": write(async (live, params) =>
    (await contacts()).nameContact(live, jidParam(params, "jid"), textParam(params, "name")),
  ),
  "xmpp.known": read(async (live) => (await contacts()).listKnown(live)),
  "xmpp.forget": admin(async (live, params) =>
    (await contacts()).forget(live, bareParam(params, "jid")),
  ),
  "xmpp.poll": read(async (live, params) =>
    (await queue()).peekQueue(live, optionalAddress(params, "conversation")),
  ),
  "xmpp.queue": read(async (live) => (await queue()).describeQueue(live)),
  "xmpp.clear": admin(async (live, params) =>
    (await queue()).clearQueue(live, optionalAddress(params, "conversation")),
  ),
  "xmpp.ping": read(async (live, params) =>
    (await network()).ping(live, optionalAddress(params, "jid")),
  ),
  "xmpp.disco": read(async (live, params) =>
    (await network()).discover(live, addressParam(params, "jid"), optionalText(params, "node")),
  ),
  "xmpp.vcard": read(async (live, params) =>
    (await network()).readVCard(live, optionalAddress(params, "jid")),
  ),
  "xmpp.upload": write(async (live, params, cfg) =>
    (await network()).uploadFile(live, cfg, textParam(params, "file")),
  ),
  "xmpp.pairing.approved": pair(async (live) => (await pairing()).listApproved(live)),
  "xmpp.pairing.pending": pair(async (live) => (await pairing()).listPending(live)),
  "xmpp.pairing.deny": pair(async (live, params) =>
    (await pairing()).denyPairing(live, textParam(params, "code"), {
      notify: params["notify"] === true,
    }),
  ),
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
          const live = requireLiveAccount(resolveAccount(config, requested));
          respond(true, await run(live, params, config));
        } catch (error) {
          const code = error instanceof InvalidParamError ? "INVALID_REQUEST" : "UNAVAILABLE";
          respond(false, undefined, { code, message: messageOf(error) });
        }
      },
      { scope },
    );
  }
}
