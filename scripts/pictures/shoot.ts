/**
 * Takes the pictures of docs/pictures: Dino 0.4 on a screen of its own talks with the agent, by the packed plugin in the
 * real Gateway, over a model with a script. As root on Debian 12, in a network and a trust store that end with it:
 *
 *     apt-get install --no-install-recommends dino-im xvfb openbox xdotool dbus imagemagick librsvg2-bin \
 *       pngquant fonts-noto-color-emoji fonts-dejavu-core adwaita-icon-theme
 *     npm run pack && unshare --net --mount node scripts/pictures/shoot.ts
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createTempDir } from "../../test/support/at-exit.ts";
import { mergeConfig, REPOSITORY, startGateway } from "../../test/support/gateway.ts";
import { startProsody } from "../../test/support/prosody.ts";
import { passwordFor } from "../../test/support/secrets.ts";
import { startSlixmppUser } from "../../test/support/slixmpp.ts";
import { speakSlowly } from "../../test/support/speaker.ts";
import { startStubModel, type ModelReply } from "../../test/support/stub-model.ts";
import { startDino, type Dino } from "./dino.ts";

const BOT = "claw@localhost";
const TRUST = "/etc/ssl/certs/ca-certificates.crt";
const FACE = execFileSync("rsvg-convert", ["-w", "128", join(import.meta.dirname, "face.svg")]);
const FACE_ID = createHash("sha1").update(FACE).digest("hex");
const FACE_INFO = `<info id="${FACE_ID}" type="image/png" bytes="${FACE.byteLength}"/>`;

if (Object.keys(networkInterfaces()).some((name) => name !== "lo")) {
  throw new Error("this would change whom the machine trusts; run it by unshare --net --mount");
}
execFileSync("ip", ["link", "set", "lo", "up"]);
const { path: folder } = createTempDir("pictures");
const [prosody, model] = await Promise.all([startProsody(), startStubModel()]);
writeFileSync(join(folder, "trust"), readFileSync(TRUST) + readFileSync(prosody.caFile, "utf8"));
execFileSync("mount", ["--bind", join(folder, "trust"), TRUST]);
// Where Dino looks for its server.
createServer((socket) => {
  const server = connect(prosody.ports.c2s, "127.0.0.1").on("error", () => socket.destroy());
  socket.on("error", () => server.destroy());
  socket.pipe(server).pipe(socket);
}).listen(5222, "127.0.0.1");
const password = passwordFor(BOT);
await prosody.register("claw", password);
const account = {
  jid: BOT,
  password,
  server: `127.0.0.1:${prosody.ports.c2s}`,
  tls: { caFile: prosody.caFile },
  dmPolicy: "allowlist",
  allowFrom: ["*@localhost"],
  profile: { publish: true, name: "Claw", avatar: join(REPOSITORY, "assets/icon.png") },
};
const gateway = await startGateway({
  modelUrl: model.baseUrl,
  plugins: [{ kind: "path", path: join(REPOSITORY, "build/package") }],
  config: { tools: { toolSearch: false }, channels: { xmpp: account } },
});

/** Somebody new, with an avatar (XEP-0084) and the agent in the roster, talks in Dino on a screen `height` high. */
async function scene(user: string, height: number, play: (dino: Dino) => Promise<void>) {
  const person = await startSlixmppUser(prosody, user);
  for (const [name, content] of [
    ["data", FACE.toString("base64")],
    ["metadata", FACE_INFO],
  ]) {
    const item = `<item id="${FACE_ID}"><${name} xmlns="urn:xmpp:avatar:${name}">${content}</${name}></item>`;
    const publish = `<publish node="urn:xmpp:avatar:${name}">${item}</publish>`;
    const pubsub = `<pubsub xmlns="http://jabber.org/protocol/pubsub">${publish}</pubsub>`;
    await person.iq("", "set", pubsub);
  }
  const contact = `<item jid="${BOT}" name="Claw"/>`;
  await person.iq("", "set", `<query xmlns="jabber:iq:roster">${contact}</query>`);
  await person.raw(`<presence to="${BOT}" type="subscribe"/>`);
  // The agent asks in turn, and is answered.
  await person.waitFor(({ type }) => type === "subscribe");
  await person.ping();
  await person.stop();

  const dino = await startDino({ user, contact: BOT, height, folder });
  await play(dino);
  await dino.close();
}

const picture = (name: string) => join(REPOSITORY, "docs/pictures", `${name}.png`);

function answer(...replies: ModelReply[]): void {
  model.setReply(() => replies.shift() ?? "");
}

await scene("anna", 470, async (dino) => {
  const chart = join(gateway.directory, "workspace/backup-disk.png");
  execFileSync("rsvg-convert", [join(import.meta.dirname, "chart.svg"), "-o", chart]);
  const text =
    "It is 72 % full and grows by about 9 GB a day. That leaves room until the end of December.";
  answer(`${text}\n\nMEDIA:${chart}`);
  dino.say("How full is the backup disk?");
  await dino.hears(/urn:xmpp:sfs:0/);
  await delay(6_000);
  dino.photograph(picture("file"));
});
await scene("ben", 300, async (dino) => {
  answer(
    { tool: "message", arguments: { action: "react", emoji: "🎉" } },
    "Good work! All three disks are healthy, and tonight's backup can go ahead as planned.",
  );
  dino.say("I have put in the new disk, and all lamps are green again.");
  await dino.hears(/ahead as planned\./);
  await delay(2_500);
  dino.photograph(picture("reaction"));
});
await scene("carla", 340, async (dino) => {
  const text =
    "Last night's backup is in /srv/backup/2026-11-20 on the machine in the cellar. It ran from 02:10 to 02:34, took 9.4 GB, and all 18,204 files passed their check. The copy outside the house followed at 04:00, so there are two good ones. The oldest that I keep is from 21 October; older ones go on the first of each month.";
  model.setReply(() => speakSlowly(text.match(/\S+\s*/g) ?? [], 160));
  dino.say("Where is last night's backup?");
  await dino.hears(/all 18,204/);
  dino.photograph(picture("growing"));
  await dino.hears(/of each month\./);
  await delay(2_500);
  dino.photograph(picture("grown"));
});
await scene("dora", 470, async (dino) => {
  const replies = { channels: { xmpp: { replyToModeByChatType: { direct: "all" } } } };
  gateway.writeConfig(mergeConfig(gateway.readConfig(), replies));
  await delay(3_000);
  answer("In /srv/backup/2026-11-20, 9.4 GB in all. Every file passed its check.");
  dino.say("Where is last night's backup?");
  await dino.hears(/passed its check/);
  answer("It is: the toner came on Thursday, and the test page went through.");
  dino.say("And is the printer working again?");
  await dino.hears(/went through\./);
  await delay(2_500);
  dino.photograph(picture("reply"));
});
await gateway.stop();
await Promise.all([prosody.stop(), model.stop()]);
process.exit(0);
