/**
 * Which answers refer to what they answer (XEP-0461): the host's `replyToMode`, where the operator says
 * nothing `all` in rooms and `off` in direct chats, where everybody sees what an answer is to.
 */
export type ReplyMode = "off" | "first" | "all" | "batched";
export type ReplyChatType = "direct" | "group";

type ReplyKeys = {
  replyToMode?: ReplyMode | undefined;
  replyToModeByChatType?: Partial<Record<ReplyChatType, ReplyMode | undefined>> | undefined;
};

const DEFAULTS: Record<ReplyChatType, ReplyMode> = { direct: "off", group: "all" };

/** `keys`: an account's, after inheritance from the channel's root. */
export function configuredReplyMode(
  keys: ReplyKeys,
  chatType: ReplyChatType,
): ReplyMode | undefined {
  return keys.replyToModeByChatType?.[chatType] ?? keys.replyToMode;
}

export function resolveReplyMode(keys: ReplyKeys, chatType: ReplyChatType): ReplyMode {
  return configuredReplyMode(keys, chatType) ?? DEFAULTS[chatType];
}
