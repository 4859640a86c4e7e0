/** The ids of our own messages, on disk: for reactions and replies to what the agent said before a restart. */
import type { Logger } from "../client/types.ts";
import { messageOf } from "../errors.ts";
import type { EventNames } from "../state/event-names.ts";
import type { OwnNames } from "./recent-messages.ts";

/** What cannot be noted or looked up keeps nothing from being sent, or read. */
export function createOwnNames(names: EventNames, log: Logger): OwnNames {
  const attempt = <T>(work: () => T, otherwise: T): T => {
    try {
      return work();
    } catch (error) {
      log.debug?.(`own messages are not remembered: ${messageOf(error)}`);
      return otherwise;
    }
  };
  return {
    noteOwn: (place, id) => attempt(() => names.noteOwn(place, id), undefined),
    isOwn: (place, id) => attempt(() => names.isOwn(place, id), false),
  };
}
