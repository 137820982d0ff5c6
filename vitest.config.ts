import { defineConfig } from 'vitest/config'

/** A difference of two long lists would take longer to draw than the test took. */
const diff = { truncateThreshold: 200 }
const shared = { pool: 'forks' as const, diff, exclude: ['node_modules/**', 'dist/**', 'data/**'] }

/** `unit` needs nothing but Node; `integration` needs the real servers that `test/support/servers.ts` starts. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: [...shared.exclude, '**/*.integration.test.ts'],
          testTimeout: 10_000,
        },
      },
      {
        test: {
          ...shared,
          name: 'integration',
          include: ['**/*.integration.test.ts'],
          globalSetup: ['test/support/servers.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
