import { expect, test } from "vitest";
import { configuredReplyMode, resolveReplyMode } from "./reply-mode.ts";

test.each([
  [{}, "off", "all"],
  [{ replyToMode: "first" }, "first", "first"],
  [{ replyToMode: "off", replyToModeByChatType: { direct: "batched" } }, "batched", "off"],
  [{ replyToModeByChatType: { group: "off" } }, "off", "off"],
] as const)("with %j answers in direct chats refer %s, in rooms %s", (keys, direct, group) => {
  expect([resolveReplyMode(keys, "direct"), resolveReplyMode(keys, "group")]).toEqual([
    direct,
    group,
  ]);
});

test("what nobody configured is told apart from what is the default", () => {
  expect(configuredReplyMode({}, "group")).toBeUndefined();
  expect(configuredReplyMode({ replyToMode: "all" }, "group")).toBe("all");
});
