/** The commands that plugins gave to the host, as it lists them for this channel. They never reach the model. */
import {
  createPluginCommandRuntime,
  type PluginCommandNativeCandidate,
} from "openclaw/plugin-sdk/plugin-command-runtime";
import { CHANNEL_ID } from "../policy/account-policy.ts";

export type PluginCommand = PluginCommandNativeCandidate;

/** As they are now; none while the host has no plugins, as when it is loading them. */
export function listPluginCommands(): readonly PluginCommand[] {
  try {
    return createPluginCommandRuntime().listNativeCandidates(CHANNEL_ID);
  } catch {
    return [];
  }
}

/** As the host reads it: "_" and "-" are one. */
const INVOCATION = /^\/\s*([^\s]+)/;
const spelled = (name: string) => name.toLowerCase().replaceAll("_", "-");

/** Whether a text gives one of them. */
export function isPluginCommand(text: string): boolean {
  const [, name] = INVOCATION.exec(text.trim()) ?? [];
  return (
    name !== undefined &&
    listPluginCommands().some((command) => spelled(command.name) === spelled(name))
  );
}
