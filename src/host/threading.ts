/** Which answers refer to what they answer: see policy/reply-mode.ts. */
import { configuredReplyMode, resolveReplyMode } from "../policy/reply-mode.ts";
import { resolveAccount, type XmppAccount } from "./account.ts";

export const threading = {
  scopedAccountReplyToMode: {
    resolveAccount,
    resolveReplyToMode: ({ config }: XmppAccount, chatType?: string | null) =>
      chatType === null || chatType === undefined
        ? configuredReplyMode(config, "group")
        : resolveReplyMode(config, chatType === "direct" ? "direct" : "group"),
    fallback: "all" as const,
  },
};
