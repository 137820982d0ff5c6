import { beforeBlindsTime, dark, somebodyPresent } from './clauses.ts'
import { disabled, type Rule, whenAll } from './rule.ts'

/** Before the evening, somebody present, and dark: the blinds open. */
export const blindsOpen: Rule = {
  name: 'blinds-open',
  kind: 'blinds',
  judge: (inputs) =>
    inputs.rules.blindsOpen
      ? whenAll([beforeBlindsTime(inputs), somebodyPresent(inputs), dark(inputs)], 100)
      : disabled('opening the blinds'),
}
