/**
 * Writes from the code what is decided there (`npm run manifest`): openclaw.plugin.json, the setup fields
 * of package.json, and the tables in docs/configuration.md.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { withTables } from "./configuration-page.ts";
import { manifest, packageSetupFields } from "./manifest-content.ts";

function write(path: string, value: unknown): void {
  writeFileSync(new URL(`../${path}`, import.meta.url), `${JSON.stringify(value, null, 2)}\n`);
}

write("openclaw.plugin.json", manifest());
const packageJson = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
packageJson.openclaw.channel.setup.fields = packageSetupFields();
write("package.json", packageJson);

const page = new URL("../docs/configuration.md", import.meta.url);
writeFileSync(page, withTables(readFileSync(page, "utf8")));
