/** Parameters of our Gateway methods. What is wrong with one is an error that names it. */
import { bareJid, parseJid, type BareJid, type FullJid } from "../protocol/jid.ts";

export type Params = Readonly<Record<string, unknown>>;

/** The caller is wrong, not the account. */
export class InvalidParamError extends Error {
  override readonly name = "InvalidParamError";
}

/** @throws InvalidParamError that says which parameter must be what; so do all below */
export function jidParam(params: Params, name: string): BareJid {
  const value = params[name];
  const jid = typeof value === "string" ? parseJid(value) : undefined;
  if (!jid?.local || jid.resource !== undefined) {
    throw new InvalidParamError(
      `${name}: ${JSON.stringify(value)} is not a bare JID (user@domain, room@service)`,
    );
  }
  return jid.bare;
}

/** Any JID: of a person, a server, a device. */
export function addressParam(params: Params, name: string): FullJid {
  const value = params[name];
  const jid = typeof value === "string" ? parseJid(value) : undefined;
  if (!jid) throw new InvalidParamError(`${name}: ${JSON.stringify(value)} is not a JID`);
  return jid.full;
}

export const optionalAddress = (params: Params, name: string): FullJid | undefined =>
  params[name] === undefined ? undefined : addressParam(params, name);

/** A person, a room, or the whole of a server. */
export function bareParam(params: Params, name: string): BareJid {
  const value = params[name];
  const jid = typeof value === "string" ? bareJid(value) : undefined;
  if (jid === undefined || jid !== parseJid(String(value))?.full) {
    throw new InvalidParamError(
      `${name}: ${JSON.stringify(value)} is not a bare JID (user@domain) or a domain`,
    );
  }
  return jid;
}

const MAX_TEXT = 4_000;

export function textParam(params: Params, name: string): string {
  const value = params[name];
  if (typeof value !== "string") throw new InvalidParamError(`${name} is missing`);
  if (value.length > MAX_TEXT) {
    throw new InvalidParamError(`${name} is longer than ${MAX_TEXT} characters`);
  }
  return value;
}

export const optionalText = (params: Params, name: string): string | undefined =>
  params[name] === undefined ? undefined : textParam(params, name);
