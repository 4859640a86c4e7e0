/**
 * How much of the machine's and the agent's time anybody may take, how far back an archive is read, and
 * what an answer may wait. One place for all defaults; docs/configuration.md lists them.
 */

export type Limits = {
  /** Turns of the agent that one sender may cause in a minute. */
  turnsPerMinute: number;
  /** Commands that one sender may give in a minute. */
  commandsPerMinute: number;
  /** Strangers for whom a pairing code is looked up in a minute; the host gives three codes an hour. */
  pairingsPerMinute: number;
  /** Messages that wait in one conversation; the newest is refused then. */
  queueSize: number;
  /** Messages that wait in all conversations of an account. */
  queueTotal: number;
  /** Of all of them together, in MiB as stored. */
  queueMegabytes: number;
  /** Minutes after which a message that nobody could take up is given up. */
  queueMaxAgeMinutes: number;
  /** Answers that wait for a connection, per account. */
  offlineMessages: number;
  /** Minutes that an answer waits for a connection. */
  offlineMinutes: number;
  /** Messages that leave in a second, per account. */
  sendsPerSecond: number;
};

export const DEFAULT_LIMITS: Readonly<Limits> = {
  turnsPerMinute: 30,
  commandsPerMinute: 10,
  pairingsPerMinute: 30,
  queueSize: 100,
  queueTotal: 2_000,
  queueMegabytes: 16,
  queueMaxAgeMinutes: 24 * 60,
  offlineMessages: 100,
  offlineMinutes: 60,
  sendsPerSecond: 10,
};

/** The size of a file, in and out, where the operator set no `mediaMaxMb`; @openclaw/matrix has the same. */
export const DEFAULT_MEDIA_MAX_MB = 20;

/** What is read of the archive (XEP-0313) after an absence. */
export type CatchUp = {
  enabled: boolean;
  /** What is older is not answered any more. */
  maxAgeMinutes: number;
  /** Messages of one archive at most; the newest count. */
  maxMessages: number;
};

export const DEFAULT_CATCH_UP: Readonly<CatchUp> = {
  enabled: true,
  maxAgeMinutes: 24 * 60,
  maxMessages: 500,
};

/** What there is without an archive; for the log and for status. */
export const WITHOUT_ARCHIVE =
  "what is said while we are away comes only as far as the server stores it offline";
