/** Actions of the message tool on the agent's own presence and profile. Off by default: every contact sees them. */
import { readStringParam } from "openclaw/plugin-sdk/channel-actions";
import { loadFile } from "../outbound/load-file.ts";
import type { Show } from "../protocol/rfc-6121-presence.ts";
import type { ChosenProfile } from "../state/chosen-profile.ts";
import { beforeSend, type ActionContext } from "./action-context.ts";
import { MAX_SOURCE_BYTES, toSmallPng } from "./profile.ts";

type Result = Promise<Record<string, unknown>>;

const MAX_TEXT = 1_000;

/** As the host's tool names them, and as XMPP does (RFC 6121 §4.7.2.1). */
const SHOWS: Readonly<Record<string, Show | undefined>> = {
  online: undefined,
  idle: "away",
  away: "away",
  chat: "chat",
  dnd: "dnd",
  xa: "xa",
};

/** What contacts and rooms see until the account starts anew; without a text, none. */
export async function setPresence(context: ActionContext): Result {
  const { ctx, live } = context;
  const status = readStringParam(ctx.params, "status")?.toLowerCase() ?? "online";
  if (!Object.hasOwn(SHOWS, status)) {
    const known = Object.keys(SHOWS).join(", ");
    throw new Error(`status must be one of ${known}: whoever is in rooms cannot be "${status}"`);
  }
  const text = ["activityState", "activityName"]
    .map((key) => readStringParam(ctx.params, key))
    .find((value) => value !== undefined);
  assertShort("activityState", text);
  await beforeSend(context)();
  live.presence.choose({ show: SHOWS[status], status: text });
  return { status, ...(text === undefined ? {} : { text }) };
}

/**
 * The name, the note and the avatar that everybody may read (XEP-0054, 0084, 0153, 0172, 0292), kept beyond restarts.
 * An empty one goes back to what the agent's identity says.
 */
export async function setProfile(context: ActionContext): Result {
  const { account, ctx, live } = context;
  const { profile } = account.config;
  if (!profile?.publish) {
    throw new Error(
      "nothing is published of this account; channels.xmpp.profile.publish allows it",
    );
  }
  const read = (...keys: string[]) =>
    keys
      .map((key) => readStringParam(ctx.params, key, { allowEmpty: true }))
      .find((value) => value !== undefined);
  const name = read("name");
  const note = read("desc", "note");
  const source = read("media", "avatarPath", "avatarUrl");
  const asked = { name, note, avatar: source };
  const wanted = Object.entries(asked).filter(([, value]) => value !== undefined);
  if (wanted.length === 0) throw new Error("what is to be set? name, desc, or media (the avatar)");
  for (const [key, value] of wanted) {
    if (profile[key as keyof ChosenProfile]) {
      throw new Error(`channels.xmpp.profile.${key} is configured, and only changed there`);
    }
    if (key !== "avatar") assertShort(key, value);
  }
  const avatar = source ? await loadAvatar(context, source) : source;
  await beforeSend(context)();
  await live.setProfile({
    ...(name === undefined ? {} : { name }),
    ...(note === undefined ? {} : { note }),
    ...(avatar === undefined ? {} : { avatar }),
  });
  return { set: wanted.map(([key]) => key) };
}

/** Only from where the host lets the agent send files from. */
async function loadAvatar({ ctx }: ActionContext, media: string): Promise<string> {
  const { mediaAccess, mediaLocalRoots, mediaReadFile } = ctx;
  const source = {
    media,
    ...(mediaAccess ? { mediaAccess } : {}),
    ...(mediaLocalRoots ? { mediaLocalRoots } : {}),
    ...(mediaReadFile ? { mediaReadFile } : {}),
  };
  const { data } = await loadFile(source, MAX_SOURCE_BYTES, undefined);
  const { png } = await toSmallPng(Buffer.from(data));
  return `data:image/png;base64,${png.toString("base64")}`;
}

function assertShort(key: string, text: string | undefined): void {
  if (text !== undefined && text.length > MAX_TEXT) {
    throw new Error(`${key} is longer than ${MAX_TEXT} characters`);
  }
}
