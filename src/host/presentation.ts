/**
 * Buttons and selects of answers that go by the host's queue: see outbound/choices.ts. What the message tool and the command
 * line send, the host has made text of before (2026.9.6: for channels whose `deliveryMode` is "gateway").
 */
import type { ChannelPlugin } from "openclaw/plugin-sdk/channel-core";
import { renderChoices } from "../outbound/choices.ts";
import { noteRendered } from "../outbound/offered-choices.ts";
import { isAnnouncedApproval } from "./forwarded-approvals.ts";

type Outbound = NonNullable<ChannelPlugin["outbound"]>;

/** Everything but choices is text. */
export const presentationCapabilities: NonNullable<Outbound["presentationCapabilities"]> = {
  supported: true,
  buttons: true,
  selects: true,
  context: true,
  divider: false,
  charts: false,
  tables: false,
  limits: { actions: { maxActions: 25, supportsDisabled: false }, selects: { maxOptions: 25 } },
};

export const renderPresentation: NonNullable<Outbound["renderPresentation"]> = ({
  payload,
  ctx,
}) => {
  const { text, choices } = renderChoices(payload, isAnnouncedApproval(ctx.cfg, ctx, payload));
  noteRendered(text, choices);
  const { presentation: _presentation, ...rest } = payload;
  return { ...rest, text };
};
