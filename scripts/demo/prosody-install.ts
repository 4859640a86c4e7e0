import { hasProsody, PROSODY_INSTALL_COMMAND } from "../../test/support/prosody.ts";
import { startProcess } from "../../test/support/process.ts";
import type { RunningProcess } from "../../test/support/process.ts";
import { say, step } from "./steps.ts";

const APT_ENV = { DEBIAN_FRONTEND: "noninteractive" };

async function apt(args: readonly string[]): Promise<void> {
  const child: RunningProcess = await startProcess({
    name: `apt-get ${args.join(" ")}`,
    command: "apt-get",
    args,
    env: { ...process.env, ...APT_ENV },
  });
  child.onLine((line) => {
    if (/^(Get:|Unpacking|Setting up)/.test(line)) say(`    ${line}`);
  });
  const { code } = await child.exited;
  if (code !== 0)
    throw new Error(`apt-get ${args.join(" ")} failed:\n${child.output().slice(-2_000)}`);
}

/**
 * Sees to it that Prosody is installed: by apt when we are root, else by asking for it.
 * @throws with the one command that helps.
 */
export async function ensureProsody(): Promise<void> {
  if (hasProsody()) return;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot) {
    throw new Error(
      `the demo needs the XMPP server Prosody; this installs it:\n\n    sudo ${PROSODY_INSTALL_COMMAND}\n`,
    );
  }
  await step("Installing Prosody with apt", async () => {
    say();
    await apt(["update", "-q"]);
    await apt(["install", "-y", "-q", "--no-install-recommends", "prosody", "openssl"]);
  });
  if (!hasProsody()) throw new Error(`apt-get left no Prosody; try: ${PROSODY_INSTALL_COMMAND}`);
}
