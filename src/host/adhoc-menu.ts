/**
 * What somebody finds in the menu of ad-hoc commands (XEP-0050): the owner what steers the account, approvers what waits
 * for them, and whoever may give the host commands those of plugins and its own. The latter belong to a conversation: they go the way of a message,
 * and are answered by one.
 */
import { Element } from "ltx";
import { listNativeCommandSpecsForConfig } from "openclaw/plugin-sdk/native-command-registry";
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { truncateUtf16Safe } from "openclaw/plugin-sdk/string-coerce-runtime";
import { NODE_PREFIX, type AdHocCommand, type AdHocOutcome } from "../client/adhoc-commands.ts";
import { standingOf } from "../inbound/command-owner.ts";
import type { Commander } from "../inbound/commanders.ts";
import type { PluginCommand } from "../inbound/plugin-commands.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import type { BareJid, Jid } from "../protocol/jid.ts";
import { encodeFacts, encodeTable, type FormField } from "../protocol/xep-0004-forms.ts";
import { stripInvalidXmlChars } from "../protocol/xml-text.ts";
import { approvalItems } from "./approval-menu.ts";
import type { LiveAccount } from "./live-accounts.ts";
import {
  OWNER_COMMANDS,
  type CommandOutcome,
  type OwnerCommand,
  type Parameter,
} from "./owner-commands.ts";

export type MenuContext = {
  accountId: string;
  /** Whether that is an occupant of a room, or a room: nobody, here. */
  isInRoom: (jid: Jid) => boolean;
  isSibling: (jid: Jid) => boolean;
  findCommander: (jid: BareJid) => Promise<Commander | undefined>;
  findLive: () => LiveAccount | undefined;
  listPluginCommands: () => readonly PluginCommand[];
  readConfig: () => OpenClawConfig;
  /** Takes a message in, as if it had come from the server. */
  receive: (message: Element) => Promise<void>;
};

/** What somebody may run. */
export type AdHocMenu = (asker: Jid) => Promise<readonly AdHocCommand[]>;

export function createAdHocMenu(context: MenuContext): AdHocMenu {
  return async (asker) => {
    const { local, bare } = asker;
    // A room passes on what its occupants ask: whose JID that is says a nick.
    if (local === undefined || context.isInRoom(asker) || context.isSibling(asker)) return [];
    const commander = await context.findCommander(bare);
    const live = context.findLive();
    if (!live) return [];
    const approvals = approvalItems(context, bare, live.log);
    if (!commander) return approvals;
    const own = commander.isOwner ? OWNER_COMMANDS.map((each) => ownerItem(each, live, bare)) : [];
    const plugins = context
      .listPluginCommands()
      .filter(({ name, requireAuth }) => name !== CHANNEL_ID && mayRun(commander, requireAuth));
    const taken = new Set(plugins.map(({ name }) => name));
    const hosts = commander.isAuthorized
      ? listNativeCommandSpecsForConfig(context.readConfig())
      : [];
    return [
      ...own,
      ...approvals,
      ...plugins.map((each) => pluginItem(context, commander, each)),
      ...hosts
        .filter(({ isAlias, name }) => !isAlias && !taken.has(name))
        .map((each) => hostItem(context, asker, each)),
    ];
  };
}

/** A plugin is given the agent and the session. */
const mayRun = ({ awaitsAgent, isAuthorized }: Commander, requireAuth: boolean) =>
  !awaitsAgent && (isAuthorized || !requireAuth);

function ownerItem(command: OwnerCommand, live: LiveAccount, owner: BareJid): AdHocCommand {
  const { name, description, parameters } = command;
  return {
    node: `${NODE_PREFIX}${CHANNEL_ID}/${name}`,
    name: `XMPP ${name}: ${description}`,
    ...(parameters.length === 0
      ? {}
      : {
          questions: {
            title: description,
            fields: parameters.map((each) => fieldOf(each, live)),
          },
        }),
    async run(values) {
      live.log.info(`command ${name} of ${owner}, by menu`);
      return outcomeOf(await command.run(live, values));
    },
  };
}

