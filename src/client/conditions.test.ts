import { parse } from "ltx";
import { expect, it } from "vitest";
import { saslError, streamError } from "./conditions.ts";

it.each([
  ["stream", streamError, "urn:ietf:params:xml:ns:xmpp-streams"],
  ["login", saslError, "urn:ietf:params:xml:ns:xmpp-sasl"],
])("what ends a %s is told in one line, without controls", (_, read, xmlns) => {
  const text = "go\n[default] online\u009b2J";
  const { message } = read(
    parse(`<error><not-authorized xmlns="${xmlns}"/><text xmlns="${xmlns}">${text}</text></error>`),
  );
  expect(message).toMatch(/not-authorized: go \[default\] online 2J$/);
});
