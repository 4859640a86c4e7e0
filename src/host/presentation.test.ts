/** What the host gets back of a message with buttons, and what it may offer. */
import { expect, it } from "vitest";
import { renderedInto } from "../outbound/offered-choices.ts";
import { presentationCapabilities, renderPresentation } from "./presentation.ts";

type Params = Parameters<typeof renderPresentation>[0];
const render = (payload: object) =>
  renderPresentation({ payload, ctx: { cfg: {}, to: "alice@example" } } as unknown as Params);
const presentation = {
  blocks: [
    {
      type: "buttons",
      buttons: [
        { label: "Canary", action: { type: "callback", value: "env:canary" } },
        { label: "Status", action: { type: "command", command: "/status" } },
      ],
    },
  ],
};

it("a message with buttons becomes a text that numbers them, whose choices are known when it is sent", async () => {
  const rendered = await render({ text: "Where to?", presentation, mediaUrl: "file.png" });
  const text = "Where to?\n\n1. Canary\n2. Status: `/status`";
  expect(rendered).toEqual({ text, mediaUrl: "file.png" });
  expect(renderedInto(text)).toEqual([
    { label: "Canary", value: "env:canary" },
    { label: "Status", value: "/status" },
  ]);
});

it("the same words without buttons offer nothing, also after a message that did", async () => {
  await render({ text: "Where to?", presentation });
  const text = "Where to?\n\n1. Canary\n2. Status: `/status`";
  expect(await render({ text })).toEqual({ text });
  expect(renderedInto(text)).toEqual([]);
});

it("says of a select what it says of buttons, and offers at most as many as it declares", async () => {
  const most = presentationCapabilities.limits?.selects?.maxOptions ?? 0;
  const options = Array.from({ length: most }, (_, index) => ({
    label: `Option ${index + 1}`,
    value: `value:${index + 1}`,
  }));
  const blocks = [{ type: "select", options }];
  const { text = "" } = (await render({ text: "Pick.", presentation: { blocks } })) ?? {};
  expect(text.split("\n").at(-1)).toBe(`${most}. Option ${most}`);
  expect(renderedInto(text)).toHaveLength(most);
  // The number that answers the last one is read: see inbound/chosen.ts.
  expect(String(most)).toMatch(/^\d{1,2}$/);
});
