/** What `openclaw onboard` and `openclaw channels add` run: the first account, or a menu where there is one. */
import {
  normalizeAccountId,
  patchScopedAccountConfig,
  type ChannelSetupWizardAdapter,
  type OpenClawConfig,
  type WizardPrompter,
} from "openclaw/plugin-sdk/setup";
import { CHANNEL_ID } from "../../policy/account-policy.ts";
import { parseAccountJid } from "../account-address.ts";
import { hasEnvironmentAccount, listAccountIds, resolveAccount } from "../account.ts";
import { describeProblems } from "../account-problems.ts";
import { problemsHere, readPassword } from "./account-questions.ts";
import { askAccount, type Asking } from "./ask-account.ts";
import { testConnection } from "./connection-test.ts";
import { network as realNetwork, type Network } from "./network.ts";
import { removeAccount } from "./remove-account.ts";

type Context = Parameters<ChannelSetupWizardAdapter["configure"]>[0];
type Outcome = { cfg: OpenClawConfig; accountId?: string } | "skip";

const INTRO = [
  "The agent needs an XMPP account of its own, on any server.",
  "Prosody: prosodyctl adduser bot@example.com · ejabberd: ejabberdctl register bot example.com PASSWORD",
  "No answer is saved before you have seen them all. Ctrl-C stops at any time.",
].join("\n");
const NEXT = [
  "openclaw gateway restart",
  "openclaw channels status --probe",
  "Write to the agent; then: openclaw pairing approve xmpp CODE",
].join("\n");

/** @returns "skip" where the configuration stays as it was */
export async function runSetup(context: Context, network: Network = realNetwork): Promise<Outcome> {
  const { cfg, prompter, options, accountOverrides } = context;
  const asking: Asking = { prompter, network, options };
  const wanted = accountOverrides[CHANNEL_ID]?.trim();
  const ids = configuredIds(cfg);
  if (wanted) return await setUpAccount(asking, cfg, normalizeAccountId(wanted));
  if (ids.length > 0) return await manage(asking, cfg, ids);
  await prompter.note(INTRO, "XMPP");
  return await setUpAccount(asking, cfg, "default");
}

/** Accounts that somebody set up, whether or not they work. */
export function configuredIds(cfg: OpenClawConfig): string[] {
  const isByEnvironment = cfg.channels?.[CHANNEL_ID] !== undefined && hasEnvironmentAccount();
  return listAccountIds(cfg).filter(
    (id) =>
      resolveAccount(cfg, id).config.jid !== undefined || (id === "default" && isByEnvironment),
  );
}

async function setUpAccount(
  asking: Asking,
  cfg: OpenClawConfig,
  accountId: string,
): Promise<Outcome> {
  const saved = await askAccount(asking, cfg, accountId);
  if (!saved) {
    await asking.prompter.note("Nothing was changed.", "XMPP");
    return "skip";
  }
  await asking.prompter.note(NEXT, "Next");
  return { cfg: saved, accountId };
}

type Choice = "test" | "change" | "add" | "switch" | "remove" | "leave";

async function manage(asking: Asking, cfg: OpenClawConfig, ids: string[]): Promise<Outcome> {
  const { prompter } = asking;
  await prompter.note(ids.map((id) => describeAccount(cfg, id)).join("\n"), "XMPP accounts");
  for (;;) {
    const isOnlyOff = ids.every((id) => !resolveAccount(cfg, id).enabled);
    const choice = await prompter.select<Choice>({
      message: "XMPP is set up. What now?",
      options: [
        { value: "test", label: "Test the connection" },
        { value: "change", label: "Change settings" },
        { value: "add", label: "Add an account" },
        {
          value: "switch",
          label: isOnlyOff ? "Enable an account" : "Disable or enable an account",
        },
        { value: "remove", label: "Remove an account" },
        { value: "leave", label: "Leave it as it is" },
      ],
      initialValue: "test",
    });
    switch (choice) {
      case "test":
        await testAccount(asking, cfg, await pickAccount(prompter, cfg, ids));
        break;
      case "change":
        return await setUpAccount(asking, cfg, await pickAccount(prompter, cfg, ids));
      case "add":
        return await setUpAccount(asking, cfg, await askAccountId(prompter, cfg));
      case "switch":
        return switchAccount(cfg, await pickAccount(prompter, cfg, ids));
      case "remove": {
        const accountId = await pickAccount(prompter, cfg, ids);
        const next = await removeAccount(prompter, cfg, accountId);
        if (next) return { cfg: next };
        break;
      }
      case "leave":
        return "skip";
    }
  }
}

