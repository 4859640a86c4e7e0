import type { CertificateFiles } from "./certificates.ts";

/** Ports of a Prosody on 127.0.0.1. */
export interface ProsodyPorts {
  /** Client streams that start in the clear and upgrade by STARTTLS. */
  readonly c2s: number;
  /** Client streams inside TLS from the first byte (XEP-0368). */
  readonly c2sTls: number;
  /** WebSocket (`/xmpp-websocket`) in the clear, and file uploads. */
  readonly http: number;
  /** The same inside TLS. */
  readonly https: number;
  /** Components (XEP-0114); 0 when there are none in the options. */
  readonly component: number;
}

/** What a test may want different from an ordinary server. */
export interface ProsodyTuning {
  /** False accepts passwords on streams without TLS. Default true. */
  readonly requireEncryption?: boolean;
  /** False makes the server offer no STARTTLS at all. Default true. */
  readonly offerStartTls?: boolean;
  /** True speaks no TLS newer than 1.2, where Prosody 0.12 has channel binding (tls-unique). */
  readonly oldTls?: boolean;
  /** `internal_plain` (default) offers SCRAM-SHA-1 and -256, `internal_hashed` only -1. */
  readonly authentication?: "internal_plain" | "internal_hashed";
  /** Seconds that a dropped session can be resumed (XEP-0198). Default 60. */
  readonly resumeSeconds?: number;
  /** Prosody modules to leave out, e.g. `["smacks", "mam"]`. */
  readonly without?: readonly string[];
  /**
   * True slows clients down as Debian's configuration does: 10,000 bytes a second, two seconds' worth
   * at once. Default false: no limits.
   */
  readonly limits?: boolean;
  /** False gives occupants no stable ids (XEP-0421). Default true, as Prosody has it. */
  readonly occupantId?: boolean;
  /** False keeps no archive of rooms (and stamps no stanza-id in them). Default true. */
  readonly roomArchive?: boolean;
  /** External components (XEP-0114); for test/support/component.ts. */
  readonly components?: readonly { readonly domain: string; readonly secret: string }[];
  /** True lets it look for other servers. Default false: what goes elsewhere is refused at once. */
  readonly s2s?: boolean;
  /**
   * An administrator's own configuration, in place of all that is chosen here but ports, paths and the
   * certificate: `modules_enabled`, hosts and components of `domain`.
   */
  readonly recipe?: string;
  /** Lua lines at the top of the configuration, before the hosts. */
  readonly extraGlobal?: string;
  /** Lua lines for both virtual hosts. */
  readonly extraHost?: string;
  /** Lua lines for the conference component. */
  readonly extraConference?: string;
}

export interface ProsodyNames {
  readonly domain: string;
  readonly otherDomain: string;
  readonly conference: string;
  readonly upload: string;
}

export interface ProsodyPaths {
  readonly dataDir: string;
  readonly logFile: string;
  readonly pidFile: string;
}

const MODULES =
  `roster saslauth tls disco carbons pep private blocklist vcard4 vcard_legacy bookmarks version time
  ping uptime register mam smacks csi_simple websocket admin_shell offline lastactivity`.split(
    /\s+/,
  );

/** A Lua string literal. Values are paths, names and passwords: no control characters but line feeds. */
export function lua(value: string): string {
  return `"${value.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}

/** The configuration file of a private Prosody that talks to nobody but 127.0.0.1. */
export function prosodyConfig(
  names: ProsodyNames,
  ports: ProsodyPorts,
  paths: ProsodyPaths,
  certificate: CertificateFiles,
  tuning: ProsodyTuning,
): string {
  const without = new Set(tuning.without);
  if (tuning.offerStartTls === false) without.add("tls");
  const enabled = MODULES.filter((name) => !without.has(name));
  if (tuning.limits === true) enabled.push("limits");
  const disabled = [
    ...(tuning.s2s === true ? [] : ["s2s"]),
    ...(tuning.limits === true ? [] : ["limits"]),
    ...without,
  ];
  const required = tuning.requireEncryption ?? true;
  const ssl = `{ key = ${lua(certificate.keyFile)}, certificate = ${lua(certificate.certFile)}${tuning.oldTls ? ', protocol = "tlsv1_2"' : ""} }`;
  const list = (values: readonly string[]): string => `{ ${values.map(lua).join(", ")} }`;
  const host = (name: string): string => `
VirtualHost ${lua(name)}
  disco_items = { { ${lua(names.upload)}, "upload" }, { ${lua(names.conference)}, "MUC" } }
${tuning.extraHost ?? ""}
`;
  const component = ({ domain, secret }: { domain: string; secret: string }): string => `
Component ${lua(domain)}
  component_secret = ${lua(secret)}
`;
  const machine = `
run_as_root = ${process.getuid?.() === 0}
pidfile = ${lua(paths.pidFile)}
data_path = ${lua(paths.dataDir)}
interfaces = { "127.0.0.1" }
local_interfaces = { "127.0.0.1" }
c2s_ports = { ${ports.c2s} }
c2s_direct_tls_ports = { ${ports.c2sTls} }
component_ports = { ${ports.component || ""} }
component_interfaces = { "127.0.0.1" }
s2s_ports = { }
http_ports = { ${ports.http} }
https_ports = { ${ports.https} }
http_interfaces = { "127.0.0.1" }
https_interfaces = { "127.0.0.1" }
ssl = ${ssl}
https_ssl = ${ssl}
c2s_direct_tls_ssl = ${ssl}
log = { { levels = { min = ${lua(process.env["PROSODY_LOG"] ?? "info")} }, to = "file", filename = ${lua(paths.logFile)} } }
`;
  if (tuning.recipe !== undefined) return machine + tuning.recipe;
  return `${machine}
http_default_host = ${lua(names.domain)}
modules_enabled = ${list(enabled)}
modules_disabled = ${list(disabled)}
authentication = ${lua(tuning.authentication ?? "internal_plain")}
allow_registration = false
limits = { c2s = { rate = "10kb/s", burst = "2s" } }
storage = "internal"
archive_expires_after = "never"
smacks_hibernation_time = ${tuning.resumeSeconds ?? 60}
consider_websocket_secure = ${required}
c2s_require_encryption = ${required}
allow_unencrypted_plain_auth = ${!required}
${tuning.extraGlobal ?? ""}
${host(names.domain)}
${host(names.otherDomain)}
Component ${lua(names.conference)} "muc"
  modules_enabled = { ${(tuning.roomArchive ?? true) ? '"muc_mam"' : ""} }
  restrict_room_creation = false
  muc_room_locking = false
  muc_room_default_public_jids = false
  muc_log_by_default = true
  muc_occupant_id = ${tuning.occupantId ?? true}
${tuning.extraConference ?? ""}

Component ${lua(names.upload)} "http_file_share"
  http_host = ${lua(names.domain)}
  http_external_url = ${lua(`https://${names.domain}:${ports.https}/`)}
  http_file_share_size_limit = 16*1024*1024
  http_file_share_daily_quota = 1024*1024*1024
${(tuning.components ?? []).map(component).join("")}`;
}
