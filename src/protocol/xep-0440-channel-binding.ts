/**
 * XEP-0440: SASL Channel-Binding Type Capability, version 1.0.0
 * https://xmpp.org/extensions/xep-0440.html
 */
import type { Element } from "ltx";
import { attribute } from "./element.ts";

const CHANNEL_BINDINGS = "urn:xmpp:sasl-cb:0";

/** Bounds what is kept of a hostile list. */
const MAX_TYPES = 20;

/** The types that a server announces in its stream features, in their order; undefined: it does not say. */
export function decodeChannelBindings(features: Element): string[] | undefined {
  const announced = features.getChild("sasl-channel-binding", CHANNEL_BINDINGS);
  return announced
    ?.getChildren("channel-binding")
    .flatMap((element) => attribute(element, "type") ?? [])
    .slice(0, MAX_TYPES);
}
