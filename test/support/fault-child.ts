/**
 * Runs one client in a process of its own, for faults that end the process.
 * Usage: node fault-child.ts ours|stock PORT [throwing]; a line "stop" on stdin stops the client.
 * Prints "online" and "stopped"; an uncaught exception ends it with code 1.
 */
import { ours, stock } from "./xmpp-subjects.ts";

const [, , subject, port, throwing] = process.argv;
const thrower = (): void => {
  if (throwing) throw new Error("thrown by a listener");
};
let stop: () => Promise<unknown>;
if (subject === "ours") {
  const session = ours(Number(port));
  session.onStanza(thrower);
  session.onState((state) => console.log(state.kind));
  session.start();
  stop = () => session.stop();
} else {
  const xmpp = stock(Number(port), { timeout: 100 });
  xmpp.on("stanza", thrower);
  xmpp.on("online", () => console.log("online"));
  xmpp.start().catch(() => console.log("failed"));
  stop = () => xmpp.stop();
}
process.stdin.setEncoding("utf8").on("data", (text: string) => {
  if (text.includes("stop")) void stop().then(() => console.log("stopped"));
  if (text.includes("exit")) process.exit(0);
});
