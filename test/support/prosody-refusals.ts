/** What a real server may refuse, and Prosody does not by itself. */
import { lua } from "./prosody-config.ts";
import type { Prosody } from "./prosody.ts";

export type Refusals = {
  /** How much was refused so far. */
  count(): Promise<number>;
  /** From now on all goes through again. */
  stop(): Promise<void>;
};

/** Each stays under a name of its own, so that the next call of the shell finds it. */
let names = 0;

/** Refuses what this Lua `condition` is true for; `s` is the message, `user` who sends it. */
async function refuse(
  prosody: Prosody,
  error: string,
  events: string[][],
  condition: string,
): Promise<Refusals> {
  const name = lua(`refusal${++names}`);
  const shell = async (...lines: string[]) =>
    await prosody.shell(`> (function() ${lines.join("; ")} end)()`);
  const each = (what: string) =>
    events.map(
      ([host = "", event = ""]) =>
        `prosody.hosts[${lua(host)}].events.${what}_handler(${lua(event)}, r.run${what === "add" ? ", 1000" : ""})`,
    );
  await shell(
    `local st, r = require "util.stanza", { count = 0 }`,
    `prosody[${name}] = r`,
    `r.run = function(event) local s, user = event.stanza, event.origin.username; if not (${condition}) then return end; r.count = r.count + 1; event.origin.send(st.error_reply(s, "modify", "${error}")); return true end`,
    ...each("add"),
    `return "refusing"`,
  );
  return {
    async count() {
      const printed = await shell(`return "refused " .. prosody[${name}].count .. " times"`);
      return Number(/refused (\d+) times/.exec(printed)?.[1]);
    },
    stop: async () =>
      void (await shell(`local r = prosody[${name}]`, ...each("remove"), `return "ok"`)),
  };
}

/** Corrections (XEP-0308) of `user` that are to be kept, to people and in rooms: what ends an answer that grew. */
export async function refuseFinalCorrections(prosody: Prosody, user: string): Promise<Refusals> {
  // By `not-acceptable` a room would say that the sender is not in it (XEP-0045 §7.4).
  return await refuse(
    prosody,
    "not-allowed",
    [
      [prosody.domain, "pre-message/bare"],
      [prosody.conference, "muc-occupant-groupchat"],
    ],
    `user == ${lua(user)} and s:get_child("replace", "urn:xmpp:message-correct:0") and s:get_child("store", "urn:xmpp:hints")`,
  );
}

/** A room that allows these reactions only, so many a person, says so (XEP-0444 §2.2), and refuses others. */
export async function restrictReactions(
  prosody: Prosody,
  room: string,
  { allowed, most }: { allowed: readonly string[]; most: number },
): Promise<Refusals> {
  const field = (name: string, values: readonly string[], type = "") =>
    `q:tag("field", { var = ${lua(name)}${type} })${values.map((value) => `:text_tag("value", ${lua(value)})`).join("")}:up()`;
  const restrictions = [
    `local q = event.reply:tag("x", { xmlns = "jabber:x:data", type = "result" })`,
    field("FORM_TYPE", ["urn:xmpp:reactions:0:restrictions"], `, type = "hidden"`),
    field("max_reactions_per_user", [String(most)]),
    field("allowlist", allowed),
    `q:up()`,
  ].join("; ");
  await prosody.shell(
    `> (function() prosody.hosts[${lua(prosody.conference)}].events.add_handler("muc-disco#info", function(event) if event.room.jid == ${lua(room)} then ${restrictions} end end, -1000); return "restricted" end)()`,
  );
  const set = `{ ${allowed.map((each) => `[${lua(each)}] = true`).join(", ")} }`;
  return await refuse(
    prosody,
    "not-acceptable",
    [[prosody.conference, "muc-occupant-groupchat"]],
    `event.room.jid == ${lua(room)} and (function() local all, ok, n = s:get_child("reactions", "urn:xmpp:reactions:0"), ${set}, 0; if not all then return false end; for each in all:childtags("reaction") do n = n + 1; if not ok[each:get_text()] then return true end end; return n > ${most} end)()`,
  );
}
