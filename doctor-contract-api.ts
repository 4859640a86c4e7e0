export { normalizeCompatibilityConfig } from "./src/host/doctor-migrations.ts";
