import { expect, it } from "vitest";

import { FAULT_KINDS, planFaults, type FaultKind } from "./schedule.ts";

it("the same seed gives the same faults, another one others", () => {
  expect(planFaults({ seed: 7, faults: 40 })).toEqual(planFaults({ seed: 7, faults: 40 }));
  expect(planFaults({ seed: 7, faults: 40 })).not.toEqual(planFaults({ seed: 8, faults: 40 }));
});

it("a longer run begins as a shorter one", () => {
  expect(planFaults({ seed: 3, faults: 100 }).slice(0, 12)).toEqual(
    planFaults({ seed: 3, faults: 12 }),
  );
});

it("every kind comes equally often, but the one that takes long", () => {
  const plan = planFaults({ seed: 1, faults: FAULT_KINDS.length * 4 - 3 });
  const counts = Map.groupBy(plan, ({ kind }) => kind);
  const timesOf = (kind: FaultKind) => counts.get(kind)?.length;
  expect(FAULT_KINDS.map(timesOf)).toEqual(
    FAULT_KINDS.map((kind) => (kind === "dead-line" ? 1 : 4)),
  );
});

it("one kind alone comes each time", () => {
  const plan = planFaults({ seed: 1, faults: 3, kinds: ["dead-line"] });
  expect(plan.map(({ kind }) => kind)).toEqual(["dead-line", "dead-line", "dead-line"]);
});
