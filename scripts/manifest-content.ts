/** What the manifest and the package metadata must say, derived from the code. */
import { cliCommand } from "../src/host/cli.ts";
import { xmppChannelConfigSchema } from "../src/host/config-schema.ts";
import { meta } from "../src/host/meta.ts";
import { setupFields } from "../src/host/setup.ts";
import packageJson from "../package.json" with { type: "json" };

/** `openclaw.plugin.json`, whole. */
export function manifest() {
  const { schema, uiHints } = xmppChannelConfigSchema;
  return {
    id: "xmpp",
    name: "XMPP",
    description: packageJson.description,
    version: packageJson.version,
    categories: ["channels"],
    channels: ["xmpp"],
    activation: { onStartup: false, onCommands: [cliCommand.name] },
    cliCommands: [cliCommand],
    // `openclaw xmpp pairing` asks the host's pairing methods, for the operator who calls and with their scopes.
    contracts: { gatewayMethodDispatch: ["authenticated-request"] },
    configSchema: { type: "object", additionalProperties: false, properties: {} },
    channelConfigs: {
      xmpp: { label: meta.label, description: meta.blurb, schema, uiHints },
    },
  };
}

/** `openclaw.channel.setup.fields` of package.json. */
export function packageSetupFields() {
  return Object.entries(setupFields).map(([key, field]) => ({ key, ...field }));
}
