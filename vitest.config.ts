import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "test/contract/**/*.test.ts", "test/chaos/**/*.test.ts"],
          // Nothing here takes a second on a quiet machine; on a busy one, a slow test is no failed one.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.e2e.ts"],
          globalSetup: ["test/support/redaction.ts"],
          // After the unit tests, in workers that keep their modules: the files of each share test/support/stage.ts.
          sequence: { groupOrder: 1 },
          isolate: false,
          testTimeout: 300_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
