import { check, MINUTE_MS, runStages, type Stage, vitest } from './stages.ts'

const STAGES: readonly Stage[] = [
  check('format and lint', 'biome', ['check', '--error-on-warnings', '.']),
  check('promises', 'oxlint', ['--type-aware']),
  check('types', 'tsc', ['--noEmit']),
  check('schema types', process.execPath, ['scripts/generate-schema-types.ts', '--check']),
  vitest('unit', 20 * MINUTE_MS),
  vitest('integration', 45 * MINUTE_MS),
]

process.exitCode = (await runStages(STAGES, process.argv.slice(2))) ? 0 : 1
