import { defineBundledChannelSetupEntry } from "openclaw/plugin-sdk/channel-entry-contract";

export default defineBundledChannelSetupEntry({
  importMetaUrl: import.meta.url,
  plugin: { specifier: "./channel-plugin-api.js", exportName: "xmppPlugin" },
  secrets: { specifier: "./secret-contract-api.js", exportName: "channelSecrets" },
});
