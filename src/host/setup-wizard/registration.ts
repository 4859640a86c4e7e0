/** "Make an account for the bot": in-band registration (XEP-0077), behind TLS only, with a generated password. */
import { randomBytes } from "node:crypto";
import type { WizardPrompter } from "openclaw/plugin-sdk/setup";
import { XmppConnectionError, XmppStanzaError } from "../../errors.ts";
import type { TrialOptions } from "../../client/trial.ts";
import type { Endpoint } from "../../client/types.ts";
import type { FormField } from "../../protocol/xep-0004-form-fields.ts";
import type { RegistrationOffer } from "../../protocol/xep-0077-registration.ts";
import type { Network } from "./network.ts";
import { describeFailure, describeRefusal, oneLine } from "./words.ts";

/** 24 random bytes: 192 bits, in characters that every server takes. */
const PASSWORD_BYTES = 24;
/** How long it may take people to answer a server's form, in ms. */
const REGISTRATION_MS = 10 * 60_000;

/** A login with its password, in ms. */
const LOGIN_MS = 20_000;

/** An account that was made just now. */
export type MadeAccount = {
  password: string;
  /** Ends it again; tells where that does not work. */
  takeBack(): Promise<void>;
};

type Registration = {
  prompter: WizardPrompter;
  network: Network;
  options: TrialOptions;
  endpoints: readonly Endpoint[];
  /** The host's check before anything that outlasts a cancelled set-up. */
  beforeEffect: () => Promise<void>;
};

/** @returns undefined where it was not made; why was shown */
export async function makeAccount(registration: Registration): Promise<MadeAccount | undefined> {
  const { prompter, network, options, endpoints } = registration;
  const { account } = options;
  const signal = AbortSignal.timeout(REGISTRATION_MS);
  let stream: Awaited<ReturnType<Network["meet"]>>["stream"] | undefined;
  try {
    ({ stream } = await network.meet(options, endpoints, signal));
    const offer = await network.askRegistration(stream, account);
    const password = randomBytes(PASSWORD_BYTES).toString("base64url");
    const answers = await answerForm(prompter, offer, account.local, password);
    if (!answers) return undefined;
    await registration.beforeEffect();
    try {
      await network.register(stream, account, offer, answers);
    } catch (error) {
      if (!(error instanceof XmppConnectionError)) throw error;
      // The answers were handed in, and what the server made of them was not heard.
      const standing = await askStanding(registration, password);
      if (standing !== "there") {
        await prompter.note(describeDoubt(error, account.bare, standing), "Not confirmed");
        return undefined;
      }
    }
    await prompter.note(
      `${account.bare} is there now, with a generated password.\nIt goes if you do not save at the end.`,
      "Account made",
    );
    return { password, takeBack: () => takeBack(registration, password) };
  } catch (error) {
    if (isOurs(error)) {
      const [wrong, advice] = describeRefusal(error, account.bare);
      await prompter.note(`${wrong}\n${advice}`, "No account made");
      return undefined;
    }
    throw error;
  } finally {
    await stream?.close();
  }
}

type Standing = "there" | "not there" | "unknown";

/** Whether an account is there with this password, which nobody else knows: by a login. */
async function askStanding(
  { network, options, endpoints }: Registration,
  password: string,
): Promise<Standing> {
  try {
    const signal = AbortSignal.timeout(LOGIN_MS);
    const quiet = { ...options, onStep: undefined };
    const trial = await network.logIn(quiet, password, endpoints, signal);
    await trial.close();
    return "there";
  } catch (error) {
    const isRefused = error instanceof XmppConnectionError && error.condition === "not-authorized";
    return isRefused ? "not there" : "unknown";
  }
}

function describeDoubt(error: unknown, jid: string, standing: Standing): string {
  const [wrong] = describeFailure(error);
  return standing === "not there"
    ? `${wrong}\nThe server lets nobody in with the new password, so that ${jid} was most likely not made. Start over to try again; should the name then be taken, ask the server's administrator to remove the account.`
    : `${wrong}\n${jid} may be on the server now, with a password that nobody knows. Ask the server's administrator whether it is there, and to remove it or to set a password that you know; or choose another JID.`;
}

