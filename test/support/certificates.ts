import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { runOrThrow } from "./process.ts";

/** A key and the certificate chain for it, as PEM files. */
export interface CertificateFiles {
  readonly keyFile: string;
  readonly certFile: string;
}

export interface CertificateRequest {
  /** DNS names of the certificate; one that parses as an IPv4 address becomes an IP name. */
  readonly names: readonly string[];
  /** True for one whose validity ended yesterday. */
  readonly expired?: boolean;
}

/** A private certificate authority in a directory of a test. */
export interface CertificateAuthority {
  /** The authority's own certificate: what a client has to trust. */
  readonly caFile: string;
  /** Issues a certificate; `label` names its files. */
  issue(label: string, request: CertificateRequest): Promise<CertificateFiles>;
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"] as const;

/** Runs openssl; its arguments in groups that read well. */
async function openssl(...groups: readonly (readonly string[])[]): Promise<void> {
  await runOrThrow({ name: "openssl", command: "openssl", args: groups.flat() });
}

function asName(name: string): string {
  return /^\d+(\.\d+){3}$/.test(name) ? `IP:${name}` : `DNS:${name}`;
}

/** `openssl ca` wants a small database; it is the one subcommand that takes a start and an end date. */
function writeCaConfig(directory: string): string {
  const file = join(directory, "ca.cnf");
  writeFileSync(join(directory, "index.txt"), "");
  writeFileSync(
    file,
    [
      "[ca]",
      "default_ca = here",
      "[here]",
      `database = ${join(directory, "index.txt")}`,
      `new_certs_dir = ${directory}`,
      `certificate = ${join(directory, "ca.crt")}`,
      `private_key = ${join(directory, "ca.key")}`,
      "rand_serial = yes",
      "default_md = sha256",
      "policy = any",
      "unique_subject = no",
      "[any]",
      "commonName = supplied",
      "",
    ].join("\n"),
  );
  return file;
}

/** `YYYYMMDDHHMMSSZ`, `days` from now. */
function inDays(days: number): string {
  const date = new Date(Date.now() + days * 86_400_000);
  return `${date.toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`;
}

/** Creates an authority (EC P-256) whose files live in `directory`. */
export async function createAuthority(directory: string): Promise<CertificateAuthority> {
  const caFile = join(directory, "ca.crt");
  const caKey = join(directory, "ca.key");
  const subject = "/CN=OpenClaw XMPP test authority";
  await openssl(
    ["req", "-x509", ...NEW_KEY, "-keyout", caKey, "-out", caFile, "-days", "30"],
    ["-subj", subject, "-addext", "keyUsage=critical,keyCertSign,cRLSign"],
  );
  const config = writeCaConfig(directory);
  return {
    caFile,
    async issue(label, { names, expired = false }) {
      const keyFile = join(directory, `${label}.key`);
      const certFile = join(directory, `${label}.crt`);
      const request = join(directory, `${label}.csr`);
      const extensions = join(directory, `${label}.ext`);
      const commonName = names[0] ?? "nobody";
      writeFileSync(
        extensions,
        `subjectAltName=${names.map(asName).join(",")}\nextendedKeyUsage=serverAuth\n`,
      );
      await openssl(
        ["req", "-new", ...NEW_KEY, "-keyout", keyFile, "-out", request],
        ["-subj", `/CN=${commonName}`],
      );
      await openssl(
        ["ca", "-batch", "-notext", "-config", config, "-in", request, "-out", certFile],
        ["-extfile", extensions],
        ["-startdate", inDays(-2), "-enddate", inDays(expired ? -1 : 29)],
      );
      writeFileSync(certFile, readFileSync(certFile, "utf8") + readFileSync(caFile, "utf8"));
      return { keyFile, certFile };
    },
  };
}
