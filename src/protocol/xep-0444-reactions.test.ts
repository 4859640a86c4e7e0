import { describe, expect, it } from "vitest";
import { decodeDiscoInfo } from "./xep-0030-disco.ts";
import { encodeReactions, findReactionRestrictions } from "./xep-0444-reactions.ts";
import { parse } from "ltx";

describe("findReactionRestrictions", () => {
  const restrictions = (fields: string) => {
    const iq = `<iq><query xmlns='http://jabber.org/protocol/disco#info'><feature var='urn:xmpp:reactions:0'/><x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:reactions:0:restrictions</value></field>${fields}</x></query></iq>`;
    const info = decodeDiscoInfo(parse(iq));
    return info && findReactionRestrictions(info);
  };

  it("reads what a gateway allows", () => {
    const fields =
      "<field var='max_reactions_per_user'><value>1</value></field><field var='allowlist'><value>💘</value><value>❤️</value></field>";
    expect(restrictions(fields)).toEqual({ maxPerUser: 1, allowlist: ["💘", "❤️"] });
  });

  it("reads no number and no list as no limit", () => {
    const fields = "<field var='max_reactions_per_user'><value>many</value></field>";
    expect(restrictions(fields)).toEqual({ maxPerUser: undefined, allowlist: undefined });
  });

  it("finds none where nothing is restricted", () => {
    const info = { identities: [], features: ["urn:xmpp:reactions:0"], forms: [] };
    expect(findReactionRestrictions(info)).toBeUndefined();
  });
});

it("sends each reaction once", () => {
  const element = encodeReactions({ id: "m1", reactions: ["👍", "👍"] });
  expect(element.getChildren("reaction").map((each) => each.getText())).toEqual(["👍"]);
});
