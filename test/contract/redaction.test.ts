/** The search that every end-to-end run ends with finds what it is there to find. */
import { expect, it } from "vitest";
import { findSecrets } from "../support/redaction.ts";

const PASSWORD = 'pa<ss"w&rd-of-this-test';
const SECRETS = [{ what: "the password of bot", value: PASSWORD }];

it.each([
  ["as it is", `login with ${PASSWORD} failed`],
  ["in JSON", JSON.stringify({ password: PASSWORD })],
  ["in XML", `<password>${PASSWORD.replace("&", "&amp;").replace("<", "&lt;")}</password>`],
  ["in a URI", `xmpp:bot:${encodeURIComponent(PASSWORD)}@example`],
  ["in hexadecimal", Buffer.from(PASSWORD).toString("hex")],
  ...["", "\0bot\0", "n,,n=bot,p=", "\0b\0"].map((before) => [
    `in base64 behind ${before.length} bytes`,
    `[xmpp] OUT ${Buffer.from(`${before}${PASSWORD}`).toString("base64")}`,
  ]),
])("finds a secret %s, and does not tell it again", (_how, text = "") => {
  const found = findSecrets(`2026-11-21 info\n${text}\n`, SECRETS);
  expect(found).toEqual([expect.stringMatching(/^the password of bot: /)]);
  expect(found[0]).not.toContain(PASSWORD);
});

it.each([
  "<auth mechanism='SCRAM-SHA-1'>biwsbj1ib3Qscj1hYmNkZWZnaA==</auth>",
  "n,,n=bot,r=rOprNGfwEbeRWgbNEkqO",
  "c=biws,r=abc,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
])("finds a message of SASL: %s", (text) => {
  expect(findSecrets(text, [])).toEqual([expect.stringMatching(/^a message of SASL/)]);
});

it("finds nothing in what is no secret", () => {
  const log = "[xmpp] [bot] online as bot@localhost/openclaw <auth>(hidden)</auth> p=1";
  expect(findSecrets(log, SECRETS)).toEqual([]);
});
