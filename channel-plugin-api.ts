export { xmppPlugin } from "./src/channel.ts";
