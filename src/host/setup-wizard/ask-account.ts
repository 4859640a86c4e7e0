/** All questions for one account, the test in the middle, the summary at the end. Nothing is saved before its yes. */
import type {
  ChannelSetupWizardAdapter,
  OpenClawConfig,
  WizardPrompter,
} from "openclaw/plugin-sdk/setup";
import type { TrialOptions } from "../../client/trial.ts";
import { XmppConnectionError } from "../../errors.ts";
import { hasEnvironmentAccount, resolveAccount, type XmppAccount } from "../account.ts";
import type { Jid } from "../../protocol/jid.ts";
import { parseAccountJid } from "../account-address.ts";
import { describeProblems } from "../account-problems.ts";
import { askAccess, askRooms } from "./access-questions.ts";
import { askJid, askPassword, problemsHere, readPassword } from "./account-questions.ts";
import { makeRoom } from "../single-account.ts";
import { applyAnswers, type PasswordAnswer } from "./answers.ts";
import { testConnection, type TestOutcome } from "./connection-test.ts";
import type { Network } from "./network.ts";
import { makeAccount, type MadeAccount } from "./registration.ts";
import { askServer, locateServer, type Located } from "./server-questions.ts";
import { summarize } from "./summary.ts";

type Options = NonNullable<Parameters<ChannelSetupWizardAdapter["configure"]>[0]["options"]>;

export type Asking = {
  prompter: WizardPrompter;
  network: Network;
  options?: Options | undefined;
};

type Connection = {
  /** undefined: XMPP_JID says it. */
  jid: string | undefined;
  password: PasswordAnswer;
  located: Located;
  caFile: string | undefined;
  made: MadeAccount | undefined;
  test: TestOutcome;
};

/**
 * @returns the configuration to save; undefined where it is to stay as it was
 * @throws what a cancelled question throws; an account that was made for it is gone then
 */
export async function askAccount(
  asking: Asking,
  cfg: OpenClawConfig,
  accountId: string,
): Promise<OpenClawConfig | undefined> {
  const { prompter, network } = asking;
  const base = makeRoom(cfg, accountId);
  const account = resolveAccount(base, accountId);
  const made: { account?: MadeAccount } = {};
  let connection: Connection | undefined;
  let saved: OpenClawConfig | undefined;
  try {
    connection = await askConnection(asking, cfg, account, made);
    if (!connection) return undefined;
    const { test } = connection;
    const rooms = await askRooms(prompter, network, account, test.ok ? test : undefined);
    const access = await askAccess(prompter, account, rooms);
    const { jid, password, located, caFile } = connection;
    // What XMPP_SERVER or an older key says stays there.
    const isOld = located.text === account.serverText;
    const server = isOld ? account.config.server : located.text;
    const answers = { ...access, jid, password, server, caFile, rooms };
    const next = applyAnswers(base, accountId, answers);
    const then = resolveAccount(next, accountId);
    await prompter.note(summarize(answers, then, describeTest(test)), "To be saved");
    const problems = problemsHere(then);
    if (problems.length > 0) await prompter.note(describeProblems(problems), "This will not start");
    if (await prompter.confirm({ message: "Save this?", initialValue: problems.length === 0 })) {
      saved = next;
    }
    return saved;
  } finally {
    if (connection?.test.ok) await connection.test.trial.close();
    if (!saved) await made.account?.takeBack();
  }
}

function describeTest(test: TestOutcome): string {
  if (!test.ok) return `NOT working (${test.step} failed)`;
  const { tls, mechanism } = test.trial.facts;
  return `tested, works (${[tls?.version, mechanism].filter(Boolean).join(", ")})`;
}

/** JID, server, password and the test, until it works or is to be saved all the same. */
async function askConnection(
  asking: Asking,
  cfg: OpenClawConfig,
  account: XmppAccount,
  made: { account?: MadeAccount },
): Promise<Connection | undefined> {
  const { prompter, network } = asking;
  const fromEnvironment = await askEnvironment(prompter, account);
  let caFile = account.config.tls?.caFile;
  let jid = fromEnvironment ?? (await askJid(prompter, account.jid ?? account.config.jid));
  let server = account.serverText;
  let located = await locateServer(prompter, network, jid.domain, server);
  let password: PasswordAnswer | undefined = fromEnvironment
    ? { kind: "keep", resolved: await readPassword(cfg, account) }
    : undefined;
  for (;;) {
    const trial: TrialOptions = { account: jid, caFile, sasl: account.config.sasl };
    if (!password && (await offersAccount(asking, account, located, trial))) {
      made.account = await makeAccount({
        prompter,
        network,
        options: trial,
        endpoints: located.endpoints,
        beforeEffect: async () => await asking.options?.beforePersistentEffect?.(),
      });
      if (made.account) {
        const { password: value } = made.account;
        password = { kind: "value", value, resolved: value };
      }
    }
    const { secretInputMode } = asking.options ?? {};
    password ??= await askPassword(prompter, cfg, account, jid.bare, secretInputMode);
    const subject = { ...trial, server: located.server, password: password.resolved ?? "" };
    const test: TestOutcome =
      password.resolved === undefined
        ? await untested(prompter)
        : await testConnection(subject, prompter, network);
    const jidToSave = jid === fromEnvironment ? undefined : jid.bare;
    const asked = () => ({ jid: jidToSave, located, caFile, made: made.account });
    if (test.ok) return { ...asked(), password, test };
    switch (await askWhatNow(prompter, test, made.account !== undefined)) {
      case "again":
        break;
      case "password":
        password = await askPassword(prompter, cfg, account, jid.bare, secretInputMode);
        break;
      case "jid":
        jid = await askJid(prompter, jid.bare);
        password = undefined;
        located = await locateServer(prompter, network, jid.domain, server);
        break;
      case "server":
        located = await askServer(prompter, network, jid.domain, located.text);
        server = located.text;
        break;
      case "authority":
        caFile = await askAuthority(prompter, caFile);
        break;
      case "save":
        return { ...asked(), password, test };
      case "stop":
        return undefined;
    }
  }
}

