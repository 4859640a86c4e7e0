/**
 * `channels.xmpp.limits` of an account that is asked by tests, quicker and more often than by people. What
 * the limits are for has tests of its own, on an account that keeps the defaults.
 */
export const UNHURRIED = {
  turnsPerMinute: 10_000,
  commandsPerMinute: 10_000,
  pairingsPerMinute: 10_000,
};
