/** The manifest, the package metadata and the code say the same. `npm run manifest` writes them anew. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { manifest, packageSetupFields } from "../../scripts/manifest-content.ts";
import { xmppPlugin } from "../../src/channel.ts";
import { doctorCapabilities } from "../../src/host/doctor.ts";
import { meta } from "../../src/host/meta.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const read = (path: string) => JSON.parse(readFileSync(join(ROOT, path), "utf8"));
const packageJson = read("package.json");

describe("metadata", () => {
  it("has a manifest that is generated from the zod schema", () => {
    expect(read("openclaw.plugin.json")).toEqual(JSON.parse(JSON.stringify(manifest())));
  });

  it("mirrors the setup contract in the package", () => {
    expect(packageJson.openclaw.channel.setup.fields).toEqual(packageSetupFields());
  });

  it("names each setup field after its long flag", () => {
    for (const { key, cli } of packageSetupFields()) {
      const flag = /--([\w-]+)/.exec(cli.flags)?.[1] ?? "";
      expect(flag.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())).toBe(key);
    }
  });

  it("presents the channel as the code does", () => {
    const {
      setup: _setup,
      configuredState,
      doctorCapabilities: capabilities,
      approvalFlags,
      ...channel
    } = packageJson.openclaw.channel;
    expect(channel).toEqual(meta);
    expect(capabilities).toEqual(doctorCapabilities);
    expect(approvalFlags).toEqual(xmppPlugin.approvalCapability?.nativeRuntime ? ["native"] : []);
    expect(configuredState.env.allOf).toEqual(["XMPP_JID", "XMPP_PASSWORD"]);
  });

  it("pins the host that it was built and tested with", () => {
    const host = packageJson.devDependencies.openclaw;
    expect(packageJson.openclaw.build.openclawVersion).toBe(host);
    expect(packageJson.openclaw.compat.pluginApi).toBe(`>=${host}`);
    expect(packageJson.peerDependencies.openclaw).toBe(`>=${host}`);
    expect(packageJson.engines.node).toBe(read("node_modules/openclaw/package.json").engines.node);
  });

  it("declares the TypeScript entries only, so that a linked checkout needs no build", () => {
    const { extensions, runtimeExtensions, setupEntry, runtimeSetupEntry } = packageJson.openclaw;
    expect([extensions, setupEntry]).toEqual([["./index.ts"], "./setup-entry.ts"]);
    expect([runtimeExtensions, runtimeSetupEntry]).toEqual([undefined, undefined]);
  });

  it("carries a licence that its dependencies allow", () => {
    expect(packageJson.license).toBe("MIT");
    const licences = Object.keys(packageJson.dependencies).map(
      (name) => read(`node_modules/${name}/package.json`).license,
    );
    for (const licence of licences)
      expect(licence).toMatch(/^(MIT|ISC|BSD-[23]-Clause|Apache-2\.0)$/);
  });
});
