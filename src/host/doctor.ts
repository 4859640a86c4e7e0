/** What `openclaw doctor` may assume; `openclaw.channel.doctorCapabilities` in package.json says the same. */
export const doctor = {
  // Read by the host where it has this object instead of package.json, though the type lacks it.
  openDmRequiresAllowFromWildcard: false,
  groupAllowFromFallbackToAllowFrom: false,
  warnOnEmptyGroupSenderAllowlist: false,
};
