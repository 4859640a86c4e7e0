import { createInterface } from "node:readline";

import type { StockClient } from "../../test/support/stock-client.ts";

/** True for a message of this contact, whichever resource it came from. */
function isFrom(contact: string, from: string): boolean {
  return from === contact || from.startsWith(`${contact}/`);
}

/**
 * Says one thing to the agent and returns its first answer.
 * @throws when none comes in `timeoutMs`.
 */
export async function askOnce(
  client: StockClient,
  agent: string,
  text: string,
  timeoutMs = 60_000,
): Promise<string> {
  return await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`the agent did not answer in ${timeoutMs / 1000} s`));
    }, timeoutMs);
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      act();
    };
    client.onMessage((from, body) => {
      if (isFrom(agent, from)) settle(() => resolve(body));
    });
    client.onStanza((stanza) => {
      if (stanza.name !== "message" || stanza.attrs["type"] !== "error") return;
      settle(() => reject(new Error(`the server returned the message: ${stanza.toString()}`)));
    });
    client.send(agent, text).catch((error: unknown) => settle(() => reject(error)));
  });
}

/** A chat in the terminal, until Ctrl-D, Ctrl-C or `/quit`. */
export async function chat(client: StockClient, agent: string): Promise<void> {
  const me = "alice";
  const terminal = createInterface({
    input: process.stdin,
    output: process.stdout,
    prompt: `${me}> `,
    terminal: process.stdin.isTTY,
  });
  const print = (line: string): void => {
    // Over the half-typed line, then that line again.
    process.stdout.write(process.stdin.isTTY ? `\r\u001B[K${line}\n` : `${line}\n`);
    if (process.stdin.isTTY) terminal.prompt(true);
  };
  const forget = client.onMessage((from, body) => {
    print(`${isFrom(agent, from) ? "agent" : from}> ${body}`);
  });
  await new Promise<void>((resolve, reject) => {
    client.onError((error) => reject(error));
    terminal.on("SIGINT", () => terminal.close());
    terminal.once("close", resolve);
    terminal.on("line", (line) => {
      const text = line.trim();
      if (text === "/quit") terminal.close();
      else if (text !== "") client.send(agent, text).catch(reject);
      terminal.prompt();
    });
    terminal.prompt();
  }).finally(() => {
    forget();
    terminal.close();
  });
}
