import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/services/**', 'node_modules/**'],
    globalSetup: ['test/global-setup.ts'],
    testTimeout: 30_000,
    // Shared build machines stall now and then, and some promises here are about time; what is broken fails twice.
    retry: process.env.CI ? 1 : 0,
    hookTimeout: 60_000,
    // Every file may own worker threads of its own; more forks than cores only make them wait for one another.
    maxWorkers: 2,
    pool: 'forks',
  },
})
