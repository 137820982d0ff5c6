import type { YamlPath } from '../../common/yaml.ts'
import { parsePointer } from './json-pointer.ts'
import type { PayloadForm } from './mapping-language.ts'
import { isPointer, levelsNamed } from './mapping-source.ts'

/** What is wrong with a mapping, and where. */
export interface MappingProblem {
  readonly path: YamlPath
  readonly text: string
}

/** Takes a problem; `text` goes on from the name of the rule: `has …`. */
export type Report = (path: YamlPath, text: string) => void

export type Fields = Readonly<Record<string, unknown>>

/** What the parts of a rule may refer to. */
export interface RuleContext {
  /** The levels that the topic names. */
  readonly levels: ReadonlySet<string>
  readonly payload: PayloadForm
}

/** A text that is a pointer or names levels of the topic only. */
export function sourceProblems(
  source: unknown,
  what: string,
  context: RuleContext,
  path: YamlPath,
  report: Report,
): void {
  if (typeof source !== 'string' || source === '') {
    report(path, `has a ${what} that is not a text`)
    return
  }
  if (isPointer(source)) {
    pointerProblems(source, what, context, path, report)
    return
  }
  for (const name of levelsNamed(source))
    if (!context.levels.has(name)) report(path, `has <${name}> in its ${what}, which its topic does not name`)
}

export function pointerProblems(
  pointer: unknown,
  what: string,
  context: RuleContext,
  path: YamlPath,
  report: Report,
): void {
  if (typeof pointer !== 'string' || parsePointer(pointer) === undefined)
    report(path, `has the ${what} ${show(pointer)}, which is no JSON pointer: write it as /field or /object/field`)
  else if (context.payload !== 'json') report(path, `takes ${what} from a field, but its payload is ${context.payload}`)
}

export function unknownFields(fields: Fields, known: readonly string[], path: YamlPath, report: Report): void {
  for (const name of Object.keys(fields))
    if (!known.includes(name))
      report([...path, name], `has an unknown field ${show(name)}: there are ${known.join(', ')}`)
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** For messages: short, whatever it is. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}
