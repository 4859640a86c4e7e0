import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";

/** One message of a chat completion request, its text parts joined. */
export interface ModelMessage {
  readonly role: string;
  readonly text: string;
}

/** What the host asked the model. */
export interface ModelRequest {
  readonly model: string;
  readonly messages: readonly ModelMessage[];
  /** All system and developer text. */
  readonly system: string;
  /** The person's last message as the host wrote it, envelope and metadata included. */
  readonly prompt: string;
  /** What the host says about the turn beside it: chat, sender, mention (its last context block). */
  readonly context: string;
  /** The last user message without the host's envelope: what the person typed. */
  readonly userText: string;
  /** Names of the tools the model may call. */
  readonly tools: readonly string[];
  /** The request body as it came. */
  readonly body: unknown;
}

/** A tool that the model wants called, instead of text. */
export interface ModelToolCall {
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/**
 * What the model answers: text, text in pieces (streamed one by one, also as they come, and a tool call after them), or a
 * tool call.
 */
export type ModelReply =
  string | readonly string[] | AsyncIterable<string | ModelToolCall> | ModelToolCall;

export type ReplyFunction = (request: ModelRequest) => ModelReply | Promise<ModelReply>;

export interface StubModelOptions {
  /** Default: {@link echo}. A throw becomes an HTTP 500. */
  readonly reply?: ReplyFunction;
}

/** An OpenAI-compatible model server on 127.0.0.1. */
export interface StubModel {
  /** `http://127.0.0.1:PORT/v1` */
  readonly baseUrl: string;
  readonly port: number;
  /** Every chat request so far, oldest first. */
  readonly requests: readonly ModelRequest[];
  /** Replaces the reply function; without one, back to the first. */
  setReply(reply?: ReplyFunction): void;
  /** Forgets the recorded requests. */
  clear(): void;
  stop(): Promise<void>;
}

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  const parts: readonly unknown[] = content;
  return parts
    .map((part) => (isObject(part) && typeof part["text"] === "string" ? part["text"] : ""))
    .filter((text) => text !== "")
    .join("\n");
}

const INTERNAL_CONTEXT =
  /<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>[\s\S]*?<<<END_OPENCLAW_INTERNAL_CONTEXT>>>/gu;

/**
 * What the person typed, out of a user message as the host writes it: a time in brackets, blocks of
 * metadata (`Conversation info: ⟦openclaw:ctx⟧` and fenced JSON), the text, a line about the runtime.
 */
export function stripHostEnvelope(prompt: string): string {
  const metadata =
    /^[^\n]*(?:⟦openclaw:ctx⟧|\(untrusted[^\n]*\)):?[ \t]*\n```json\n[\s\S]*?\n```[ \t]*\n*/u;
  const envelope = /^\[[^\]\n]*\d{4}-\d\d-\d\d[^\]\n]*\][ \t]*/u;
  const runtime = /\n+Runtime: agent=[^\n]*$/u;
  const current = "[Current message - respond to this]";
  let text = prompt.replace(INTERNAL_CONTEXT, "").trim().replace(runtime, "");
  const at = text.lastIndexOf(current);
  if (at >= 0) text = text.slice(at + current.length).trim();
  for (let before = ""; before !== text;) {
    before = text;
    text = text.replace(metadata, "").replace(envelope, "").trim();
  }
  return text;
}

function decodeRequest(body: unknown): ModelRequest {
  const object = isObject(body) ? body : {};
  const rawMessages: readonly unknown[] = Array.isArray(object["messages"])
    ? object["messages"]
    : [];
  const messages = rawMessages.filter(isObject).map((message) => ({
    role: String(message["role"]),
    text: contentText(message["content"]),
  }));
  // The host puts its own context after the person's message, as one more user message.
  const users = messages.filter(({ role }) => role === "user").map(({ text }) => text);
  const prompt = users.findLast((text) => text.replace(INTERNAL_CONTEXT, "").trim() !== "") ?? "";
  const context = users.flatMap((text) => text.match(INTERNAL_CONTEXT) ?? []).at(-1) ?? "";
  const rawTools: readonly unknown[] = Array.isArray(object["tools"]) ? object["tools"] : [];
  const tools = rawTools.flatMap((tool) => {
    const definition = isObject(tool) ? tool["function"] : undefined;
    return isObject(definition) ? [String(definition["name"])] : [];
  });
  return {
    model: String(object["model"] ?? ""),
    messages,
    system: messages
      .filter(({ role }) => role === "system" || role === "developer")
      .map(({ text }) => text)
      .join("\n"),
    prompt,
    context,
    userText: stripHostEnvelope(prompt),
    tools,
    body,
  };
}

