import { expect, it } from "vitest";

import { FAULT_KINDS, planFaults } from "./schedule.ts";

it("the same seed gives the same faults, another one others", () => {
  expect(planFaults({ seed: 7, faults: 40 })).toEqual(planFaults({ seed: 7, faults: 40 }));
  expect(planFaults({ seed: 7, faults: 40 })).not.toEqual(planFaults({ seed: 8, faults: 40 }));
});

it("a longer run begins as a shorter one", () => {
  expect(planFaults({ seed: 3, faults: 100 }).slice(0, 12)).toEqual(
    planFaults({ seed: 3, faults: 12 }),
  );
});

it("every kind comes equally often", () => {
  const plan = planFaults({ seed: 1, faults: FAULT_KINDS.length * 5 });
  const counts = Map.groupBy(plan, ({ kind }) => kind);
  expect([...counts.values()].map((faults) => faults.length)).toEqual(FAULT_KINDS.map(() => 5));
});
