/**
 * A stage of a file's own: one Prosody, one stub model, and one Gateway with the built plugin (`npm run pack`) and one
 * account. For tests that would disturb others on the shared ones (stage.ts, room-stage.ts).
 */
import { mergeConfig, startGateway, type ConfigObject, type Gateway } from "./gateway.ts";
import { UNHURRIED } from "./limits.ts";
import { startProsody, type Prosody, type ProsodyOptions } from "./prosody.ts";
import { passwordFor } from "./secrets.ts";
import { startSlixmppUser, type SlixmppClient, type SlixmppLogin } from "./slixmpp.ts";
import { PACKAGE } from "./stage.ts";
import { startStubModel, type StubModel } from "./stub-model.ts";

export type OwnStage = {
  prosody: Prosody;
  model: StubModel;
  gateway: Gateway;
  /** A new person on slixmpp, until the stage ends; the password is the name. */
  person(user: string, options?: Partial<SlixmppLogin>): Promise<SlixmppClient>;
  stop(): Promise<void>;
};

type Settings = {
  /** `channels.xmpp` but the login; nick `bot` and UNHURRIED limits unless it says otherwise. */
  channel: ConfigObject;
  /** Beside the channel. Everybody has a conversation of their own unless it says otherwise. */
  config?: ConfigObject;
  /** Folders of plugins besides ours. */
  plugins?: readonly string[];
};

/**
 * @param bot the agent's JID on Prosody's host
 * @param prepare makes what has to be there before the Gateway, rooms most often
 */
export async function startOwnStage(
  bot: string,
  prepare: (prosody: Prosody) => Promise<Settings>,
  options: ProsodyOptions = {},
): Promise<OwnStage> {
  const [prosody, model] = await Promise.all([startProsody(options), startStubModel()]);
  const people: SlixmppClient[] = [];
  let gateway: Gateway | undefined;
  const stop = async () => {
    await Promise.all(people.map((person) => person.stop()));
    await gateway?.stop();
    await Promise.all([prosody.stop(), model.stop()]);
  };
  try {
    const password = passwordFor(bot);
    await prosody.register(bot.slice(0, bot.indexOf("@")), password);
    const { channel, config = {}, plugins = [] } = await prepare(prosody);
    gateway = await startGateway({
      modelUrl: model.baseUrl,
      plugins: [PACKAGE, ...plugins].map((path) => ({ kind: "path", path })),
      config: mergeConfig(
        {
          session: { dmScope: "per-account-channel-peer" },
          channels: {
            xmpp: {
              jid: bot,
              password,
              nick: "bot",
              server: `127.0.0.1:${prosody.ports.c2s}`,
              tls: { caFile: prosody.caFile },
              limits: UNHURRIED,
              ...channel,
            },
          },
        },
        config,
      ),
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    prosody,
    model,
    gateway,
    async person(user, login) {
      const person = await startSlixmppUser(prosody, user, login);
      people.push(person);
      return person;
    },
    stop,
  };
}