function describeAccount(cfg: OpenClawConfig, accountId: string): string {
  const account = resolveAccount(cfg, accountId);
  const { jid, enabled } = account;
  const wrong = problemsHere(account);
  const state = wrong.length > 0 ? describeProblems(wrong) : enabled ? "set up" : "disabled";
  return `${accountId}: ${jid ?? "no JID"} (${state})`;
}

async function pickAccount(
  prompter: Pick<WizardPrompter, "select">,
  cfg: OpenClawConfig,
  ids: readonly string[],
): Promise<string> {
  const [only, ...more] = ids;
  if (only !== undefined && more.length === 0) return only;
  return await prompter.select({
    message: "Which account?",
    options: ids.map((id) => ({
      value: id,
      label: `${id}: ${resolveAccount(cfg, id).jid ?? "?"}`,
    })),
  });
}

async function askAccountId(
  prompter: Pick<WizardPrompter, "text">,
  cfg: OpenClawConfig,
): Promise<string> {
  const taken = new Set(listAccountIds(cfg));
  const written = await prompter.text({
    message: "Name of the new account, for you and the command line",
    placeholder: "work",
    validate: (value) => {
      if (value.trim() === "") return "Give it a name";
      return taken.has(normalizeAccountId(value)) ? "There is one of that name" : undefined;
    },
  });
  return normalizeAccountId(written);
}

/** The account as it stands in the configuration; its session on a Gateway goes on meanwhile. */
async function testAccount(
  { prompter, network }: Asking,
  cfg: OpenClawConfig,
  accountId: string,
): Promise<void> {
  const account = resolveAccount(cfg, accountId);
  const jid = account.jid === undefined ? undefined : parseAccountJid(account.jid);
  const password = await readPassword(cfg, account);
  if (!jid || "problem" in jid || !account.server || password === undefined) {
    const problems = describeProblems(account.problems) || "its password cannot be read here";
    await prompter.note(`${problems}\nChange its settings.`, "Nothing to test");
    return;
  }
  const test = await testConnection(
    {
      account: jid,
      server: account.server,
      password,
      caFile: account.config.tls?.caFile,
      sasl: account.config.sasl,
    },
    prompter,
    network,
  );
  if (!test.ok) return;
  try {
    const looked = await Promise.all(
      account.rooms.map(async (room) => `${room}: ${await network.askEntrance(test.trial, room)}`),
    );
    const rooms = looked.length > 0 ? `\nIts rooms:\n${looked.join("\n")}` : "";
    await prompter.note(`${jid.bare} can log in.${rooms}`, "The connection works");
  } finally {
    await test.trial.close();
  }
}

function switchAccount(cfg: OpenClawConfig, accountId: string): Outcome {
  const enabled = !resolveAccount(cfg, accountId).enabled;
  const section = cfg.channels?.[CHANNEL_ID] as { accounts?: Record<string, unknown> } | undefined;
  const isOwn = section?.accounts?.[accountId] !== undefined;
  const next = patchScopedAccountConfig({
    cfg,
    channelKey: CHANNEL_ID,
    accountId,
    patch: { enabled },
    // A channel that is off keeps its accounts off.
    ensureChannelEnabled: enabled,
    ensureAccountEnabled: false,
    scopeDefaultToAccounts: isOwn,
  });
  return { cfg: next, accountId };
}
