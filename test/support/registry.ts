import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import { createTempDir } from "./at-exit.ts";
import { freePort } from "./ports.ts";
import { runOrThrow, startProcess } from "./process.ts";
import { waitFor } from "./wait.ts";

/** A private npm registry on 127.0.0.1 that fetches what it does not have from the real one. */
export interface Registry {
  readonly url: string;
  /** Publishes a tarball or a folder by a real `npm publish`. */
  publish(tarballOrFolder: string): Promise<void>;
  log(): string;
  stop(): Promise<void>;
}

export interface RegistryOptions {
  /** Scope (or package) that only this registry may answer for. Default `@openclaw/xmpp`. */
  readonly ownPackage?: string;
}

/** The registry that npm is configured with on this machine. */
async function configuredRegistry(): Promise<string> {
  const result = await runOrThrow({
    name: "npm config get registry",
    command: "npm",
    args: ["config", "get", "registry"],
  });
  return result.stdout.trim();
}

function config(directory: string, uplink: string, own: string): string {
  return `
storage: ${join(directory, "storage")}
auth:
  htpasswd:
    file: ${join(directory, "htpasswd")}
    max_users: -1
uplinks:
  upstream:
    url: ${uplink}
    maxage: 30m
packages:
  "${own}":
    access: $all
    publish: $all
    unpublish: $all
  "**":
    access: $all
    proxy: upstream
web:
  enable: false
log: { type: stdout, format: pretty, level: warn }
`;
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/-/ping`);
    await response.body?.cancel();
    return response.ok;
  } catch {
    // Not listening yet.
    return false;
  }
}

/** Starts verdaccio with its own storage. */
export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const temp = createTempDir("registry");
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const require = createRequire(import.meta.url);
  const binary = join(dirname(require.resolve("verdaccio/package.json")), "bin/verdaccio");
  if (!existsSync(binary)) throw new Error(`verdaccio is not installed (${binary}); run npm ci`);
  mkdirSync(join(temp.path, "storage"));
  const configFile = join(temp.path, "config.yaml");
  const uplink = await configuredRegistry();
  writeFileSync(configFile, config(temp.path, uplink, options.ownPackage ?? "@openclaw/xmpp"));
  // npm wants a token before it publishes, even where everybody may.
  const npmrc = join(temp.path, "npmrc");
  writeFileSync(npmrc, `//127.0.0.1:${port}/:_authToken=anybody\n`, { mode: 0o600 });

  const server = await startProcess({
    name: "verdaccio",
    command: process.execPath,
    args: [binary, "--config", configFile, "--listen", `127.0.0.1:${port}`],
    cwd: temp.path,
    env: { ...process.env, HOME: temp.path },
  });
  const isUp = async (): Promise<boolean> => {
    if (!server.isRunning()) throw new Error(`verdaccio ended:\n${server.output()}`);
    return await answers(url);
  };
  try {
    await waitFor(isUp, { what: "verdaccio", timeoutMs: 60_000, evidence: () => server.output() });
  } catch (error) {
    await server.stop();
    temp.remove();
    throw error;
  }
  return {
    url,
    log: () => server.output(),
    async publish(tarballOrFolder) {
      await runOrThrow({
        name: `npm publish ${tarballOrFolder}`,
        command: "npm",
        args: [
          "publish",
          tarballOrFolder,
          "--registry",
          url,
          "--userconfig",
          npmrc,
          "--access",
          "public",
        ],
        cwd: temp.path,
        env: { ...process.env, npm_config_provenance: "false" },
      });
    },
    async stop() {
      await server.stop();
      temp.remove();
    },
  };
}
