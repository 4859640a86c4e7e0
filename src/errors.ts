/**
 * The error classes of this plugin: the only module that every floor may import.
 *
 * Six classes, because each asks for another reaction: the operator has to change something
 * (`XmppConfigError`), the connection failed (`XmppConnectionError`, with `fatal` when trying again
 * cannot help), the peer or server refused one stanza (`XmppStanzaError`), it can be sent again
 * (`XmppNotSentError`), a file is not where others could have it (`XmppUploadError`), or nobody knows whether it
 * arrived (`XmppUnconfirmedError`).
 */

/** What was thrown, in words. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A setting is wrong. `path` is the config key, `message` says what is wrong and what would be right. */
export class XmppConfigError extends Error {
  override readonly name = "XmppConfigError";
  readonly path: string;
  constructor(path: string, problem: string) {
    super(`${path}: ${problem}`);
    this.path = path;
  }
}

/**
 * A connection attempt or a live connection failed.
 *
 * `condition` is a defined condition of RFC 6120 (§4.9.3 stream errors, §6.5 SASL errors) or one of
 * our own: `tls-required`, `certificate`, `dns`, `timeout`, `network`, `plaintext-refused`,
 * `server-signature`, `no-mechanism`, `protocol`.
 * `fatal` means that trying again without a change by the operator cannot work.
 * `advice` is one sentence that tells the operator what to do.
 */
export class XmppConnectionError extends Error {
  override readonly name = "XmppConnectionError";
  readonly condition: string;
  readonly fatal: boolean;
  readonly advice: string | undefined;
  constructor(
    condition: string,
    message: string,
    options: { fatal?: boolean; advice?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.condition = condition;
    this.fatal = options.fatal ?? false;
    this.advice = options.advice;
  }
}

/** A stanza came back as an error (RFC 6120 §8.3): `type` and `condition` are the defined ones. */
export class XmppStanzaError extends Error {
  override readonly name = "XmppStanzaError";
  readonly type: string;
  readonly condition: string;
  readonly text: string | undefined;
  constructor(type: string, condition: string, text?: string) {
    super(text ? `${condition} (${text})` : condition);
    this.type = type;
    this.condition = condition;
    this.text = text;
  }
}

/**
 * The stanza provably never arrived: sending it again cannot double it. `isOffline`: for want of a
 * connection, so that the next one may take it; `cause` is then what ended the last.
 */
export class XmppNotSentError extends Error {
  override readonly name = "XmppNotSentError";
  readonly isOffline: boolean;
  constructor(message: string, options: { isOffline?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.isOffline = options.isOffline ?? false;
  }
}

/** The stanza was written, but the connection ended (`cause`) before the server confirmed it. */
export class XmppUnconfirmedError extends Error {
  override readonly name = "XmppUnconfirmedError";
}

/** A file could not be uploaded (XEP-0363), and no message with it was sent. `retryable`: it may work later. */
export class XmppUploadError extends Error {
  override readonly name = "XmppUploadError";
  readonly retryable: boolean;
  constructor(message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.retryable = options.retryable ?? false;
  }
}
