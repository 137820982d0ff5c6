import { nobodyPresent } from './clauses.ts'
import { disabled, type Rule, whenAll } from './rule.ts'

/** Nobody present: the radiator goes down. */
export const radiatorDown: Rule = {
  name: 'radiator-down',
  kind: 'radiator',
  judge: (inputs) =>
    inputs.rules.radiatorDown
      ? whenAll([nobodyPresent(inputs)], inputs.rules.radiatorUnoccupiedPercent)
      : disabled('turning the radiator down'),
}
