/**
 * JIDs (RFC 7622): one parser, branded types, one preparation.
 */
export type BareJid = string & { readonly __jid: "bare" };
export type FullJid = string & { readonly __jid: "bare" | "full" };

export type Jid = {
  /** Absent for a bare domain. */
  local: string | undefined;
  domain: string;
  resource: string | undefined;
  bare: BareJid;
  /** bare, plus "/resource" where there is one */
  full: FullJid;
};

/** Parses and prepares a JID; undefined when it is not one. */
export declare function parseJid(text: string): Jid | undefined;
/** The prepared bare JID of `text` (any resource is cut off); undefined when it is not a JID. */
export declare function bareJid(text: string): BareJid | undefined;
