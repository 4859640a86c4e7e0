/**
 * What people do in and to rooms, by a slixmpp client. Each resolves when the service has confirmed it
 * and throws with the service's answer when it refuses, unless it says otherwise.
 */
import { escapeXML as escape } from "ltx";

import type { SlixmppClient } from "./slixmpp.ts";

const MUC = "http://jabber.org/protocol/muc";
const BOOKMARKS = "urn:xmpp:bookmarks:1";
const PUBSUB = "http://jabber.org/protocol/pubsub";
const ROOM_INVITE = "jabber:x:conference";

export type Affiliation = "owner" | "admin" | "member" | "outcast" | "none";
export type Role = "moderator" | "participant" | "visitor" | "none";

/** ` name="value"`, or nothing. */
function attr(name: string, value: string | boolean | undefined): string {
  return value === undefined ? "" : ` ${name}="${escape(String(value))}"`;
}

function child(name: string, text: string | undefined): string {
  return text === undefined ? "" : `<${name}>${escape(text)}</${name}>`;
}

const bareOf = (jid: string): string => jid.split("/")[0] ?? jid;

/** An iq set that must succeed. @returns the answer's XML */
async function demand(client: SlixmppClient, to: string, payload: string): Promise<string> {
  const { type, xml } = await client.iq(to, "set", payload);
  if (type !== "result") throw new Error(`${to} refused ${payload}: ${xml}`);
  return xml;
}

/** A filled-in form (XEP-0004). */
function submitForm(type: string, settings: Readonly<Record<string, string>>): string {
  const fields = Object.entries({ FORM_TYPE: type, ...settings }).map(
    ([name, value]) => `<field${attr("var", name)}>${child("value", value)}</field>`,
  );
  return `<x xmlns="jabber:x:data" type="submit">${fields.join("")}</x>`;
}

