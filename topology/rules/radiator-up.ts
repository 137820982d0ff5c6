import { somebodyPresent } from './clauses.ts'
import { disabled, type Rule, whenAll } from './rule.ts'

/** Somebody present: the radiator goes up. */
export const radiatorUp: Rule = {
  name: 'radiator-up',
  kind: 'radiator',
  judge: (inputs) =>
    inputs.rules.radiatorUp
      ? whenAll([somebodyPresent(inputs)], inputs.rules.radiatorOccupiedPercent)
      : disabled('turning the radiator up'),
}
