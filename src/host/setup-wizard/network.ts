/** What the questions need of the network: one value, so that a test can stand in for it. */
import { resolveEndpoints, systemResolver } from "../../client/endpoint.ts";
import { findWebSockets } from "../../client/host-meta.ts";
import { canReach } from "../../client/probe.ts";
import { askEntrance, listPublicRooms } from "../../client/public-rooms.ts";
import { askRegistration, register, unregister } from "../../client/registration.ts";
import { tryEncounter, tryLogin } from "../../client/trial.ts";
import type { Endpoint, ServerAddress } from "../../client/types.ts";

const REACH_MS = 5_000;

export const network = {
  resolve: (server: ServerAddress, signal: AbortSignal): Promise<Endpoint[]> =>
    resolveEndpoints(server, systemResolver(signal)),
  canReach: (endpoints: readonly Endpoint[], signal: AbortSignal): Promise<boolean> =>
    canReach(endpoints, REACH_MS, signal),
  findWebSockets: (domain: string, signal: AbortSignal): Promise<string[]> =>
    findWebSockets(domain, signal),
  meet: tryEncounter,
  logIn: tryLogin,
  listPublicRooms,
  askEntrance,
  askRegistration,
  register,
  unregister,
};

export type Network = typeof network;
