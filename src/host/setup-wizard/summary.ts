/** What is about to be saved, in lines. No secret is among them. */
import type { XmppAccount } from "../account.ts";
import type { Answers } from "./answers.ts";

/** `account`: as the configuration with the answers makes it. */
export function summarize(answers: Answers, account: XmppAccount, tested: string): string {
  const { dmPolicy, groupPolicy, allowFrom, groupAllowFrom, requireMention, rooms } = answers;
  const people = allowFrom.join(", ");
  const lines = [
    `Account: ${account.accountId}, ${account.jid ?? "without a JID"}`,
    `Password: ${passwordLine(answers, account)}`,
    `Server: ${account.serverText ?? "found by DNS"}`,
    ...(answers.caFile === undefined ? [] : [`Its authority: ${answers.caFile}`]),
    `Connection: ${tested}`,
    `Rooms: ${rooms.map(({ jid }) => jid).join(", ") || "none"}`,
    `Direct messages: ${dmPolicy}${people && dmPolicy !== "disabled" && dmPolicy !== "open" ? `; ${people}` : ""}`,
    `In rooms: ${groupPolicy}${groupAllowFrom.length > 0 ? `; only ${groupAllowFrom.join(", ")}` : ""}`,
  ];
  if (requireMention !== undefined) {
    lines.push(`Mention needed in rooms: ${requireMention ? "yes" : "no"}`);
  }
  return lines.join("\n");
}

function passwordLine({ password }: Answers, account: XmppAccount): string {
  switch (password.kind) {
    case "value": {
      const { value } = password;
      return typeof value === "string"
        ? "kept in the configuration"
        : `a reference (${value.source}:${value.id})`;
    }
    case "file":
      return `in the file ${password.path}`;
    case "keep":
      return account.passwordSource === "env" ? "from XMPP_PASSWORD" : "as it was";
  }
}
