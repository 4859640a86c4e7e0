/** One configured secret: text, or a SecretRef that the host resolved before the channel started. */
import { resolveSecretInputString } from "openclaw/plugin-sdk/secret-input";
import type { ConfigProblem } from "./account-problems.ts";

export type SecretResolution =
  | { kind: "available"; value: string }
  | { kind: "missing" }
  /** The host could not resolve the SecretRef. */
  | { kind: "unavailable"; problem: ConfigProblem };

export function resolveSecret(value: unknown, path: string): SecretResolution {
  const resolution = resolveSecretInputString({ value, path, mode: "inspect" });
  switch (resolution.status) {
    case "available":
      return { kind: "available", value: resolution.value };
    case "configured_unavailable": {
      const { source, id } = resolution.ref;
      const problem = `the secret ${source}:${id} could not be resolved; check secrets.providers, or run openclaw secrets audit`;
      return { kind: "unavailable", problem: { path, problem } };
    }
    default:
      return { kind: "missing" };
  }
}
