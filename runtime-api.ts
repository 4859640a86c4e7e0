export { setRuntime } from "./src/host/runtime.ts";
