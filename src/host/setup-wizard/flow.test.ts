/** The set-up by scripted answers, with a network that does as it is told. What it is like on a real server: test/e2e/setup.e2e.ts. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import {
  CANCEL,
  Cancelled,
  scriptedPrompter,
  type ScriptLine,
} from "../../../test/support/scripted-prompter.ts";
import { connectionError } from "../../client/conditions.ts";
import type { Trial } from "../../client/trial.ts";
import { XmppStanzaError } from "../../errors.ts";
import type { BareJid, FullJid } from "../../protocol/jid.ts";
import { resolveAccount } from "../account.ts";
import { runSetup } from "./flow.ts";
import type { Network } from "./network.ts";

afterEach(() => vi.unstubAllEnvs());

type Said = {
  closed: number;
  /** Streams and sessions that nobody has closed. */
  open: number;
  registered: string[];
  removed: number;
  passwords: string[];
};

function fakeNetwork(over: Partial<Network> = {}): { network: Network; said: Said } {
  const said: Said = { closed: 0, open: 0, registered: [], removed: 0, passwords: [] };
  const trial: Trial = {
    facts: {
      jid: "bot@example.com/openclaw-setup-1" as FullJid,
      since: 0,
      transport: "tcp",
      address: "xmpp.example.com:5222",
      tls: { version: "TLSv1.3", cipher: "x" },
      mechanism: "SCRAM-SHA-256-PLUS",
      resumed: false,
    },
    request: () => Promise.reject(new Error("not asked here")),
    close: async () => void (said.closed += 1),
  };
  const network: Network = {
    resolve: async () => [{ transport: "tcp", host: "xmpp.example.com", port: 5222 }],
    canReach: async () => true,
    findWebSockets: async () => [],
    meet: async () => ({
      stream: { close: async () => {} } as never,
      offersRegistration: false,
    }),
    async logIn(options, password) {
      said.passwords.push(password);
      for (const step of ["connecting", "securing", "authenticating"] as const) {
        options.onStep?.(step);
      }
      return trial;
    },
    listPublicRooms: async () => ({ services: [], rooms: [] }),
    askEntrance: async () => "open",
    askRegistration: async () => ({
      kind: "fields",
      fields: ["username", "password"].map((name) => ({
        name,
        type: "text-single",
        isRequired: true,
        values: [],
        options: [],
        hasMedia: false,
      })),
    }),
    register: async (_stream, account) => void said.registered.push(account.bare),
    unregister: async () => void (said.removed += 1),
    ...over,
  };
  /** As it is, but counted until it is closed. */
  const opened = <T extends { close(): Promise<unknown> }>(stream: T): T => {
    said.open += 1;
    return { ...stream, close: async () => ((said.open -= 1), await stream.close()) };
  };
  const counting: Network = {
    ...network,
    async meet(...args) {
      const encounter = await network.meet(...args);
      return { ...encounter, stream: opened(encounter.stream) };
    },
    logIn: async (...args) => opened(await network.logIn(...args)),
  };
  return { network: counting, said };
}

async function setUp(
  script: readonly ScriptLine[],
  options: {
    xmpp?: object;
    network?: Partial<Network>;
    accountId?: string;
    secretInputMode?: "plaintext" | "ref";
    beforePersistentEffect?: () => Promise<void>;
  } = {},
) {
  const prompter = scriptedPrompter(script);
  const { network, said } = fakeNetwork(options.network);
  const cfg = (options.xmpp ? { channels: { xmpp: options.xmpp } } : {}) as never;
  const before = JSON.stringify(cfg);
  const { secretInputMode, beforePersistentEffect } = options;
  const context = {
    cfg,
    runtime: {} as never,
    prompter,
    options: {
      ...(secretInputMode ? { secretInputMode } : {}),
      ...(beforePersistentEffect ? { beforePersistentEffect } : {}),
    },
    accountOverrides: options.accountId ? { xmpp: options.accountId } : {},
    shouldPromptAccountIds: true,
    forceAllowFrom: false,
  };
  let outcome: Awaited<ReturnType<typeof runSetup>> | undefined;
  let error: unknown;
  try {
    outcome = await runSetup(context, network);
  } catch (thrown) {
    error = thrown;
  }
  expect(JSON.stringify(cfg)).toBe(before);
  // However it ends: nobody stays connected.
  expect(said.open).toBe(0);
  const saved = outcome && outcome !== "skip" ? outcome.cfg.channels?.["xmpp"] : undefined;
  return { prompter, said, outcome, saved, error };
}

