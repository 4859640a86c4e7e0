/**
 * What an account publishes of itself: what the operator wrote under `profile`, else what was chosen by the action
 * `set-profile`, else the agent's identity.
 */
import { open } from "node:fs/promises";
import { homedir } from "node:os";
import { resolveAgentAvatar, resolveAgentIdentity } from "openclaw/plugin-sdk/agent-runtime";
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { loadWebMediaRaw, optimizeImageToPng } from "openclaw/plugin-sdk/web-media";
import type { Profile } from "../client/profile.ts";
import type { Logger } from "../client/types.ts";
import type { ChosenProfile } from "../state/chosen-profile.ts";
import { messageOf } from "../errors.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import type { XmppAccount } from "./account.ts";
import { getRuntime } from "./runtime.ts";

/** Before it is made small. */
export const MAX_SOURCE_BYTES = 10 * 1024 * 1024;
/** Everybody who sees us fetches it, and within the vCard it is base64 in one stanza. */
const MAX_AVATAR_BYTES = 64 * 1024;
const LONGEST_SIDE = 256;
const SIDES = [LONGEST_SIDE, 192, 128, 96, 64];
const FETCH_MS = 30_000;

/** undefined where the operator does not want it. Never rejects for an avatar: it is "unknown" then, and the log says why. */
export async function readProfile(params: {
  cfg: OpenClawConfig;
  account: XmppAccount;
  chosen: ChosenProfile;
  log: Logger;
}): Promise<Profile | undefined> {
  const { cfg, account, chosen, log } = params;
  const wanted = account.config.profile;
  if (!wanted?.publish) return undefined;
  const { agentId } = getRuntime().channel.routing.resolveAgentRoute({
    cfg,
    channel: CHANNEL_ID,
    accountId: account.accountId,
  });
  const name =
    wanted.name?.trim() || chosen.name || resolveAgentIdentity(cfg, agentId)?.name?.trim();
  const source = wanted.avatar?.trim() || chosen.avatar || avatarOfAgent(cfg, agentId);
  return {
    name: name || account.nick,
    note: wanted.note?.trim() || chosen.note,
    url: wanted.url?.trim() || undefined,
    avatar: source === undefined ? undefined : await loadAvatar(source, log),
  };
}

/** A path, or a URL. */
function avatarOfAgent(cfg: OpenClawConfig, agentId: string): string | undefined {
  const avatar = resolveAgentAvatar(cfg, agentId);
  if (avatar.kind === "none") return undefined;
  return avatar.kind === "local" ? avatar.filePath : avatar.url;
}

async function loadAvatar(source: string, log: Logger): Promise<Profile["avatar"]> {
  try {
    return await toSmallPng(await readSource(source));
  } catch (error) {
    log.warn(`the avatar cannot be published: ${messageOf(error)}`);
    return "unknown";
  }
}

async function readSource(source: string): Promise<Buffer> {
  if (/^data:/i.test(source)) return readDataUrl(source);
  if (/^https:/i.test(source)) {
    const { buffer } = await loadWebMediaRaw(source, {
      maxBytes: MAX_SOURCE_BYTES,
      requestInit: { signal: AbortSignal.timeout(FETCH_MS) },
    });
    return buffer;
  }
  if (/^[a-z][a-z0-9+.-]+:/i.test(source)) throw new Error("it must be a path or an https URL");
  return await readFileBounded(source.replace(/^~(?=\/)/, homedir()));
}

function readDataUrl(url: string): Buffer {
  const [, data] = /^data:image\/[a-z0-9.+-]+;base64,([A-Za-z0-9+/=\s]+)$/i.exec(url) ?? [];
  if (data === undefined) throw new Error("its data: URL is no picture in base64");
  return Buffer.from(data, "base64");
}

/** From the operator's own configuration, or where the host found the agent's within its workspace. */
async function readFileBounded(path: string): Promise<Buffer> {
  const file = await open(path, "r");
  try {
    const about = await file.stat();
    if (!about.isFile()) throw new Error(`${path} is no file`);
    if (about.size > MAX_SOURCE_BYTES) throw new Error(`${path} is larger than 10 MB`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Others than PNG are not for the avatar's node (XEP-0084 §4.1). @throws Error where it is no picture */
export async function toSmallPng(
  image: Buffer,
): Promise<{ png: Buffer; width: number; height: number }> {
  if (image.length <= MAX_AVATAR_BYTES) {
    const size = sizeOfPng(image);
    if (size && size.width <= LONGEST_SIDE && size.height <= LONGEST_SIDE)
      return { png: image, ...size };
  }
  const { buffer } = await optimizeImageToPng(image, MAX_AVATAR_BYTES, { sides: SIDES });
  const size = sizeOfPng(buffer);
  if (!size || buffer.length > MAX_AVATAR_BYTES) throw new Error("it cannot be made small enough");
  return { png: buffer, ...size };
}

const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** In pixels; undefined when it is no PNG (its first chunk is IHDR). */
export function sizeOfPng(image: Buffer): { width: number; height: number } | undefined {
  if (image.length < 24 || !image.subarray(0, 8).equals(PNG_SIGNATURE)) return undefined;
  return { width: image.readUInt32BE(16), height: image.readUInt32BE(20) };
}
