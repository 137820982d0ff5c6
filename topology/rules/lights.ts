import { isEvening, somebodyPresent, tooDark } from './clauses.ts'
import { type Clause, conditionOf, disabled, type Finding, type Rule, type RuleInputs } from './rule.ts'

const ON = 100
const OFF = 0

/**
 * Evening or night and somebody present, or too dark at any hour: light on; else off. What is not known does not matter
 * where the rest decides: in the evening with somebody present the light goes on without a luminance reading.
 */
export const lights: Rule = {
  name: 'lights',
  kind: 'light',
  judge: (inputs) => (inputs.rules.lights ? judge(inputs) : disabled('switching the light')),
}

function judge(inputs: RuleInputs): Finding {
  const evening = isEvening(inputs)
  const present = somebodyPresent(inputs)
  const gloom = tooDark(inputs)
  const clauses = [evening, present, gloom]
  const conditions = clauses.map(conditionOf)
  const finding = (verdict: Finding['verdict'], target: number | null, because: readonly Clause[]): Finding => ({
    verdict,
    target,
    conditions,
    reason: because.map((c) => c.text).join(', and '),
    causes: because.flatMap((c) => c.causes),
  })
  const occupiedEvening = evening.holds && present.holds ? [evening, present] : []
  if (gloom.holds) return finding('wants', ON, [...occupiedEvening, gloom])
  if (occupiedEvening.length > 0) return finding('wants', ON, occupiedEvening)
  const occupied = evening.holds === false ? evening : present
  if (occupied.holds === false && gloom.holds === false) return finding('wants', OFF, [occupied, gloom])
  return finding(
    'no_data',
    null,
    [occupied, gloom].filter((c) => c.holds === undefined),
  )
}
