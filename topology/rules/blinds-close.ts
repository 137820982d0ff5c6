import { humid } from './clauses.ts'
import { disabled, type Rule, whenAll } from './rule.ts'

/** Humid air: the blinds close. */
export const blindsClose: Rule = {
  name: 'blinds-close',
  kind: 'blinds',
  judge: (inputs) => (inputs.rules.blindsClose ? whenAll([humid(inputs)], 0) : disabled('closing the blinds')),
}
