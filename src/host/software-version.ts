/** What XEP-0092 tells about this software. */
import packageJson from "../../package.json" with { type: "json" };

export const softwareVersion = { name: "OpenClaw", version: packageJson.version };