/** Takes another nick in a room where the client is. */
export async function changeNick(client: SlixmppClient, room: string, nick: string): Promise<void> {
  const since = client.stanzas.length;
  await client.presence({ to: `${room}/${nick}` });
  const answer = await client.waitFor(
    ({ event, type, from, xml }) =>
      event === "presence" &&
      bareOf(from) === room &&
      (type === "error" || (from === `${room}/${nick}` && /code=["']110["']/.test(xml))),
    { since },
  );
  if (answer.type === "error") throw new Error(`${room} refused the nick ${nick}: ${answer.xml}`);
}

async function administer(client: SlixmppClient, room: string, item: string): Promise<void> {
  await demand(client, room, `<query xmlns="${MUC}#admin">${item}</query>`);
}

/** Gives an occupant another role; "none" is a kick. */
export async function setRole(
  client: SlixmppClient,
  room: string,
  nick: string,
  role: Role,
  reason?: string,
): Promise<void> {
  const item = `<item${attr("nick", nick)} role="${role}">${child("reason", reason)}</item>`;
  await administer(client, room, item);
}

/** Puts an occupant out of the room (status 307). */
export async function kick(
  client: SlixmppClient,
  room: string,
  nick: string,
  reason?: string,
): Promise<void> {
  await setRole(client, room, nick, "none", reason);
}

/** Gives somebody (bare JID), who need not be there, another affiliation; "outcast" is a ban. */
export async function setAffiliation(
  client: SlixmppClient,
  room: string,
  jid: string,
  affiliation: Affiliation,
  reason?: string,
): Promise<void> {
  const attrs = `${attr("jid", jid)} affiliation="${affiliation}"`;
  await administer(client, room, `<item${attrs}>${child("reason", reason)}</item>`);
}

/** Bans somebody (bare JID) from the room (status 301). */
export async function ban(
  client: SlixmppClient,
  room: string,
  jid: string,
  reason?: string,
): Promise<void> {
  await setAffiliation(client, room, jid, "outcast", reason);
}

/** Ends a room that the client owns. */
export async function destroyRoom(
  client: SlixmppClient,
  room: string,
  options: { readonly alternate?: string; readonly reason?: string } = {},
): Promise<void> {
  const { alternate, reason } = options;
  const destroy = `<destroy${attr("jid", alternate)}>${child("reason", reason)}</destroy>`;
  await demand(client, room, `<query xmlns="${MUC}#owner">${destroy}</query>`);
}

/** Changes settings of a room that the client owns, e.g. `{ "muc#roomconfig_whois": "anyone" }`. */
export async function configureRoom(
  client: SlixmppClient,
  room: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const form = submitForm(`${MUC}#roomconfig`, settings);
  await demand(client, room, `<query xmlns="${MUC}#owner">${form}</query>`);
}

/** Changes the subject; resolves when the message is out. */
export async function setSubject(
  client: SlixmppClient,
  room: string,
  subject: string,
): Promise<void> {
  await client.raw(
    `<message${attr("to", room)} type="groupchat">${child("subject", subject)}</message>`,
  );
}

/** Invites by way of the room (XEP-0045 §7.8.2); resolves when the message is out. */
export async function inviteMediated(
  client: SlixmppClient,
  room: string,
  jid: string,
  reason?: string,
): Promise<void> {
  const invite = `<invite${attr("to", jid)}>${child("reason", reason)}</invite>`;
  await client.raw(`<message${attr("to", room)}><x xmlns="${MUC}#user">${invite}</x></message>`);
}

/** Invites directly (XEP-0249); resolves when the message is out. */
export async function inviteDirect(
  client: SlixmppClient,
  room: string,
  jid: string,
  options: { readonly reason?: string; readonly password?: string } = {},
): Promise<void> {
  const attrs = attr("jid", room) + attr("reason", options.reason);
  const x = `<x xmlns="${ROOM_INVITE}"${attrs}${attr("password", options.password)}/>`;
  await client.raw(`<message${attr("to", jid)}>${x}</message>`);
}

export interface Bookmark {
  readonly room: string;
  readonly nick?: string;
  readonly password?: string;
  readonly name?: string;
  readonly autojoin?: boolean;
}

function conference(bookmark: Bookmark, head: string): string {
  const { name, autojoin, nick, password } = bookmark;
  const attrs = head + attr("name", name) + attr("autojoin", autojoin);
  return `<conference${attrs}>${child("nick", nick)}${child("password", password)}</conference>`;
}

/** What keeps a node private and lasting everywhere. */
const PRIVATE_NODE = { "pubsub#persist_items": "true", "pubsub#access_model": "whitelist" };
/** What XEP-0402 wants besides; Prosody would keep one item without, ejabberd 23.01 knows neither. */
const MANY_ITEMS = { "pubsub#max_items": "max", "pubsub#send_last_published_item": "never" };

/** Publishes a bookmark of the client's account as XEP-0402 says, seen by the account alone. */
export async function publishBookmark(client: SlixmppClient, bookmark: Bookmark): Promise<void> {
  const payload = conference(bookmark, ` xmlns="${BOOKMARKS}"`);
  const item = `<item${attr("id", bookmark.room)}>${payload}</item>`;
  const publish = async (settings: Readonly<Record<string, string>>): Promise<string> => {
    const form = submitForm(`${PUBSUB}#publish-options`, settings);
    const parts = `<publish node="${BOOKMARKS}">${item}</publish><publish-options>${form}</publish-options>`;
    const own = bareOf(client.jid);
    return await demand(client, own, `<pubsub xmlns="${PUBSUB}">${parts}</pubsub>`);
  };
  try {
    await publish({ ...PRIVATE_NODE, ...MANY_ITEMS });
  } catch (error) {
    if (!String(error).includes("Unknown field")) throw error;
    await publish(PRIVATE_NODE);
  }
}

/** Takes a bookmark of XEP-0402 away, and tells those who listen. */
export async function retractBookmark(client: SlixmppClient, room: string): Promise<void> {
  const retract = `<retract node="${BOOKMARKS}" notify="true"><item${attr("id", room)}/></retract>`;
  await demand(client, bareOf(client.jid), `<pubsub xmlns="${PUBSUB}">${retract}</pubsub>`);
}

/** The account's bookmarks of XEP-0402, as XML; an error stanza when there are none. */
export async function bookmarksXml(client: SlixmppClient): Promise<string> {
  const payload = `<pubsub xmlns="${PUBSUB}"><items node="${BOOKMARKS}"/></pubsub>`;
  return (await client.iq(bareOf(client.jid), "get", payload)).xml;
}

/** Stores all bookmarks of the account in private storage (XEP-0048 over XEP-0049). */
export async function storePrivateBookmarks(
  client: SlixmppClient,
  bookmarks: readonly Bookmark[],
): Promise<void> {
  const list = bookmarks.map((bookmark) => conference(bookmark, attr("jid", bookmark.room)));
  const storage = `<storage xmlns="storage:bookmarks">${list.join("")}</storage>`;
  const payload = `<query xmlns="jabber:iq:private">${storage}</query>`;
  await demand(client, bareOf(client.jid), payload);
}

/** The account's bookmarks in private storage, as XML. */
export async function privateBookmarksXml(client: SlixmppClient): Promise<string> {
  const payload = `<query xmlns="jabber:iq:private"><storage xmlns="storage:bookmarks"/></query>`;
  return (await client.iq(bareOf(client.jid), "get", payload)).xml;
}
