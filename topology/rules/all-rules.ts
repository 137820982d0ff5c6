import { blindsClose } from './blinds-close.ts'
import { blindsOpen } from './blinds-open.ts'
import { lights } from './lights.ts'
import { radiatorDown } from './radiator-down.ts'
import { radiatorUp } from './radiator-up.ts'
import type { Rule } from './rule.ts'

/**
 * The rules of a room in their order of precedence: where two want the same device in different places, the first one wins. So
 * humid air closes the blinds although it is dark, and they open when it is dry again and still dark. The two rules of the
 * radiator never want anything at the same time.
 */
export const ALL_RULES: readonly Rule[] = [radiatorUp, radiatorDown, blindsClose, blindsOpen, lights]
