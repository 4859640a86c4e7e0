/** docs/cli.md has a section for each command and each option, and for no other. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { COMMANDS } from "../../src/host/cli-commands.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/cli.md"), "utf8");
const sections = new Map(
  page.split(/^### /m).flatMap((section) => {
    const [, title] = /^`openclaw xmpp ([^`]+)`\n/.exec(section) ?? [];
    return title === undefined ? [] : [[title, section] as const];
  }),
);
const titleOf = ({ group, usage }: (typeof COMMANDS)[number]) =>
  group === undefined ? usage : `${group} ${usage}`;

it("has the commands that there are", () => {
  expect([...sections.keys()].toSorted()).toEqual(COMMANDS.map(titleOf).toSorted());
});

it("has their options, and what each answers as JSON", () => {
  for (const command of COMMANDS) {
    const section = sections.get(titleOf(command)) ?? "";
    for (const [flags] of command.options ?? []) expect(section).toContain(`\`${flags}\``);
    expect(section).toMatch(/JSON:\s/);
  }
});
