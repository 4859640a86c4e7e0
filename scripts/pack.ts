/**
 * Makes the tarball that is published, in `build/`: `npm run pack`.
 * The checkout declares its TypeScript entries only and holds nothing built, so that
 * `openclaw plugins install -l` loads the source: the host prefers a `dist/index.js` that lies beside
 * `index.ts`, however old. The package declares the built entries, and nothing that is for developers.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..");
const BUILD = join(ROOT, "build");
const STAGE = join(BUILD, "package");

const {
  devDependencies: _dev,
  overrides: _overrides,
  scripts: _scripts,
  workspaces: _workspaces,
  ...packageJson
} = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
const { extensions, setupEntry } = packageJson.openclaw;
const built = (entry: string) => entry.replace(/^\.\/(.*)\.ts$/, "./dist/$1.js");
packageJson.openclaw.runtimeExtensions = extensions.map(built);
packageJson.openclaw.runtimeSetupEntry = built(setupEntry);

rmSync(BUILD, { recursive: true, force: true });
mkdirSync(STAGE, { recursive: true });
writeFileSync(join(STAGE, "package.json"), `${JSON.stringify(packageJson, null, 2)}\n`);
for (const path of packageJson.files as string[]) {
  if (path !== "dist/**") cpSync(join(ROOT, path), join(STAGE, path), { recursive: true });
}
execFileSync("npm", ["run", "--silent", "build"], { cwd: ROOT, stdio: "inherit" });
const tarball = execFileSync("npm", ["pack", "--silent", "--pack-destination", BUILD], {
  cwd: STAGE,
  encoding: "utf8",
}).trim();
console.log(join(BUILD, tarball));
