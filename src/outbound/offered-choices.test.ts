/** What is known of choices that were offered: the last ones of a conversation, and those in a text. */
import { expect, it } from "vitest";
import { bareJid } from "../protocol/jid.ts";
import { createOfferedChoices, noteRendered, renderedInto } from "./offered-choices.ts";

const CHOICES = [{ label: "Tea", value: "drink:tea" }];
const OTHERS = [{ label: "Coffee", value: "drink:coffee" }];
const place = (name: string) => bareJid(`${name}@example`)!;

it("the last ones of each conversation are kept, of the conversations of late", () => {
  const offered = createOfferedChoices();
  offered.note(place("alice"), "m1", OTHERS);
  offered.note(place("alice"), "m2", CHOICES);
  expect(offered.last(place("alice"))).toEqual({ messageId: "m2", choices: CHOICES });
  expect(offered.last(place("bob"))).toBeUndefined();
  for (let count = 0; count < 300; count++) offered.note(place(`p${count}`), "m", OTHERS);
  expect(offered.last(place("alice"))).toBeUndefined();
  expect(offered.last(place("p0"))).toBeDefined();
});

it("those in a text belong to that very text, as it was rendered last", () => {
  noteRendered("Which?", OTHERS);
  noteRendered("Which?", CHOICES);
  expect(renderedInto("Which?")).toEqual(CHOICES);
  expect(renderedInto("Which? ")).toEqual([]);
  noteRendered("Which?", []);
  expect(renderedInto("Which?")).toEqual([]);
});

it("texts that were never sent are forgotten, the oldest first", () => {
  noteRendered("early", CHOICES);
  for (let count = 0; count < 49; count++) noteRendered(`text ${count}`, CHOICES);
  expect(renderedInto("early")).toEqual(CHOICES);
  noteRendered("one more", CHOICES);
  expect(renderedInto("early")).toEqual([]);
  expect(renderedInto("one more")).toEqual(CHOICES);
});
