/** A real login, told step by step: resolve, connect, TLS, login, rooms. */
import type { WizardPrompter, WizardProgress } from "openclaw/plugin-sdk/setup";
import { addressOf } from "../../client/endpoint.ts";
import type { PublicRooms } from "../../client/public-rooms.ts";
import type { Trial } from "../../client/trial.ts";
import type { Endpoint, LoginStep, ServerAddress } from "../../client/types.ts";
import type { SaslPolicy } from "../../policy/sasl.ts";
import type { Jid } from "../../protocol/jid.ts";
import type { Network } from "./network.ts";
import { describeFailure, oneLine } from "./words.ts";

export type TestSubject = {
  account: Jid & { local: string };
  server: ServerAddress;
  password: string;
  caFile?: string | undefined;
  sasl?: SaslPolicy | undefined;
};

export type Step = "resolve" | "connect" | "tls" | "login" | "rooms";

export type TestOutcome =
  /** `trial` is still logged in: whoever asked for the test closes it. */
  | { ok: true; trial: Trial; publicRooms: PublicRooms; endpoints: Endpoint[] }
  | { ok: false; step: Step; error: unknown };

const STEP_OF: Readonly<Record<LoginStep, Step>> = {
  connecting: "connect",
  securing: "tls",
  authenticating: "login",
};

/** Whole test, in ms. */
const TEST_MS = 60_000;

/** Runs the test; a failure is shown where it happened, with what to do about it. Never rejects but for a cancelled prompt. */
export async function testConnection(
  subject: TestSubject,
  prompter: Pick<WizardPrompter, "progress" | "note">,
  network: Network,
): Promise<TestOutcome> {
  const { account, server, password, caFile, sasl } = subject;
  const signal = AbortSignal.timeout(TEST_MS);
  const steps = createSteps(prompter);
  let trial: Trial | undefined;
  try {
    steps.begin("resolve", `Resolve: looking for the server of ${account.domain}`);
    const endpoints = await network.resolve(server, signal);
    const addresses = endpoints.map(addressOf).slice(0, 4).join(", ");
    const how = server.kind === "endpoint" ? "as configured" : account.domain;
    steps.done(`Resolve: ${how} → ${addresses}`);
    trial = await network.logIn(
      {
        account,
        caFile,
        sasl,
        onStep: (step) => steps.enter(STEP_OF[step], { addresses, domain: account.domain }),
      },
      password,
      endpoints,
      signal,
    );
    const { facts } = trial;
    const tls = facts.tls ? `${facts.tls.version}, ` : "";
    steps.done(`Login: ${account.bare} at ${facts.address} (${tls}${facts.mechanism})`);
    steps.begin("rooms", "Rooms: asking the server for them");
    const publicRooms = await network
      .listPublicRooms(trial, account.domain)
      // A server that does not tell its services has none for us; the login is good all the same.
      .catch(() => ({ services: [], rooms: [] }));
    steps.done(`Rooms: ${describeRooms(publicRooms)}`);
    return { ok: true, trial, publicRooms, endpoints };
  } catch (error) {
    await trial?.close();
    const step = steps.fail();
    const [wrong, advice] = describeFailure(error);
    await prompter.note(`${wrong}\n${advice}`, `${LABELS[step]} failed`);
    return { ok: false, step, error };
  }
}

function describeRooms({ services, rooms }: PublicRooms): string {
  if (services.length === 0) return "the server announces no room service";
  const where = services.map((service) => oneLine(service, 80)).join(", ");
  return `${rooms.length || "no"} public ${rooms.length === 1 ? "room" : "rooms"} on ${where}`;
}

const LABELS: Readonly<Record<Step, string>> = {
  resolve: "Resolve",
  connect: "Connect",
  tls: "TLS",
  login: "Login",
  rooms: "Rooms",
};

/** One line of progress a step; it stays on the screen when the step is over. */
function createSteps(prompter: Pick<WizardPrompter, "progress">) {
  let at: Step = "resolve";
  let line: WizardProgress | undefined;
  const done = (text: string) => {
    line?.stop(text);
    line = undefined;
  };
  const begin = (step: Step, text: string) => {
    at = step;
    line = prompter.progress(text);
  };
  return {
    begin,
    done,
    /** A step of the login began; one that comes again is at the next address, or with more authorities. */
    enter(step: Step, { addresses, domain }: { addresses: string; domain: string }) {
      const order: Step[] = ["connect", "tls", "login"];
      const texts: Partial<Record<Step, [doing: string, done: string]>> = {
        connect: [`Connect: ${addresses}`, "Connect: the port is open"],
        tls: ["TLS: asking the server for it", `TLS: encrypted, the certificate is ${domain}'s`],
        login: ["Login: with the password, behind TLS", ""],
      };
      const isForward = line === undefined || order.indexOf(step) > order.indexOf(at);
      if (line) done(isForward ? (texts[at]?.[1] ?? "") : `${LABELS[at]}: not this way, trying on`);
      begin(step, texts[step]?.[0] ?? "");
    },
    /** @returns the step that failed */
    fail(): Step {
      done(`${LABELS[at]}: failed`);
      return at;
    },
  };
}
