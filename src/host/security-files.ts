/** What the files around an account give away, for `openclaw security audit`. */
import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { resolveConfigPath } from "openclaw/plugin-sdk/state-paths";
import { resolveAccount, type XmppAccount } from "./account.ts";
import { whose, type Finding } from "./security-findings.ts";

const OTHERS_READ = 0o044;
const OTHERS_WRITE = 0o022;

/** `sourceConfig`: as it is written, before secrets were resolved. */
export function collectFileFindings(account: XmppAccount, sourceConfig: OpenClawConfig): Finding[] {
  return [...passwordInConfig(account, sourceConfig), ...filesOfOthers(account)];
}

/** The mode bits of a file that is there; 0 where there is none, or where modes mean nothing. */
function modeOf(path: string): number {
  if (process.platform === "win32") return 0;
  try {
    return statSync(path.replace(/^~(?=\/)/, homedir())).mode & 0o777;
  } catch {
    return 0;
  }
}

function octal(mode: number): string {
  return mode.toString(8).padStart(3, "0");
}

function passwordInConfig(account: XmppAccount, sourceConfig: OpenClawConfig): Finding[] {
  const path = resolveConfigPath();
  const { password, rooms } = resolveAccount(sourceConfig, account.accountId).config;
  const written = [
    ...(isWritten(path, password) ? ["password"] : []),
    ...(rooms ?? []).flatMap((room, index) =>
      typeof room === "object" && isWritten(path, room.password)
        ? [`rooms[${index}].password`]
        : [],
    ),
  ];
  if (written.length === 0) return [];
  const mode = modeOf(path);
  const isReadable = (mode & OTHERS_READ) !== 0;
  return [
    {
      checkId: "channels.xmpp.password_in_config",
      severity: isReadable ? "critical" : "info",
      title: "XMPP password stands in the configuration file",
      detail: `${whose(account)}: ${written.join(", ")} is plain text in ${path}${isReadable ? `, which others on this machine may read (mode ${octal(mode)})` : ""}.`,
      remediation: `Use passwordFile or a SecretRef${isReadable ? `, and chmod 600 ${path}` : ""}.`,
    },
  ];
}

/** A text that came from \`${VARIABLE}` is none that stands in the file. */
function isWritten(path: string, secret: unknown): boolean {
  if (typeof secret !== "string" || secret === "") return false;
  try {
    return readFileSync(path, "utf8").includes(JSON.stringify(secret).slice(1, -1));
  } catch {
    return false; // no such file: nothing stands in it
  }
}

function filesOfOthers(account: XmppAccount): Finding[] {
  const { passwordFile, tls, dataDir } = account.config;
  const where = whose(account);
  const findings: Finding[] = [];
  const secretMode = passwordFile ? modeOf(passwordFile) : 0;
  if ((secretMode & OTHERS_READ) !== 0) {
    findings.push({
      checkId: "channels.xmpp.password_file_readable",
      severity: "critical",
      title: "XMPP password file can be read by others",
      detail: `${where}: ${passwordFile} has mode ${octal(secretMode)}.`,
      remediation: `chmod 600 ${passwordFile}`,
    });
  }
  const authorityMode = tls?.caFile ? modeOf(tls.caFile) : 0;
  if ((authorityMode & OTHERS_WRITE) !== 0) {
    findings.push({
      checkId: "channels.xmpp.ca_file_writable",
      severity: "critical",
      title: "Others decide which certificates XMPP trusts",
      detail: `${where}: tls.caFile ${tls?.caFile} has mode ${octal(authorityMode)}, so others can add an authority.`,
      remediation: `chmod 644 ${tls?.caFile}`,
    });
  }
  const state = dataDir ? join(dataDir, account.accountId) : "";
  const stateMode = dataDir ? modeOf(state) & modeOf(dataDir) : 0;
  if ((stateMode & OTHERS_READ) !== 0) {
    findings.push({
      checkId: "channels.xmpp.data_dir_readable",
      severity: "warn",
      title: "XMPP state can be read by others",
      detail: `${where}: ${state} has mode ${octal(modeOf(state))}; it holds messages that wait for an answer.`,
      remediation: `chmod 700 ${state}`,
    });
  }
  return findings;
}
