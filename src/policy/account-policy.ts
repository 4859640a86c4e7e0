/** What of an account's configuration decides who may talk to the agent, and how. */
import type { BareJid } from "../protocol/jid.ts";
import type { AutoJoin } from "./invitation.ts";
import type { DynamicAgents } from "./dynamic-agents.ts";
import type { CatchUp, Limits } from "./limits.ts";
import type { GroupPolicy, RoomSettings } from "./room.ts";
import type { DmPolicy } from "./subscription.ts";

export const CHANNEL_ID = "xmpp";
/** Characters a message, where the operator set no `textChunkLimit`; some clients cut longer ones. */
export const DEFAULT_TEXT_CHUNK_LIMIT = 4000;

/** Whether somebody's direct chat and what they say in rooms are one conversation to the agent. */
export type SharedSessions = "off" | "identified";

export type XmppAccountPolicy = {
  dmPolicy: DmPolicy;
  groupPolicy: GroupPolicy;
  allowFrom: string[];
  groupAllowFrom: string[];
  /** Every room that the operator listed and did not disable. */
  rooms: BareJid[];
  /** Settings by prepared room JID, and "*". */
  roomSettings: Record<string, RoomSettings>;
  roomOwnerBypass: boolean;
  autoJoin: AutoJoin;
  sharedSessions: SharedSessions;
  catchUp: CatchUp;
  limits: Limits;
  /** Absent: none are made. */
  dynamicAgents?: DynamicAgents | undefined;
};
