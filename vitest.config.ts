import { defineConfig } from 'vitest/config'
import { soakLimitMs } from './test/support/soak.ts'

/** A difference of two long lists would take longer to draw than the test took. */
const diff = { truncateThreshold: 200 }
const shared = { pool: 'forks' as const, diff, exclude: ['node_modules/**', 'dist/**', 'data/**'] }

/** `unit` needs nothing but Node; `integration`, and `soak` with its long tests, need the real servers that `test/support/servers.ts` starts. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: [...shared.exclude, '**/*.integration.test.ts', '**/*.soak.test.ts'],
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
      {
        test: {
          ...shared,
          name: 'soak',
          include: ['test/soak/**/*.soak.test.ts'],
          globalSetup: ['test/support/servers.ts'],
          fileParallelism: false,
          testTimeout: soakLimitMs(),
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
