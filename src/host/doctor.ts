/** What `openclaw doctor` may assume of the channel, and has to say about it. */
import type { ChannelPlugin } from "openclaw/plugin-sdk/channel-core";
import { describeProblems } from "./account-problems.ts";
import { accountSetProblems } from "./account-set.ts";

/** `openclaw.channel.doctorCapabilities` in package.json says the same. */
export const doctorCapabilities = {
  // Read by the host where it has this object instead of package.json, though the type lacks it.
  openDmRequiresAllowFromWildcard: false,
  groupAllowFromFallbackToAllowFrom: false,
  warnOnEmptyGroupSenderAllowlist: false,
};

export const doctor: NonNullable<ChannelPlugin["doctor"]> = {
  ...doctorCapabilities,
  collectPreviewWarnings: ({ cfg }) =>
    accountSetProblems(cfg).map((problem) => `- ${describeProblems([problem])}`),
};
