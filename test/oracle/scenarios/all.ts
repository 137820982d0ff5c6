import { BASICS } from './basics.ts'
import { COGROUP } from './cogroup.ts'
import { EMIT_FINAL } from './emit-final.ts'
import { FOREIGN_KEYS } from './foreign-keys.ts'
import { LRU } from './lru.ts'
import { OPTIMISED } from './optimised.ts'
import { RULES } from './rules.ts'
import { SESSIONS } from './sessions.ts'
import type { Scenarios } from './shared.ts'
import { SLIDING } from './sliding.ts'
import { SUPPRESS } from './suppress.ts'
import { TRANSFORM_VALUES } from './transform-values.ts'
import { VERSIONED } from './versioned.ts'

/** Every area of the DSL that is fed records, under its name in `golden/`. Processors of the user's own, with what they keep in memory, are not among them. */
export const AREAS: Readonly<Record<string, Scenarios>> = {
  basics: BASICS,
  cogroup: COGROUP,
  'emit-final': EMIT_FINAL,
  'foreign-keys': FOREIGN_KEYS,
  lru: LRU,
  optimised: OPTIMISED,
  rules: RULES,
  sessions: SESSIONS,
  sliding: SLIDING,
  suppress: SUPPRESS,
  'transform-values': TRANSFORM_VALUES,
  versioned: VERSIONED,
}
