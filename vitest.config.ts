import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "test/contract/**/*.test.ts", "test/chaos/**/*.test.ts"],
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.e2e.ts"],
          globalSetup: ["test/support/redaction.ts"],
          // One after another in one worker that keeps its modules: they share test/support/stage.ts.
          fileParallelism: false,
          isolate: false,
          testTimeout: 120_000,
          hookTimeout: 360_000,
        },
      },
    ],
  },
});
