/**
 * Choices that the host offers with a message (its `presentation`: buttons, selects), as XMPP has them: numbered in the
 * text, and as quick responses (XEP-0439). Whichever is answered reaches the host as the choice's own value:
 *
 * | the choice is                | its value                              |
 * | ---------------------------- | -------------------------------------- |
 * | an option of a question      | the option                             |
 * | a command                    | the command                            |
 * | anything with a value        | the value                              |
 * | a decision on an approval    | `/approve <id> <decision>`, of the host's own requests alone |
 * | a link, an app               | none: the link stands in the text      |
 *
 * What may be a command, also behind a name or among other words, is shown as it is: a label must not make anybody give
 * one unawares. Nor does anybody but the host offer an approval.
 */
import {
  isMessagePresentationInteractiveBlock,
  normalizeMessagePresentation,
  renderMessagePresentationFallbackText,
  resolveMessagePresentationActionValue,
  resolveMessagePresentationButtonAction,
  resolveMessagePresentationOptionAction,
  type MessagePresentation,
  type MessagePresentationInteractiveBlock,
} from "openclaw/plugin-sdk/interactive-runtime";
import type { OutboundReplyPayload } from "openclaw/plugin-sdk/reply-payload";
import type { QuickResponse } from "../protocol/xep-0439-quick-response.ts";

export type Choice = { label: string; value: string };

type Payload = Pick<OutboundReplyPayload, "text"> & {
  presentation?: unknown;
  presentationTextMode?: "fallback" | undefined;
};
type Action = Parameters<typeof resolveMessagePresentationActionValue>[0];
type Control = { label: string; action: Action | undefined; disabled?: boolean | undefined };

const APPROVE = /^\/?approve\b/i;
/** "!" begins a command of the host, too; and "approve" is one without "/". */
const COMMAND = /(?:^|[^\p{L}\p{N}])(?:[/!]|approve\s)/iu;
const isShown = ({ value }: Choice) => COMMAND.test(value);

/**
 * Text and choices of a payload; the text is whole without the choices, for clients that show none.
 * @param isOfHost whether the host is known to ask for an approval by it; what a payload says of itself anybody can write
 */
export function renderChoices(
  payload: Payload,
  isOfHost: boolean,
): { text: string; choices: Choice[] } {
  const { text = "", presentationTextMode } = payload;
  const presentation = normalizeMessagePresentation(payload.presentation);
  if (!presentation) return { text, choices: [] };
  const controls = presentation.blocks
    .filter(isMessagePresentationInteractiveBlock)
    .flatMap(controlsOf);
  const choices = controls.flatMap((control) => choiceOf(control, isOfHost) ?? []);
  if (presentationTextMode === "fallback" && text.trim() !== "") return { text, choices };
  return { text: textOf(text, presentation, choices, controls), choices };
}

/** As a client offers them. */
export const toResponses = (choices: readonly Choice[]): QuickResponse[] =>
  choices.map((each) => (isShown(each) ? { value: each.value } : each));

function controlsOf(block: MessagePresentationInteractiveBlock): Control[] {
  if (block.type === "select") {
    return block.options.map((option) => ({
      label: option.label,
      action: resolveMessagePresentationOptionAction(option),
    }));
  }
  return block.buttons.map((button) => ({
    label: button.label,
    action: resolveMessagePresentationButtonAction(button),
    disabled: button.disabled,
  }));
}

function choiceOf({ label, action, disabled }: Control, isOfHost: boolean): Choice | undefined {
  if (!action || disabled) return undefined;
  if (action.type === "question") {
    return "optionValue" in action ? { label, value: action.optionValue.trim() } : undefined;
  }
  if (action.type === "approval") {
    const value = `/approve ${action.approvalId} ${action.decision}`;
    return isOfHost ? { label, value } : undefined;
  }
  const value = resolveMessagePresentationActionValue(action)?.trim();
  return value && (isOfHost || !APPROVE.test(value)) ? { label, value } : undefined;
}

/** What is no choice is written as the host writes it where there is nothing to tap. */
function textOf(
  text: string,
  presentation: MessagePresentation,
  choices: readonly Choice[],
  controls: readonly Control[],
): string {
  const others = controls.filter(
    ({ action }) => action?.type === "url" || action?.type === "web-app",
  );
  const blocks = presentation.blocks.filter(
    (block) => !isMessagePresentationInteractiveBlock(block),
  );
  const links = others.map(({ label, action }) => ({ label, ...(action ? { action } : {}) }));
  const rest = {
    ...presentation,
    blocks: [
      ...blocks,
      ...(links.length > 0 ? [{ type: "buttons" as const, buttons: links }] : []),
    ],
  } as MessagePresentation;
  const numbered = choices.map((each, index) =>
    isShown(each)
      ? `${index + 1}. ${each.label}: \`${each.value}\``
      : `${index + 1}. ${each.label}`,
  );
  const fallback = renderMessagePresentationFallbackText({ text, presentation: rest });
  return [fallback, numbered.join("\n")].filter(Boolean).join("\n\n");
}
