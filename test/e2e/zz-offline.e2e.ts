import { join } from "node:path";
import { mkdirSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, it } from "vitest";
import { REPOSITORY, startGateway, type Gateway } from "../support/gateway.ts";
import { startProsody, type Prosody } from "../support/prosody.ts";
import { startStubModel, type StubModel } from "../support/stub-model.ts";
import packageJson from "../../package.json" with { type: "json" };
const TARBALL = join(REPOSITORY, "build", `openclaw-xmpp-${packageJson.version}.tgz`);
let prosody: Prosody; let model: StubModel; let gateway: Gateway;
beforeAll(async () => {
  [prosody, model] = await Promise.all([startProsody({ domain: "example.com" }), startStubModel()]);
  for (const user of ["bot", "ops"]) await prosody.register(user, "secret");
  gateway = await startGateway({
    modelUrl: model.baseUrl, plugins: [{ kind: "tarball", path: TARBALL }],
    env: { OPS_XMPP_PASSWORD: "secret" },
    config: { channels: { xmpp: { jid: "bot@example.com", password: "secret", server: `127.0.0.1:${prosody.ports.c2s}`, tls: { caFile: prosody.caFile } } } },
  });
  const folder = join(gateway.env["HOME"] ?? "", ".secrets");
  mkdirSync(folder, { mode: 0o700 });
  for (const name of ["bot", "ops"]) writeFileSync(join(folder, name), "secret\n", { mode: 0o600 });
}, 180_000);
afterAll(async () => { await gateway?.stop(); await Promise.all([prosody?.stop(), model?.stop()]); });
it("timeline", { timeout: 400_000 }, async () => {
  const t0 = performance.now();
  let last = ""; let over = false;
  const line = (s: string) => console.log(`${((performance.now() - t0) / 1000).toFixed(1)} ${s}`);
  const poll = (async () => {
    while (!over) {
      const all = await gateway.accounts("xmpp").catch((e) => String(e));
      const now = typeof all === "string" ? all.slice(0, 80) : JSON.stringify(all.map((a) => [a.accountId, a.connected, a["connection"], a.lifecycle, a["jid"], a["server"], String(a.lastError ?? "").slice(0, 90)]));
      if (now !== last) line(`   ${now}`);
      last = now;
      await new Promise((r) => setTimeout(r, 150));
    }
  })();
  const base = gateway.readConfig()["channels"];
  const home = gateway.env["HOME"] ?? "";
  for (const args of [
    ["channels", "add", "--channel", "xmpp", "--jid", "bot@example.com", "--password-file", `${home}/.secrets/bot`],
    ["channels", "add", "--channel", "xmpp", "--account", "ops", "--jid", "ops@example.com", "--password-file", `${home}/.secrets/ops`, "--server", `127.0.0.1:${prosody.ports.c2s}`, "--ca-file", prosody.caFile],
    ["channels", "add", "--channel", "xmpp", "--account", "ops", "--resource", "laptop"],
    ["channels", "remove", "--channel", "xmpp", "--account", "ops", "--delete"],
    ["channels", "add", "--channel", "xmpp", "--use-env"],
  ]) {
    line(`$ ${args.join(" ")}`);
    const { code, stderr, stdout } = await gateway.openclaw(args, { env: args.includes("--use-env") ? { XMPP_JID: "bot@example.com", XMPP_PASSWORD: "secret" } : {} });
    line(`= ${code} ${code ? stderr + stdout : ""}`);
    await new Promise((r) => setTimeout(r, 6_000));
  }
  line(JSON.stringify(gateway.readConfig()["channels"]));
  line("$ restore");
  gateway.writeConfig({ ...gateway.readConfig(), channels: base });
  await new Promise((r) => setTimeout(r, 15_000));
  over = true; await poll;
  console.log(gateway.log().split("\n").filter((l) => /reload|restart|xmpp\]|\[(default|ops)\]/.test(l)).map((l) => l.slice(0, 220)).slice(-80).join("\n"));
});
