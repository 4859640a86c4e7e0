import { createHash } from "node:crypto";

const SHOWS = ["", "<show>away</show>", "<show>xa</show>", "<show>dnd</show>"];
const CLIENTS = [
  ["https://gajim.org", "8Yl0ZjNPrIv2Ek0dBLO35kJUj1Y="],
  ["https://dino.im", "vTlm2E6e4f3TrfFPXsY5UBkO8V4="],
  ["https://conversations.im", "2XR4e0+TnRvAgZ2+kcuPqWcnCKE="],
  ["http://www.profanity.im", "wiQ7nsXAbaRlUoYkFvXiTyHQhKs="],
];

function digest(text: string, encoding: "hex" | "base64"): string {
  return createHash(encoding === "hex" ? "sha1" : "sha256")
    .update(text)
    .digest(encoding);
}

const digests = new Map<number, { id: string; photo: string }>();

/** Makes what costs time and memory beforehand: it is not what is measured. */
export function prepareOccupants(count: number): void {
  for (let index = 0; index < count; index++) {
    digests.set(index, {
      id: digest(`occupant ${index}`, "base64"),
      photo: digest(`photo ${index}`, "hex"),
    });
  }
}

/** The presence of occupant number `index` as Prosody sends it; `round` changes what it shows. */
export function presenceXml(room: string, index: number, round: number): string {
  const known = digests.get(index);
  if (!known) throw new Error(`occupant ${index} is not prepared`);
  const nick = `Person Nr. ${index}`;
  const jid = `person-number-${index}@server-${index % 97}.example.org/Client.${index}`;
  const [node, ver] = CLIENTS[index % CLIENTS.length] ?? [];
  return (
    `<presence from='${room}/${nick}' to='bot@example.org/openclaw' id='p${index}-${round}'>` +
    `${SHOWS[(index + round) % SHOWS.length]}<status>round ${round}</status>` +
    `<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='${node}' ver='${ver}'/>` +
    `<x xmlns='vcard-temp:x:update'><photo>${known.photo}</photo></x>` +
    `<occupant-id xmlns='urn:xmpp:occupant-id:0' id='${known.id}'/>` +
    `<x xmlns='http://jabber.org/protocol/muc#user'>` +
    `<item affiliation='${index % 5 === 0 ? "member" : "none"}' role='participant' jid='${jid}'/></x></presence>`
  );
}