/** Answers "echo: " and what the person typed. */
export function echo(request: ModelRequest): string {
  return `echo: ${request.userText}`;
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = "";
  request.setEncoding("utf8");
  for await (const chunk of request) text += String(chunk);
  return text;
}

/** One delta of a streamed answer, in the API's shape. */
async function* deltas(reply: ModelReply): AsyncIterable<JsonObject> {
  if (typeof reply === "object" && Symbol.asyncIterator in reply) {
    for await (const part of reply) yield* deltasAtOnce(part);
    return;
  }
  yield* deltasAtOnce(reply);
}

function deltasAtOnce(reply: string | readonly string[] | ModelToolCall): JsonObject[] {
  if (typeof reply === "string") return [{ content: reply }];
  if ("tool" in reply) {
    const call = { name: reply.tool, arguments: JSON.stringify(reply.arguments) };
    return [{ tool_calls: [{ index: 0, id: "call_1", type: "function", function: call }] }];
  }
  return reply.map((content) => ({ content }));
}

const isToolCall = (delta: JsonObject): boolean => "tool_calls" in delta;

const USAGE = { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 };

async function sendStream(
  response: ServerResponse,
  model: string,
  reply: ModelReply,
): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  const send = (delta: JsonObject, finish: string | null): void => {
    const choice = { index: 0, delta, finish_reason: finish };
    const chunk = { id: "stub", object: "chat.completion.chunk", created: 0, model };
    response.write(`data: ${JSON.stringify({ ...chunk, choices: [choice] })}\n\n`);
  };
  let isTool = false;
  for await (const delta of deltas(reply)) {
    isTool ||= isToolCall(delta);
    send({ role: "assistant", ...delta }, null);
  }
  send({}, isTool ? "tool_calls" : "stop");
  const end = { id: "stub", object: "chat.completion.chunk", created: 0, model };
  response.write(`data: ${JSON.stringify({ ...end, choices: [], usage: USAGE })}\n\n`);
  response.end("data: [DONE]\n\n");
}

async function sendWhole(
  response: ServerResponse,
  model: string,
  reply: ModelReply,
): Promise<void> {
  const parts: JsonObject[] = [];
  for await (const delta of deltas(reply)) parts.push(delta);
  const call = parts.find(isToolCall);
  const text = parts.map((delta) => String(delta["content"] ?? "")).join("");
  const message = { role: "assistant", content: call && text === "" ? null : text, ...call };
  const choice = { index: 0, message, finish_reason: call ? "tool_calls" : "stop" };
  const whole = { id: "stub", object: "chat.completion", created: 0, model };
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ ...whole, choices: [choice], usage: USAGE }));
}

function sendError(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ error: { message, type: "stub_error" } }));
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP port");
  return address.port;
}

/** Starts the stub. It serves `GET /v1/models` and `POST /v1/chat/completions`, streamed or whole. */
export async function startStubModel(options: StubModelOptions = {}): Promise<StubModel> {
  const first = options.reply ?? echo;
  let reply = first;
  const requests: ModelRequest[] = [];

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = new URL(request.url ?? "/", "http://stub").pathname;
    if (request.method === "GET" && path === "/v1/models") {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(
        JSON.stringify({ object: "list", data: [{ id: "stub-model", object: "model" }] }),
      );
      return;
    }
    if (request.method !== "POST" || path !== "/v1/chat/completions") {
      sendError(response, 404, `no ${request.method} ${path} here`);
      return;
    }
    const body: unknown = JSON.parse(await readBody(request));
    const decoded = decodeRequest(body);
    requests.push(decoded);
    const said = await reply(decoded);
    const isStreamed = isObject(body) && body["stream"] === true;
    await (isStreamed ? sendStream : sendWhole)(response, decoded.model, said);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else sendError(response, 500, String(error));
    });
  });
  const port = await listen(server);
  // A forgotten stub must not keep a test run alive.
  server.unref();

  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    port,
    requests,
    setReply: (next) => void (reply = next ?? first),
    clear: () => void (requests.length = 0),
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
