import { randomUUID } from "node:crypto";

/** The Gateway's refusal of a call. */
export class GatewayCallError extends Error {
  override name = "GatewayCallError";
  readonly code: string;
  readonly details: unknown;
  constructor(code: string, message: string, details: unknown) {
    super(`${code}: ${message}`);
    this.code = code;
    this.details = details;
  }
}

/** A connection to the Gateway's WebSocket protocol (version 4), as operator. */
export interface GatewayRpc {
  /** Calls a method; default timeout 30,000 ms. @throws GatewayCallError when it is refused. */
  call(method: string, params?: unknown, timeoutMs?: number): Promise<unknown>;
  isOpen(): boolean;
  close(): void;
}

interface Waiter {
  resolve(payload: unknown): void;
  reject(error: Error): void;
}

interface Frame {
  readonly type?: string;
  readonly id?: string;
  readonly event?: string;
  readonly ok?: boolean;
  readonly payload?: unknown;
  readonly error?: {
    readonly code?: string;
    readonly message?: string;
    readonly details?: unknown;
  };
}

const SCOPES = [
  "operator.admin",
  "operator.read",
  "operator.write",
  "operator.approvals",
  "operator.pairing",
];

/** What the reserved loopback client of the Gateway's own host says about itself; needs no device. */
function connectParams(token: string): unknown {
  return {
    minProtocol: 4,
    maxProtocol: 4,
    client: { id: "gateway-client", version: "0.0.0", platform: process.platform, mode: "backend" },
    role: "operator",
    scopes: SCOPES,
    caps: [],
    commands: [],
    permissions: {},
    auth: { token },
  };
}

/** Connects and authenticates with the Gateway's shared token. */
export async function connectGatewayRpc(port: number, token: string): Promise<GatewayRpc> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  const waiting = new Map<string, Waiter>();
  const failAll = (error: Error): void => {
    for (const waiter of waiting.values()) waiter.reject(error);
    waiting.clear();
  };
  const call = async (method: string, params: unknown, timeoutMs: number): Promise<unknown> => {
    const id = randomUUID();
    return await new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(id);
        reject(new Error(`the Gateway did not answer ${method} in ${timeoutMs} ms`));
      }, timeoutMs);
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        act();
      };
      waiting.set(id, {
        resolve: (payload) => settle(() => resolve(payload)),
        reject: (error) => settle(() => reject(error)),
      });
      socket.send(JSON.stringify({ type: "req", id, method, params }));
    });
  };
  let challenged: () => void = () => {};
  socket.addEventListener("message", ({ data }) => {
    const frame = JSON.parse(String(data)) as Frame;
    if (frame.type === "event" && frame.event === "connect.challenge") challenged();
    if (frame.type !== "res" || frame.id === undefined) return;
    const waiter = waiting.get(frame.id);
    waiting.delete(frame.id);
    if (frame.ok === true) waiter?.resolve(frame.payload);
    else {
      const { code = "UNKNOWN", message = "refused", details } = frame.error ?? {};
      waiter?.reject(new GatewayCallError(code, message, details));
    }
  });
  await new Promise<void>((resolve, reject) => {
    challenged = resolve;
    const fail = (): void => {
      const error = new Error(`the Gateway on port ${port} closed the connection`);
      reject(error);
      failAll(error);
    };
    socket.addEventListener("error", fail);
    socket.addEventListener("close", fail);
  });
  await call("connect", connectParams(token), 30_000);
  return {
    call: async (method, params = {}, timeoutMs = 30_000) => await call(method, params, timeoutMs),
    isOpen: () => socket.readyState === WebSocket.OPEN,
    close: () => socket.close(),
  };
}
