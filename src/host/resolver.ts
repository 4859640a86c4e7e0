/** `openclaw channels resolve`: what is written becomes an address, and names are looked up in the directory. */
import type { ChannelPlugin } from "openclaw/plugin-sdk/channel-core";
import { formatTarget } from "../outbound/reply-target.ts";
import { parseTarget } from "../outbound/target.ts";
import { parseJid } from "../protocol/jid.ts";
import { directory } from "./directory.ts";
import type { DirectoryEntry } from "./live-directory.ts";
import { roomPredicate } from "./messaging.ts";

type Resolver = NonNullable<ChannelPlugin["resolver"]>;
type Params = Parameters<Resolver["resolveTargets"]>[0];
type Resolved = Awaited<ReturnType<Resolver["resolveTargets"]>>[number];

export const resolver: Resolver = {
  async resolveTargets(params) {
    const { cfg, accountId, runtime } = params;
    const lookup = { cfg, accountId, runtime };
    const [rooms, peers] = await Promise.all([
      directory.listGroupsLive?.(lookup),
      directory.listPeers?.(lookup),
    ]);
    const known = [...(rooms ?? []), ...(peers ?? [])] as DirectoryEntry[];
    return params.inputs.map((input) => resolveOne(params, known, input));
  },
};

/** An address says by itself whose it is; the host guesses the kind of one, and may be wrong. */
function resolveOne({ cfg, accountId, kind }: Params, known: DirectoryEntry[], input: string) {
  const isConfigured = roomPredicate(cfg, accountId);
  const services = new Set(
    known.flatMap(({ id, kind: k }) => (k === "group" ? serviceOf(id) : [])),
  );
  const target = parseTarget(input, (jid) => isConfigured(jid) || services.has(serviceOf(jid)));
  if ("problem" in target) return resolveName(known, kind, input, target.problem);
  const entry = known.find(({ id }) => id === target.to);
  const note = target.kind === "room" ? stateOf(entry) : target.kind;
  const name = entry?.name;
  return found(input, formatTarget(target), { note, ...(name ? { name } : {}) });
}

const serviceOf = (id: string) => parseJid(id)?.domain ?? "";

function resolveName(
  known: DirectoryEntry[],
  kind: Params["kind"],
  input: string,
  problem: string,
): Resolved {
  const wanted = input.trim().toLowerCase();
  const named = known.filter(({ name }) => name?.toLowerCase() === wanted);
  const [first, second] = named.some((entry) => entry.kind === kind)
    ? named.filter((entry) => entry.kind === kind)
    : named;
  if (!first) return { input, resolved: false, note: problem };
  if (second) {
    const ids = named.slice(0, 5).map(({ id }) => id);
    return { input, resolved: false, note: `several have that name: ${ids.join(", ")}` };
  }
  const note = first.kind === "group" ? stateOf(first) : "direct";
  return found(input, first.id, { note, ...(first.name ? { name: first.name } : {}) });
}

const found = (input: string, id: string, more: { name?: string; note: string }): Resolved => ({
  input,
  resolved: true,
  id,
  ...more,
});

function stateOf(entry: DirectoryEntry | undefined): string {
  const state = (entry?.raw as { state?: string } | undefined)?.state;
  return state === undefined ? "room" : `room, ${state}`;
}
