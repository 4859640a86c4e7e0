import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/contract/**/*.test.ts", "test/e2e/**/*.e2e.ts"],
  },
});
