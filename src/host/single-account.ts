/** The one account that stands in the root, when there is to be another. */
import {
  moveSingleAccountChannelSectionToDefaultAccount,
  type OpenClawConfig,
} from "openclaw/plugin-sdk/setup";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { ACCOUNT_KEYS } from "./config-schema.ts";

/** What the host is told of it, for `channels add` and `doctor --fix`. */
export const SINGLE_ACCOUNT = {
  // A second account makes the first one `accounts.default`, whole: what it may do is not the second's.
  singleAccountKeysToMove: ACCOUNT_KEYS,
  // Where there are accounts already, the root is what they inherit, and stays.
  namedAccountPromotionKeys: [],
};

/** The configuration that an account is set up in: as the host makes it before it writes another one than the default. */
export function makeRoom(cfg: OpenClawConfig, accountId: string): OpenClawConfig {
  if (accountId === "default") return cfg;
  return moveSingleAccountChannelSectionToDefaultAccount({
    cfg,
    channelKey: CHANNEL_ID,
    setupSurface: SINGLE_ACCOUNT,
  });
}
