import { parse } from "ltx";
import { describe, expect, it } from "vitest";
import { decodeMessage } from "../protocol/stanza.ts";
import { declaredFiles, isFilesOnly, wordsOf } from "./attached-files.ts";

const CAT = "https://files.example/cat.png";
const DOG = "https://files.example/dog.png";
const oob = (url: string) => `<x xmlns="jabber:x:oob"><url>${url}</url></x>`;
const share = (...urls: string[]) =>
  `<file-sharing xmlns="urn:xmpp:sfs:0"><file xmlns="urn:xmpp:file:metadata:0"><name>cat.png</name></file>` +
  `<sources>${urls.map((url) => `<url-data xmlns="http://jabber.org/protocol/url-data" target="${url}"/>`).join("")}</sources></file-sharing>`;
const FALLBACK = `<fallback xmlns="urn:xmpp:fallback:0" for="urn:xmpp:sfs:0"><body/></fallback>`;
const read = (inside: string) =>
  decodeMessage(parse(`<message xmlns="jabber:client" from="a@b/c">${inside}</message>`));

describe("the files of a message, and what is said beside them", () => {
  it.each<[string, string, string[][], string]>([
    ["text alone", "<body>hi</body>", [], "hi"],
    ["the URL as the text", `<body>${CAT}</body>${oob(CAT)}`, [[CAT]], ""],
    ["a caption", `<body>look</body>${oob(CAT)}`, [[CAT]], "look"],
    ["a caption above the URL", `<body>look\n\n${CAT}</body>${oob(CAT)}`, [[CAT]], "look"],
    ["a URL within the words", `<body>see ${CAT}!</body>${oob(CAT)}`, [[CAT]], `see ${CAT}!`],
    ["the same in two ways", `<body>${CAT}</body>${share(CAT)}${oob(CAT)}`, [[CAT]], ""],
    ["several", `<body>${CAT}\n${DOG}</body>${oob(CAT)}${oob(DOG)}`, [[CAT], [DOG]], ""],
    ["several places of one", share(CAT, DOG), [[CAT, DOG]], ""],
    [
      "words for other clients",
      `<body>a file, see it elsewhere</body>${share(CAT)}${FALLBACK}`,
      [[CAT]],
      "",
    ],
    ["a file that is yet to come", `<body>wait</body>${share()}`, [], "wait"],
    ["a URL alone", `<body>${DOG}\n</body>`, [], DOG],
    ["a URL with words", `<body>${DOG}\nlook</body>`, [], `${DOG}\nlook`],
    ["another's URL as the text", `<body>${DOG}</body>${oob(CAT)}`, [[CAT]], DOG],
  ])("%s", (_, inside, files, words) => {
    const message = read(inside);
    expect(declaredFiles(message).map(({ urls }) => urls)).toEqual(files);
    expect(wordsOf(message, (message.body ?? "").trim())).toBe(words);
    // A bare URL may be a file.
    expect(isFilesOnly(message)).toBe(words === DOG || (files.length > 0 && words === ""));
  });
});

it("places of files that were announced elsewhere are unproven, also where they are plain places too", () => {
  const attached =
    `<attach-to xmlns="urn:xmpp:message-attaching:1" id="m"/><sources xmlns="urn:xmpp:sfs:0">` +
    `<url-data xmlns="http://jabber.org/protocol/url-data" target="${CAT}"/></sources>`;
  expect(declaredFiles(read(attached + oob(CAT) + oob(DOG)))).toEqual([
    { urls: [CAT], isUnproven: true },
    { urls: [DOG] },
  ]);
});

it("the name that the sender gives goes with the file", () => {
  expect(declaredFiles(read(share(CAT)))[0]?.metadata).toMatchObject({ name: "cat.png" });
});

it("what addresses the agent is not in front of the caption any more", () => {
  const message = read(`<body>bot: look\n${CAT}</body>${oob(CAT)}`);
  expect(wordsOf(message, `look\n${CAT}`)).toBe("look");
});
