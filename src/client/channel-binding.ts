/**
 * What ties a login to one TLS connection, so that it is worth nothing on another: RFC 5929
 * (tls-unique, tls-server-end-point), RFC 9266 (tls-exporter).
 */
import { createHash } from "node:crypto";
import type { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { BindingType } from "../policy/sasl.ts";

export type Bindings = ReadonlyMap<BindingType, Buffer>;

/**
 * The data of each type that is defined for this connection. To be read once, right after the handshake:
 * Node gives the peer's certificate as an X509Certificate only the first time that it is asked.
 */
export function readBindings(socket: TLSSocket): Bindings {
  const bindings = new Map<BindingType, Buffer>();
  const set = (type: BindingType, data: Buffer | undefined) => data && bindings.set(type, data);
  if (socket.getProtocol() === "TLSv1.3") {
    // Before TLS 1.3 it needs the extended master secret (RFC 9266 §3), which Node does not tell of.
    set("tls-exporter", socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", NO_CONTEXT));
  } else {
    // The first Finished message: the client's, or in a resumed session the server's (RFC 5929 §3.1).
    const finished = socket.isSessionReused() ? socket.getPeerFinished() : socket.getFinished();
    set("tls-unique", finished);
  }
  set("tls-server-end-point", endPointData(socket.getPeerX509Certificate()));
  return bindings;
}

const NO_CONTEXT = Buffer.alloc(0);

/** RFC 5929 §4.1: the hash of the certificate's own signature, at least SHA-256. */
function endPointData(certificate: X509Certificate | undefined): Buffer | undefined {
  const algorithm = certificate?.signatureAlgorithm?.toLowerCase() ?? "";
  const hash = /(?:^|[^a-z])(md5|sha-?(?:1|224|256|384|512))/.exec(algorithm)?.[1];
  // Ed25519 and RSA-PSS: undefined by the RFC.
  if (certificate === undefined || hash === undefined) return undefined;
  const name = hash === "md5" || /^sha-?1$/.test(hash) ? "sha256" : hash.replace("-", "");
  return createHash(name).update(certificate.raw).digest();
}
