/** Writes openclaw.plugin.json and the setup fields of package.json from the code: `npm run manifest`. */
import { readFileSync, writeFileSync } from "node:fs";
import { manifest, packageSetupFields } from "./manifest-content.ts";

function write(path: string, value: unknown): void {
  writeFileSync(new URL(`../${path}`, import.meta.url), `${JSON.stringify(value, null, 2)}\n`);
}

write("openclaw.plugin.json", manifest());
const packageJson = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
packageJson.openclaw.channel.setup.fields = packageSetupFields();
write("package.json", packageJson);