const JID = ["JID of the agent's account", "bot@example.com"] as const;
const TYPED: readonly ScriptLine[] = [
  ["Password of the agent's account", "Type it"],
  ["Password (hidden)", "pencil"],
];
const ROOMLESS: ScriptLine = ["Rooms to join", ""];
const ACCESS: readonly ScriptLine[] = [
  ["Who may write", "Whoever you approve"],
  ["Who needs no code?", ""],
  ["In which rooms", "In every room"],
  ["Who may address it", ""],
];
const SAVE = ["Save this?", true] as const;

describe("the first account", () => {
  it("is saved with what was answered, and nothing else", async () => {
    const { saved, prompter, said } = await setUp([JID, ...TYPED, ROOMLESS, ...ACCESS, SAVE]);
    expect(saved).toEqual({
      enabled: true,
      jid: "bot@example.com",
      password: "pencil",
      dmPolicy: "pairing",
      groupPolicy: "open",
    });
    expect(prompter.left).toEqual([]);
    expect(prompter.shown.join("\n")).not.toContain("pencil");
    expect(said.closed).toBe(1);
  });

  it("asks for no server where DNS leads to one", async () => {
    const { prompter } = await setUp([JID, ...TYPED, ROOMLESS, ...ACCESS, SAVE]);
    expect(prompter.shown.join("\n")).not.toContain("? Server address");
    expect(prompter.shown).toContain("✓ Server of example.com: xmpp.example.com:5222");
  });

  it("takes the WebSocket that host-meta names where nobody answers by DNS", async () => {
    const { saved } = await setUp([JID, ...TYPED, ROOMLESS, ...ACCESS, SAVE], {
      network: {
        canReach: async ([first]) => first?.transport === "websocket",
        resolve: async (server) =>
          server.kind === "endpoint"
            ? [server.endpoint]
            : [{ transport: "tcp", host: "example.com", port: 5222 }],
        findWebSockets: async () => ["wss://ws.example.com/xmpp"],
      },
    });
    expect(saved).toMatchObject({ server: "wss://ws.example.com/xmpp" });
  });

  it("asks for the server where neither leads anywhere", async () => {
    const script: ScriptLine[] = [
      JID,
      ["Server address", "chat.example.com:5223/x"],
      ["Server address", "xmpps://chat.example.com"],
      ...TYPED,
      ROOMLESS,
      ...ACCESS,
      SAVE,
    ];
    const { saved, prompter } = await setUp(script, { network: { canReach: async () => false } });
    expect(saved).toMatchObject({ server: "xmpps://chat.example.com" });
    expect(prompter.shown.join("\n")).toContain("nobody answers at xmpp.example.com:5222");
  });

  it("takes only lists that name somebody", async () => {
    const script: ScriptLine[] = [
      JID,
      ...TYPED,
      ROOMLESS,
      ["Who may write", "Only whom you list"],
      ["Who may write?", " "],
      ["Who may write?", "alice@example.com, @"],
      ["Who may write?", "Alice@example.com"],
      ["In which rooms", "In every room"],
      ["Who may address it", "owner"],
      ["Who may address it", "affiliation:owner"],
      SAVE,
    ];
    const { saved, prompter } = await setUp(script);
    expect(prompter.left).toEqual([]);
    expect(saved).toMatchObject({
      dmPolicy: "allowlist",
      allowFrom: ["alice@example.com"],
      groupAllowFrom: ["affiliation:owner"],
    });
  });

  it("is as good where the server does not say what it has", async () => {
    const { saved, prompter } = await setUp([JID, ...TYPED, ROOMLESS, ...ACCESS, SAVE], {
      network: { listPublicRooms: () => Promise.reject(new Error("no answer")) },
    });
    expect(saved).toMatchObject({ jid: "bot@example.com" });
    expect(prompter.shown).toContain("✓ Rooms: the server announces no room service");
  });

  it("changes nothing when the summary is declined, or a question cancelled", async () => {
    const all = [JID, ...TYPED, ROOMLESS, ...ACCESS];
    const declined = await setUp([...all, ["Save this?", false]]);
    expect(declined.outcome).toBe("skip");
    for (let index = 0; index < all.length; index += 1) {
      const script: ScriptLine[] = [...all.slice(0, index), [all[index]?.[0] ?? "", CANCEL]];
      const { error, said, outcome } = await setUp(script);
      expect(outcome).toBeUndefined();
      expect(error).toBeInstanceOf(Cancelled);
      // Whoever logged in has logged out.
      expect(said.closed).toBe(said.passwords.length);
    }
  });

  it("takes the password from a file that holds one", async () => {
    const folder = mkdtempSync(join(tmpdir(), "openclaw-xmpp-wizard-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const [empty, good] = [join(folder, "empty"), join(folder, "good")];
    writeFileSync(empty, "\n", { mode: 0o600 });
    writeFileSync(good, "in a file\n", { mode: 0o600 });
    const FILE = "File that holds the password";
    const answers: ScriptLine[] = [
      ["Password of", "File that holds it"],
      [FILE, join(folder, "nowhere")],
      [FILE, empty],
      [FILE, good],
    ];
    const { saved, said, prompter } = await setUp([JID, ...answers, ROOMLESS, ...ACCESS, SAVE]);
    expect(prompter.shown.filter((line) => line.startsWith("! "))).toEqual([
      expect.stringContaining(`no password in ${folder}/nowhere; write it`),
      `! XMPP password file at ${empty} is empty.`,
    ]);
    expect(said.passwords).toEqual(["in a file"]);
    expect(saved).toMatchObject({ passwordFile: good });
    expect(saved).not.toHaveProperty("password");
  });

  it("uses the environment where it says who and how", async () => {
    vi.stubEnv("XMPP_JID", "env@example.com");
    vi.stubEnv("XMPP_PASSWORD", "from the environment");
    const script: ScriptLine[] = [["XMPP_JID (env@example.com)", true], ROOMLESS, ...ACCESS, SAVE];
    const { saved, said } = await setUp(script);
    expect(saved).toEqual({ enabled: true, dmPolicy: "pairing", groupPolicy: "open" });
    expect(said.passwords).toEqual(["from the environment"]);
  });
});

describe("rooms", () => {
  const rooms = ["team", "lobby"].map((name) => ({
    jid: `${name}@rooms.example.com` as BareJid,
    name: `The\u009b31m ${name}`,
  }));
  const network: Partial<Network> = {
    listPublicRooms: async () => ({ services: ["rooms.example.com"], rooms }),
    askEntrance: async (_trial, room) => (room.startsWith("vault") ? "password" : "open"),
  };

  it("of a list are entries where only listed rooms are answered, never a star", async () => {
    const script: ScriptLine[] = [
      JID,
      ...TYPED,
      ["Rooms to join", ["team@"]],
      ["Other rooms", "vault@rooms.example.com"],
      ["Password of vault@", "sesame"],
      ["Who may write", "Nobody"],
      ["In which rooms", "Only in rooms"],
      ["Who may address it", "affiliation:member"],
      ["In rooms, answer only", false],
      SAVE,
    ];
    const { saved, prompter } = await setUp(script, { network });
    expect(saved).toMatchObject({
      rooms: ["team@rooms.example.com", { jid: "vault@rooms.example.com", password: "sesame" }],
      groupPolicy: "allowlist",
      groupAllowFrom: ["affiliation:member"],
      mucRooms: {
        "team@rooms.example.com": { requireMention: false },
        "vault@rooms.example.com": { requireMention: false },
      },
    });
    const shown = prompter.shown.join("\n");
    expect(shown).toContain("In rooms: allowlist; only affiliation:member");
    expect(shown).not.toMatch(/[\u009b]|sesame/);
  });
});

describe("a login that fails", () => {
  it("says what is wrong and what to do, and takes another password", async () => {
    let calls = 0;
    const { saved, prompter } = await setUp(
      [
        JID,
        ...TYPED,
        ["What now?", "Give the password again"],
        ["Password of the agent's account", "Type it"],
        ["Password (hidden)", "crayon"],
        ROOMLESS,
        ...ACCESS,
        SAVE,
      ],
      {
        network: {
          logIn: async (...args) => {
            calls += 1;
            if (calls > 1) return await fakeNetwork().network.logIn(...args);
            args[0].onStep?.("authenticating");
            throw connectionError("not-authorized", "the server refused the login");
          },
        },
      },
    );
    const shown = prompter.shown.join("\n");
    expect(shown).toContain("[Login failed] The server refused the login.\nCheck the account's");
    expect(saved).toMatchObject({ password: "crayon" });
  });

  it("asks for the password of another JID anew: none goes to a server that it is not for", async () => {
    const tried: string[] = [];
    const script: ScriptLine[] = [
      JID,
      ...TYPED,
      ["What now?", "Give another JID"],
      ["JID of the agent's account", "bot@example.org"],
      ["Password of the agent's account", "Type it"],
      ["Password (hidden)", "crayon"],
      ["What now?", "Stop"],
    ];
    await setUp(script, {
      network: {
        logIn: async ({ account }, password) => {
          tried.push(`${account.bare} ${password}`);
          throw connectionError("host-unknown", "not served here");
        },
      },
    });
    expect(tried).toEqual(["bot@example.com pencil", "bot@example.org crayon"]);
  });

  const failing = (condition: string): Partial<Network> => ({
    logIn: async () => {
      throw connectionError(condition, "so it is");
    },
  });

  it.each([
    ["certificate", "PEM file of the authority"],
    ["unreachable", "Server address"],
    ["timeout", "Server address"],
    ["tls-required", "Server address"],
    ["host-unknown", "JID of the agent's account"],
    ["not-authorized", "Password of the agent's account"],
  ])("with %s is offered first what may cure it: %s", async (condition, question) => {
    const script: ScriptLine[] = [JID, ...TYPED, ["What now?", ""], [question, CANCEL]];
    expect((await setUp(script, { network: failing(condition) })).error).toBeInstanceOf(Cancelled);
  });

  it("may be saved, as not working", async () => {
    const script: ScriptLine[] = [
      JID,
      ...TYPED,
      ["What now?", "Go on all the same"],
      ROOMLESS,
      ...ACCESS,
      SAVE,
    ];
    const { saved, prompter } = await setUp(script, { network: failing("unreachable") });
    expect(saved).toMatchObject({ jid: "bot@example.com" });
    expect(prompter.shown.join("\n")).toMatch(/Connection: NOT working/);
  });
});

describe("making an account", () => {
  const offering: Partial<Network> = {
    meet: async () => ({ stream: { close: async () => {} } as never, offersRegistration: true }),
  };
  const MAKE: ScriptLine = ["Is bot@example.com there already?", "No: make"];

  it("logs in with a generated password, and saves it", async () => {
    const { saved, said } = await setUp([JID, MAKE, ROOMLESS, ...ACCESS, SAVE], {
      network: offering,
    });
    expect(said.registered).toEqual(["bot@example.com"]);
    expect(said.removed).toBe(0);
    const [password = ""] = said.passwords;
    expect(password).toMatch(/^[\w-]{32}$/);
    expect(saved).toMatchObject({ jid: "bot@example.com", password });
  });

  it("takes it back where nothing is saved", async () => {
    const cancelled = await setUp([JID, MAKE, ["Rooms to join", CANCEL]], { network: offering });
    expect(cancelled.error).toBeInstanceOf(Cancelled);
    expect(cancelled.said).toMatchObject({ registered: ["bot@example.com"], removed: 1 });
    const script: ScriptLine[] = [JID, MAKE, ROOMLESS, ...ACCESS, ["Save this?", false]];
    expect((await setUp(script, { network: offering })).said.removed).toBe(1);
  });

  it("says so where the name is taken, and goes on to the password", async () => {
    const script = [JID, MAKE, ...TYPED, ROOMLESS, ...ACCESS, SAVE];
    const { saved, prompter } = await setUp(script, {
      network: {
        ...offering,
        register: async () => {
          throw new XmppStanzaError("cancel", "conflict", "Ours\u001b[2J, says the server");
        },
      },
    });
    expect(prompter.shown.join("\n")).toContain(
      "[No account made] bot@example.com is taken already (Ours [2J, says the server).",
    );
    expect(saved).toMatchObject({ password: "pencil" });
  });

  describe("where the server's answer never came", () => {
    const lost = async () => {
      throw connectionError("network", "the connection was lost");
    };
    /** Logins after the registration fail so. */
    const refusing = (condition: string): Partial<Network> => ({
      ...offering,
      register: lost,
      logIn: async () => {
        throw connectionError(condition, "so it is");
      },
    });

    it("takes the account for made where its password lets one in", async () => {
      const { saved, said } = await setUp([JID, MAKE, ROOMLESS, ...ACCESS, SAVE], {
        network: { ...offering, register: lost },
      });
      const [first, second] = said.passwords;
      expect(first).toMatch(/^[\w-]{32}$/);
      expect(second).toBe(first);
      expect(saved).toMatchObject({ jid: "bot@example.com", password: first });
      const gone = await setUp([JID, MAKE, ["Rooms to join", CANCEL]], {
        network: { ...offering, register: lost },
      });
      expect(gone.said.removed).toBe(1);
    });

    it.each([
      ["not-authorized", /connection was lost\.\n.*bot@example\.com was most likely not made/],
      ["unreachable", /connection was lost\.\nbot@example\.com may be on the server now/],
    ])("and a login says %s, tells what may be left on the server", async (condition, words) => {
      const { prompter, said } = await setUp([JID, MAKE, ["Password of", CANCEL]], {
        network: refusing(condition),
      });
      const shown = prompter.shown.join("\n");
      expect(shown).toMatch(words);
      expect(shown).toContain("[Not confirmed]");
      expect(shown).not.toContain("[Account made]");
      expect(said.removed).toBe(0);
    });
  });

  it.each([
    ["not-authorized", "[Nothing was saved] bot@example.com was removed"],
    ["unreachable", "[An account is left over] bot@example.com was made"],
  ])("removed without an answer, a login that says %s tells what became of it", async (...args) => {
    const [condition, words] = args;
    let isAsked = false;
    const { prompter } = await setUp([JID, MAKE, ["Rooms to join", CANCEL]], {
      network: {
        ...offering,
        logIn: async (...how) => {
          if (isAsked) throw connectionError(condition, "so it is");
          return await fakeNetwork().network.logIn(...how);
        },
        unregister: async () => {
          isAsked = true;
          throw connectionError("network", "the connection was lost");
        },
      },
    });
    expect(prompter.shown.join("\n")).toContain(words);
  });

  it("does not say that it removed what the server lets nobody into yet", async () => {
    const { prompter, said } = await setUp([JID, MAKE, ["What now?", "Stop"]], {
      network: {
        ...offering,
        logIn: async () => {
          throw connectionError("not-authorized", "the account awaits an administrator");
        },
      },
    });
    expect(said.registered).toEqual(["bot@example.com"]);
    const shown = prompter.shown.join("\n");
    expect(shown).toContain("[An account is left over] bot@example.com was made");
    expect(shown).not.toContain("was removed");
  });

  it("asks what the server's form wants besides, and hands a captcha to the web page", async () => {
    const field = (name: string, more: object = {}) => ({
      name,
      type: "text-single",
      isRequired: true,
      values: [],
      options: [],
      hasMedia: false,
      ...more,
    });
    const answers: unknown[] = [];
    const fields = [
      field("FORM_TYPE", { type: "hidden", values: ["jabber:iq:register"] }),
      field("username"),
      field("password"),
      field("email", { label: "Your address" }),
      field("token", { type: "text-private", label: "Your token" }),
      field("terms", { type: "boolean", label: "Agreed?" }),
    ];
    const script: ScriptLine[] = [
      JID,
      MAKE,
      ["The server asks: Your address", "me@example.com"],
      ["The server asks: Your token", "tulip"],
      ["The server asks: Agreed?", true],
      ROOMLESS,
      ...ACCESS,
      SAVE,
    ];
    const { prompter } = await setUp(script, {
      network: {
        ...offering,
        askRegistration: async () => ({ kind: "form", fields }),
        register: async (_stream, _account, _offer, given) => {
          answers.push(Object.fromEntries(given));
        },
      },
    });
    expect(answers).toEqual([
      expect.objectContaining({ username: ["bot"], email: ["me@example.com"], terms: ["1"] }),
    ]);
    expect(prompter.shown.join("\n")).not.toContain("tulip");
    const cancelled = await setUp([JID, MAKE, ["The server asks: Your address", CANCEL]], {
      network: { ...offering, askRegistration: async () => ({ kind: "form", fields }) },
    });
    expect(cancelled.error).toBeInstanceOf(Cancelled);
    expect(cancelled.said.registered).toEqual([]);
    const picture = await setUp([JID, MAKE, ["Password of", CANCEL]], {
      network: {
        ...offering,
        askRegistration: async () => ({
          kind: "form",
          fields: [...fields, field("ocr", { hasMedia: true })],
          url: "https://example.com/register",
        }),
      },
    });
    expect(picture.prompter.shown.join("\n")).toContain("https://example.com/register");
    expect(picture.said.registered).toEqual([]);
  });

  it("makes none where the host says no before it", async () => {
    const { error, said } = await setUp([JID, MAKE], {
      network: offering,
      beforePersistentEffect: () => Promise.reject(new Error("the host stops here")),
    });
    expect(error).toMatchObject({ message: "the host stops here" });
    expect(said).toMatchObject({ registered: [], removed: 0 });
  });

  it("is not offered where only references may be saved", async () => {
    const script: ScriptLine[] = [JID, ["Password of", CANCEL]];
    const { prompter } = await setUp(script, { network: offering, secretInputMode: "ref" });
    expect(prompter.shown.join("\n")).not.toContain("there already?");
  });
});

describe("an account that is there", () => {
  const xmpp = {
    jid: "bot@example.com",
    password: "pencil",
    server: "xmpp.example.com",
    rooms: [{ jid: "team@rooms.example.com", nick: "Robo" }],
    dmPolicy: "allowlist",
    allowFrom: ["alice@example.com"],
    nick: "Bot",
  };

  it("is tested as often as wanted, and stays as it was", async () => {
    const script: ScriptLine[] = [
      ["XMPP is set up", "Test the connection"],
      ["XMPP is set up", "Test the connection"],
      ["XMPP is set up", "Leave it"],
    ];
    const { outcome, said, prompter } = await setUp(script, { xmpp });
    expect(outcome).toBe("skip");
    expect(said).toMatchObject({ passwords: ["pencil", "pencil"], closed: 2 });
    expect(prompter.shown.join("\n")).toContain("team@rooms.example.com: open");
  });

  it("keeps all that is not changed", async () => {
    const script: ScriptLine[] = [
      ["XMPP is set up", "Change settings"],
      ["JID of the agent's account", ""],
      ["Password of the agent's account", "Keep"],
      ["Rooms to join", ""],
      ["Who may write", "Only whom you list"],
      ["Who may write?", "alice@example.com, bob@example.com"],
      ["In which rooms", "In every room"],
      ["Who may address it", ""],
      ["In rooms, answer only", true],
      SAVE,
    ];
    const { saved } = await setUp(script, { xmpp });
    expect(saved).toEqual({
      ...xmpp,
      enabled: true,
      groupPolicy: "open",
      allowFrom: ["alice@example.com", "bob@example.com"],
    });
  });

  /** Changes one thing; Enter keeps what stands there. */
  const CHANGE: ScriptLine = ["XMPP is set up", "Change settings"];
  const KEPT_JID: ScriptLine = ["JID of the agent's account", ""];
  const KEPT_ACCESS: readonly ScriptLine[] = [
    ["Rooms to join", ""],
    ["Who may write", "Only whom you list"],
    ["Who may write?", ""],
    ["In which rooms", "In every room"],
    ["Who may address it", ""],
    ["In rooms, answer only", true],
  ];

  it("goes to no other server than the one that is set, but by the operator's word", async () => {
    const findWebSockets = vi.fn(async () => ["wss://elsewhere.example/xmpp"]);
    const { saved } = await setUp(
      [
        CHANGE,
        KEPT_JID,
        ["Server address", "new.example.com"],
        ["Password of the agent's account", "Keep"],
        ...KEPT_ACCESS,
        SAVE,
      ],
      {
        xmpp,
        network: { findWebSockets, canReach: async () => findWebSockets.mock.calls.length > 0 },
      },
    );
    expect(saved).toMatchObject({ server: "new.example.com" });
    expect(findWebSockets).not.toHaveBeenCalled();
  });

  it("has one source of its password: another takes the place of the one of before", async () => {
    const folder = mkdtempSync(join(tmpdir(), "openclaw-xmpp-wizard-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "password");
    writeFileSync(path, "crayon\n", { mode: 0o600 });
    const toFile = await setUp(
      [
        CHANGE,
        KEPT_JID,
        ["Password of the agent's account", "File that holds it"],
        ["File that holds the password", path],
        ...KEPT_ACCESS,
        SAVE,
      ],
      { xmpp },
    );
    expect(toFile.said.passwords).toEqual(["crayon"]);
    expect(toFile.saved).toMatchObject({ passwordFile: path });
    expect(toFile.saved).not.toHaveProperty("password");
    const back = await setUp([CHANGE, KEPT_JID, ...TYPED, ...KEPT_ACCESS, SAVE], {
      xmpp: toFile.saved!,
    });
    expect(back.saved).toMatchObject({ password: "pencil" });
    expect(back.saved).not.toHaveProperty("passwordFile");
  });

  it("lets in nobody who was taken out, whether listed for it or for all accounts", async () => {
    const lists = { allowFrom: ["alice@example.com"], groupAllowFrom: ["bob@example.com"] };
    const emptied: ScriptLine[] = [
      KEPT_JID,
      ["Password of the agent's account", "Keep"],
      ["Rooms to join", " "],
      ["Who may write", "Whoever you approve"],
      ["Who needs no code?", " "],
      ["In which rooms", "In every room"],
      ["Who may address it", " "],
      SAVE,
    ];
    const own = await setUp([CHANGE, ...emptied], { xmpp: { ...xmpp, ...lists } });
    for (const key of ["rooms", "allowFrom", "groupAllowFrom"]) {
      expect(own.saved).not.toHaveProperty(key);
    }
    const { server, ...work } = xmpp;
    const inherited = await setUp(emptied, {
      xmpp: { server, ...lists, accounts: { work: { ...work, allowFrom: undefined } } },
      accountId: "work",
    });
    expect(inherited.saved).toMatchObject({
      ...lists,
      accounts: { work: { allowFrom: [], groupAllowFrom: [] } },
    });
  });

  it("that could not start is not saved by Enter", async () => {
    const script: ScriptLine[] = [
      CHANGE,
      KEPT_JID,
      ["Password of the agent's account", "Keep"],
      ...KEPT_ACCESS,
      ["Save this?", ""],
    ];
    expect((await setUp(script, { xmpp })).outcome).toMatchObject({ accountId: "default" });
    const broken = await setUp(script, { xmpp: { ...xmpp, adminJid: "@" } });
    expect(broken.outcome).toBe("skip");
    expect(broken.prompter.shown.join("\n")).toContain("[This will not start]");
  });

  it("leaves a room that is no longer wanted, whatever was said of it", async () => {
    const mucRooms = {
      "team@rooms.example.com": { requireMention: false, users: ["a@b.example"] },
    };
    const answers: ScriptLine[] = [
      ["XMPP is set up", "Change settings"],
      ["JID of the agent's account", ""],
      ["Password of the agent's account", "Keep"],
      ["Rooms to join", "other@rooms.example.com"],
      ["Who may write", "Nobody"],
      ["In which rooms", "Only in rooms"],
      ["Who may address it", ""],
      ["In rooms, answer only", true],
      SAVE,
    ];
    const { saved } = await setUp(answers, { xmpp: { ...xmpp, mucRooms } });
    expect(saved).toMatchObject({
      rooms: ["other@rooms.example.com"],
      mucRooms: {
        "other@rooms.example.com": {},
        "team@rooms.example.com": { enabled: false, users: ["a@b.example"] },
      },
    });
    const account = resolveAccount({ channels: { xmpp: saved } } as never);
    expect(account.rooms).toEqual(["other@rooms.example.com"]);
  });

  it("keeps its password by itself for its own JID alone", async () => {
    const start: ScriptLine[] = [["XMPP is set up", "Change settings"]];
    const rest: ScriptLine[] = [
      ROOMLESS,
      ["Who may write", "Nobody"],
      ["In which", "In none"],
      SAVE,
    ];
    const same = await setUp(
      [...start, ["JID of the agent's account", ""], ["Password of", ""], ...rest],
      { xmpp },
    );
    expect(same.said.passwords).toEqual(["pencil"]);
    const other: ScriptLine = ["JID of the agent's account", "other@example.com"];
    const typed: ScriptLine[] = [
      ["Password of", ""],
      ["Password (hidden)", "crayon"],
    ];
    const changed = await setUp([...start, other, ...typed, ...rest], { xmpp });
    expect(changed.said.passwords).toEqual(["crayon"]);
    expect(changed.saved).toMatchObject({ jid: "other@example.com", password: "crayon" });
    const kept: ScriptLine = ["Password of", "Keep the one that is set, for bot@example.com"];
    const moved = await setUp([...start, other, kept, ...rest], { xmpp });
    expect(moved.said.passwords).toEqual(["pencil"]);
  });

  it("has a second one added beside it, which inherits neither its server nor its rooms", async () => {
    const script: ScriptLine[] = [
      ["XMPP is set up", "Add an account"],
      ["Name of the new account", "Default"],
      ["Name of the new account", "Work"],
      ["JID of the agent's account", "work@example.org"],
      ...TYPED,
      ROOMLESS,
      ["Who may write", "Everybody"],
      ["In which rooms", "In none"],
      SAVE,
    ];
    const { saved, outcome } = await setUp(script, { xmpp });
    expect(outcome).toMatchObject({ accountId: "work" });
    const { accounts, ...root } = saved as { accounts: Record<string, object> };
    expect(accounts["default"]).toMatchObject({ jid: "bot@example.com", rooms: xmpp.rooms });
    expect(accounts["work"]).toMatchObject({ jid: "work@example.org", dmPolicy: "open" });
    expect({ ...root, ...accounts["work"] }).not.toHaveProperty("server");
    expect({ ...root, ...accounts["work"] }).not.toHaveProperty("rooms");
  });

  it("has a third one added beside one that inherits from the root, which stays what it is", async () => {
    const ops = { jid: "ops@example.com", password: "x" };
    const script: ScriptLine[] = [
      ["XMPP is set up", "Add an account"],
      ["Name of the new account", "Work"],
      ["JID of the agent's account", "work@example.com"],
      ...TYPED,
      ["Rooms to join", " "],
      ["Who may write", "Everybody"],
      ["In which rooms", "In none"],
      SAVE,
    ];
    const { saved } = await setUp(script, { xmpp: { ...xmpp, accounts: { ops } } });
    expect(saved).toMatchObject({ ...xmpp, accounts: { ops, work: { jid: "work@example.com" } } });
  });

  it("is removed only after a yes", async () => {
    for (const answer of [false, ""]) {
      const script: ScriptLine[] = [
        ["XMPP is set up", "Remove"],
        ['Remove the account "default" (bot@example.com)', answer],
        ["XMPP is set up", "Leave it"],
      ];
      expect((await setUp(script, { xmpp })).outcome).toBe("skip");
    }
    const yes = await setUp(
      [
        ["XMPP is set up", "Remove"],
        ["Which account?", "default"],
        ["Remove the account", true],
      ],
      {
        xmpp: {
          ...xmpp,
          defaultAccount: "default",
          accounts: { other: { jid: "other@example.com", password: "x" } },
        },
      },
    );
    expect(yes.saved).not.toHaveProperty("defaultAccount");
    expect(JSON.stringify(yes.saved)).not.toMatch(/bot@|pencil/);
    expect(yes.saved).toMatchObject({ accounts: { other: { jid: "other@example.com" } } });
  });

  it("is disabled and enabled", async () => {
    const script: ScriptLine[] = [["XMPP is set up", "Disable"]];
    const off = await setUp(script, { xmpp });
    expect(off.saved).toEqual({ ...xmpp, enabled: false });
    const on = await setUp([["XMPP is set up", "Enable"]], { xmpp: { ...xmpp, enabled: false } });
    expect(on.saved).toEqual({ ...xmpp, enabled: true });
    const accounts = { work: { ...xmpp, enabled: false } };
    const both = await setUp([["XMPP is set up", "Enable"]], {
      xmpp: { enabled: false, accounts },
    });
    expect(both.saved).toEqual({ enabled: true, accounts: { work: { ...xmpp, enabled: true } } });
  });
});
