import type { CertificateFiles } from "./certificates.ts";

/** Ports of an ejabberd on 127.0.0.1. */
export interface EjabberdPorts {
  /** Client streams that start in the clear and upgrade by STARTTLS. */
  readonly c2s: number;
  /** Client streams inside TLS from the first byte (XEP-0368). */
  readonly c2sTls: number;
  /** WebSocket (`/ws`) and uploads (`/upload`) in the clear, and the admin's API (`/api`). */
  readonly http: number;
  /** WebSocket and uploads inside TLS. */
  readonly https: number;
}

/** What a test may want different from an ordinary server. */
export interface EjabberdTuning {
  /** False accepts passwords on streams without TLS. Default true. */
  readonly requireEncryption?: boolean;
  /** True speaks no TLS newer than 1.2, where ejabberd 23.01 has channel binding that works. */
  readonly oldTls?: boolean;
  /** Occupants that a room may have. ejabberd's own default: 200. */
  readonly maxUsers?: number;
  /** Rooms that one account may be in at a time. ejabberd's own default: 100. */
  readonly maxUserConferences?: number;
  /** Occupants beyond which presences are no longer passed on. ejabberd's own default: 1000. */
  readonly maxUsersPresence?: number;
  /** Seconds between two messages of an occupant; sooner ones are refused. Default 0. */
  readonly minMessageInterval?: number;
  /** Seconds between two presence changes of an occupant; sooner ones are held back. Default 0. */
  readonly minPresenceInterval?: number;
  /** False keeps no archive of rooms (and stamps no stanza-id in them). Default true. */
  readonly roomArchive?: boolean;
  /** ejabberd modules to leave out, e.g. `["mod_stream_mgmt"]`. */
  readonly without?: readonly string[];
  /**
   * An administrator's own configuration, in place of all that is chosen here but ports, the certificate
   * and the API: hosts, login and `modules`, which stand last.
   */
  readonly recipe?: string;
  /** Lines of YAML at the top level. */
  readonly extraGlobal?: string;
}

export interface EjabberdNames {
  readonly domain: string;
  readonly conference: string;
}

const MODULES: Readonly<Record<string, object>> = {
  mod_adhoc: {},
  mod_admin_extra: {},
  mod_blocking: {},
  mod_caps: {},
  mod_carboncopy: {},
  mod_client_state: {},
  mod_disco: {},
  mod_http_api: {},
  mod_last: {},
  mod_mam: { assume_mam_usage: true, default: "always" },
  mod_muc_admin: {},
  mod_offline: {},
  mod_ping: {},
  mod_privacy: {},
  mod_private: {},
  mod_pubsub: {
    plugins: ["flat", "pep"],
    force_node_config: { "storage:bookmarks": { access_model: "whitelist" } },
  },
  mod_roster: {},
  mod_stream_mgmt: { resend_on_timeout: "if_offline" },
  mod_vcard: { search: false },
  mod_vcard_xupdate: {},
  mod_version: {},
};

function mucModule(tuning: EjabberdTuning): object {
  return {
    access: "all",
    access_create: "all",
    access_persistent: "all",
    access_mam: "all",
    max_users: tuning.maxUsers,
    max_user_conferences: tuning.maxUserConferences,
    max_users_presence: tuning.maxUsersPresence,
    min_message_interval: tuning.minMessageInterval,
    min_presence_interval: tuning.minPresenceInterval,
    default_room_options: { mam: tuning.roomArchive ?? true, max_users: tuning.maxUsers },
  };
}

/** The configuration file of a private ejabberd that talks to nobody but 127.0.0.1. */
export function ejabberdConfig(
  names: EjabberdNames,
  ports: EjabberdPorts,
  directory: string,
  certificate: CertificateFiles,
  tuning: EjabberdTuning,
): string {
  const ip = "127.0.0.1";
  const required = tuning.requireEncryption ?? true;
  const c2s = { ip, module: "ejabberd_c2s", max_stanza_size: 262_144, shaper: "none" };
  const web = { "/upload": "mod_http_upload", "/ws": "ejabberd_http_ws" };
  const http = { ip, module: "ejabberd_http" };
  const modules: Record<string, object> = {
    ...MODULES,
    mod_muc: mucModule(tuning),
    mod_http_upload: {
      put_url: `https://${names.domain}:${ports.https}/upload`,
      docroot: `${directory}/upload`,
      max_size: 16_777_216,
    },
  };
  for (const name of tuning.without ?? []) delete modules[name];
  const machine = {
    loglevel: process.env["EJABBERD_LOG"] ?? "info",
    certfiles: [certificate.certFile, certificate.keyFile],
    listen: [
      { ...c2s, port: ports.c2s, starttls: true, starttls_required: required },
      { ...c2s, port: ports.c2sTls, tls: true },
      { ...http, port: ports.https, tls: true, request_handlers: web },
      { ...http, port: ports.http, request_handlers: { ...web, "/api": "mod_http_api" } },
    ],
    api_permissions: {
      loopback: { who: [{ access: { allow: [{ ip: "127.0.0.0/8" }] } }], what: ["*"] },
    },
  };
  if (tuning.recipe !== undefined) {
    return `${yaml(machine)}${tuning.recipe.trimEnd()}\n  mod_http_api: {}\n`;
  }
  const config = {
    ...machine,
    hosts: [names.domain],
    auth_method: "internal",
    // With the plain password at hand it offers SCRAM-SHA-1, -256 and -512.
    auth_password_format: "plain",
    default_db: "mnesia",
    ...(tuning.oldTls ? { c2s_protocol_options: ["no_tlsv1_3"] } : {}),
    acl: { local: { user_regexp: "" } },
    access_rules: { local: { allow: "local" } },
    shaper_rules: { max_user_sessions: 100 },
    modules,
  };
  return `${yaml(config)}${tuning.extraGlobal ?? ""}\n`;
}

/** JSON is YAML, and needs no quoting rules of its own. One key a line: a few are read with sed. */
function yaml(config: object): string {
  return Object.entries(config)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
    .join("");
}
