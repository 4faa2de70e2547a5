import { defineConfig } from 'vitest/config'

/** Tests that start programs from outside npm: databases, Prometheus, a browser. `test/services/install.sh` gets them. */
export default defineConfig({
  test: {
    include: ['test/services/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    testTimeout: 60_000,
    // Shared build machines stall now and then, and some promises here are about time; what is broken fails twice.
    retry: process.env.CI ? 1 : 0,
    hookTimeout: 120_000,
    // A database or a browser beside the workers of a gate: one such test at a time.
    maxWorkers: 1,
    pool: 'forks',
  },
})