function fieldOf(
  { choices, isRequired, kind, label, name }: Parameter,
  live: LiveAccount,
): FormField {
  if (choices) {
    const options = choices(live).map((value) => ({ value }));
    return { name, label, isRequired, type: "list-single", options };
  }
  return { name, label, isRequired, type: kind === "text" ? "text-single" : "jid-single" };
}

function outcomeOf(outcome: CommandOutcome): AdHocOutcome {
  switch (outcome.kind) {
    case "said":
      return { note: { type: "info", text: outcome.text } };
    case "facts":
      return { payload: encodeFacts(outcome.title, outcome.facts) };
    case "table":
      return outcome.rows.length === 0
        ? { note: { type: "info", text: `${outcome.title}: none` } }
        : { payload: encodeTable(outcome.title, outcome.columns, outcome.rows) };
  }
}

const ARGUMENTS = "args";

function slashItem(
  { acceptsArgs, description, name }: Pick<PluginCommand, "acceptsArgs" | "description" | "name">,
  run: (args: string | undefined) => Promise<AdHocOutcome>,
): AdHocCommand {
  return {
    node: `${NODE_PREFIX}command/${name}`,
    name: `/${name}: ${description}`,
    ...(acceptsArgs
      ? {
          questions: {
            title: description,
            fields: [{ name: ARGUMENTS, label: `Arguments of /${name}`, type: "text-single" }],
          },
        }
      : {}),
    run: async (values) => await run(values.get(ARGUMENTS)),
  };
}

const slash = (name: string, args: string | undefined) =>
  args === undefined ? `/${name}` : `/${name} ${args}`;

/** The host cleans the arguments, asks once more whether the sender may, and says no more of an error than that. */
function pluginItem(
  { accountId, readConfig }: MenuContext,
  { agentId, isAuthorized, isHostsOwner, jid, sessionKey }: Commander,
  command: PluginCommand,
): AdHocCommand {
  const { name, prepareDispatch } = command;
  return slashItem(command, async (args) => {
    const prepared = prepareDispatch(args);
    if (prepared.kind !== "plugin") throw new Error(`/${name} takes no arguments`);
    const result = await prepared.execute({
      senderId: jid,
      channel: CHANNEL_ID,
      isAuthorizedSender: isAuthorized,
      senderIsOwner: isHostsOwner,
      assertOwnerCurrent() {
        const standing = standingOf({ cfg: readConfig(), accountId }, jid, isAuthorized);
        if (!standing.senderIsOwner) throw new Error(`${jid} is no owner any more`);
      },
      agentId,
      sessionKey,
      commandBody: slash(name, args),
      config: readConfig(),
      from: `${CHANNEL_ID}:${jid}`,
      to: jid,
      originatingTo: jid,
      accountId,
    });
    const words = result.text && bounded(result.text, name);
    const text = [words, result.continueAgent ? CONTINUES : undefined].filter(Boolean);
    return { note: { type: "info", text: text.join("\n") || "Done." } };
  });
}

/** Characters of a note: clients show it in a window that does not scroll, and servers bound a stanza. */
const MAX_NOTE = 4_000;

function bounded(text: string, name: string): string {
  if (text.length <= MAX_NOTE) return text;
  return `${truncateUtf16Safe(text, MAX_NOTE)}…\n(The first ${MAX_NOTE} of ${text.length} characters. Give /${name} in a chat for all of it.)`;
}

const CONTINUES = "What follows is for the agent: give this command in a chat.";

type HostCommand = ReturnType<typeof listNativeCommandSpecsForConfig>[number];

function hostItem({ receive }: MenuContext, asker: Jid, command: HostCommand): AdHocCommand {
  const run = async (args: string | undefined): Promise<AdHocOutcome> => {
    const message = new Element("message", { from: asker.full, type: "chat" });
    message.c("body").t(stripInvalidXmlChars(slash(command.name, args)));
    await receive(message);
    return { note: { type: "info", text: "The answer comes as a message." } };
  };
  return { ...slashItem(command, run), isMessage: true };
}