/** An error of the connection or the server; a cancelled question is none. */
function isOurs(error: unknown): boolean {
  return error instanceof XmppConnectionError || error instanceof XmppStanzaError;
}

async function takeBack(registration: Registration, password: string): Promise<void> {
  const { prompter, network, options, endpoints } = registration;
  const { bare } = options.account;
  let wasIn = false;
  try {
    const signal = AbortSignal.timeout(LOGIN_MS);
    const quiet = { ...options, onStep: undefined };
    const trial = await network.logIn(quiet, password, endpoints, signal);
    wasIn = true;
    try {
      await network.unregister(trial);
    } finally {
      await trial.close();
    }
  } catch (error) {
    // A server may end the stream with the account, in place of an answer (XEP-0077 §3.2). One that never let us in
    // may let nobody in yet: the account waits for an administrator.
    const isGone = wasIn && (await askStanding(registration, password)) === "not there";
    if (!isGone) {
      const [wrong] = describeFailure(error);
      await prompter.note(
        `${bare} was made on the server, and could not be removed again: ${wrong}\nAsk the server's administrator to remove it, or to set a password that you know.`,
        "An account is left over",
      );
      return;
    }
  }
  await prompter.note(`${bare} was removed from the server again.`, "Nothing was saved");
}

/** Fills in what we know, asks what the server wants besides; undefined where only a web page can do it. */
async function answerForm(
  prompter: WizardPrompter,
  offer: RegistrationOffer,
  username: string,
  password: string,
): Promise<Map<string, string[]> | undefined> {
  const names = new Set(offer.fields.map(({ name }) => name));
  const needsEyes = offer.fields.some(({ hasMedia, isRequired }) => hasMedia && isRequired);
  if (needsEyes || !names.has("username") || !names.has("password")) {
    const where = offer.url
      ? oneLine(offer.url, 300)
      : "the server's web page, or with an XMPP app";
    await prompter.note(
      `The server wants ${needsEyes ? "a picture to be read" : "more than a terminal can give"}.\nMake the account on ${where}, then come back with its password.`,
      "No account made",
    );
    return undefined;
  }
  const asked = offer.fields.filter(
    ({ name, type, isRequired }) =>
      isRequired && type !== "hidden" && name !== "username" && name !== "password",
  );
  const words = [
    offer.instructions ?? "",
    ...offer.fields.filter(({ type }) => type === "fixed").flatMap(({ values }) => values),
  ].filter(Boolean);
  if (asked.length > 0 && words.length > 0) {
    const lines = words.slice(0, 10).map((text) => oneLine(text, 300));
    await prompter.note(lines.join("\n"), "The server says");
  }
  const answers = new Map([
    ["username", [username]],
    ["password", [password]],
  ]);
  for (const field of asked) answers.set(field.name, await askField(prompter, field));
  return answers;
}

async function askField(prompter: WizardPrompter, field: FormField): Promise<string[]> {
  const message = `The server asks: ${oneLine(field.label ?? field.name, 200)}`;
  const options = field.options.map(({ value, label }) => ({
    value,
    label: oneLine(label ?? value, 100),
  }));
  switch (field.type) {
    case "boolean": {
      const initialValue = field.values[0] === "1" || field.values[0] === "true";
      return [(await prompter.confirm({ message, initialValue })) ? "1" : "0"];
    }
    case "list-single":
      return [await prompter.select({ message, options })];
    case "list-multi":
      return await prompter.multiselect({ message, options });
    default: {
      const validate = (value: string) =>
        value.trim() === "" ? "The server wants this" : undefined;
      const sensitive = field.type === "text-private";
      const initialValue = field.values[0];
      const given = await prompter.text({
        message,
        validate,
        sensitive,
        ...(initialValue && !sensitive ? { initialValue: oneLine(initialValue, 200) } : {}),
      });
      return [given.trim()];
    }
  }
}