/** The JID that XMPP_JID says, where it and XMPP_PASSWORD are to be used. */
async function askEnvironment(
  prompter: Pick<WizardPrompter, "confirm">,
  account: XmppAccount,
): Promise<(Jid & { local: string }) | undefined> {
  const jid = parseAccountJid(account.jid ?? "");
  const isPossible = account.accountId === "default" && hasEnvironmentAccount();
  if (!isPossible || account.config.jid !== undefined || "problem" in jid) return undefined;
  const message = `XMPP_JID (${jid.bare}) and XMPP_PASSWORD are set. Use them?`;
  return (await prompter.confirm({ message, initialValue: true })) ? jid : undefined;
}

/** Whether the server makes accounts, and one is wanted. */
async function offersAccount(
  { prompter, network, options }: Asking,
  account: XmppAccount,
  { endpoints }: Located,
  trial: TrialOptions,
): Promise<boolean> {
  // The password would stand in the configuration as text, where only references are to stand.
  if (options?.secretInputMode === "ref" || account.config.jid === trial.account.bare) return false;
  let offers: boolean | undefined;
  const progress = prompter.progress(`Asking ${trial.account.domain} whether it makes accounts`);
  try {
    const encounter = await network.meet(trial, endpoints, AbortSignal.timeout(20_000));
    offers = encounter.offersRegistration;
    await encounter.stream.close();
  } catch (error) {
    // What is wrong is told by the test, which comes to the same place.
    if (!(error instanceof XmppConnectionError)) throw error;
  }
  const answer = offers === undefined ? "no answer" : offers ? "yes" : "no, or not this way";
  progress.stop(`Whether ${trial.account.domain} makes accounts: ${answer}`);
  if (!offers) return false;
  const choice = await prompter.select<"have" | "make">({
    message: `Is ${trial.account.bare} there already?`,
    options: [
      { value: "have", label: "Yes, and I have its password" },
      {
        value: "make",
        label: "No: make an account for the bot",
        hint: "with a generated password",
      },
    ],
    initialValue: "have",
  });
  return choice === "make";
}

async function untested(prompter: Pick<WizardPrompter, "note">): Promise<TestOutcome> {
  const error = new XmppConnectionError("credentials", "the password cannot be read here");
  await prompter.note(
    "The password cannot be read here, so that nothing was tested.\nCheck the secret it refers to, or give another.",
    "Login not tested",
  );
  return { ok: false, step: "login", error };
}

type WhatNow = "again" | "password" | "jid" | "server" | "authority" | "save" | "stop";

async function askWhatNow(
  prompter: Pick<WizardPrompter, "select">,
  test: Extract<TestOutcome, { ok: false }>,
  isMade: boolean,
): Promise<WhatNow> {
  const condition = test.error instanceof XmppConnectionError ? test.error.condition : "";
  const likely: Partial<Record<string, WhatNow>> = {
    "not-authorized": "password",
    "credentials-expired": "password",
    credentials: "password",
    certificate: "authority",
    "host-unknown": "jid",
    "host-gone": "jid",
    "invalid-authzid": "jid",
    dns: "server",
    unreachable: "server",
    network: "server",
    timeout: "server",
    protocol: "server",
    "tls-required": "server",
    "plaintext-refused": "server",
    "unsupported-version": "server",
    "see-other-host": "server",
  };
  const all: { value: WhatNow; label: string; hint?: string }[] = [
    { value: "again", label: "Try again" },
    { value: "password", label: "Give the password again" },
    { value: "jid", label: "Give another JID" },
    { value: "server", label: "Give the server's address" },
    { value: "authority", label: "Name the file of its certificate authority" },
    { value: "save", label: "Go on all the same", hint: "it does not work as it is" },
    { value: "stop", label: "Stop; nothing is saved" },
  ];
  const senseless = new Set<WhatNow>([
    ...(isMade ? (["password", "jid"] as const) : []),
    ...(condition === "certificate" ? [] : (["authority"] as const)),
  ]);
  const options = all.filter(({ value }) => !senseless.has(value));
  const wanted = likely[condition] ?? "again";
  const initialValue = options.some(({ value }) => value === wanted) ? wanted : "again";
  return await prompter.select<WhatNow>({ message: "What now?", options, initialValue });
}

async function askAuthority(
  prompter: Pick<WizardPrompter, "text">,
  current: string | undefined,
): Promise<string | undefined> {
  const written = await prompter.text({
    message: "PEM file of the authority that signed the server's certificate (empty: none)",
    placeholder: "/etc/ssl/our-authority.pem",
    ...(current === undefined ? {} : { initialValue: current }),
  });
  return written.trim() || undefined;
}
