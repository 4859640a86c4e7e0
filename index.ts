import { defineBundledChannelEntry } from "openclaw/plugin-sdk/channel-entry-contract";
import { registerChatCommand } from "./src/host/chat-command.ts";
import { registerXmppCli } from "./src/host/cli.ts";
import { registerDrain } from "./src/host/drain.ts";
import { registerGatewayMethods } from "./src/host/gateway-methods.ts";

export default defineBundledChannelEntry({
  id: "xmpp",
  name: "XMPP",
  description: "XMPP/Jabber channel plugin",
  importMetaUrl: import.meta.url,
  plugin: { specifier: "./channel-plugin-api.js", exportName: "xmppPlugin" },
  secrets: { specifier: "./secret-contract-api.js", exportName: "channelSecrets" },
  runtime: { specifier: "./runtime-api.js", exportName: "setRuntime" },
  registerCliMetadata: registerXmppCli,
  registerFull: (api) => {
    registerGatewayMethods(api);
    registerChatCommand(api);
    registerDrain(api);
  },
});
