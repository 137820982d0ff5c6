import { type JsonPointer, parsePointer } from './json-pointer.ts'
import type { Source } from './mapping-language.ts'

/** The named levels of one topic. */
export type Levels = ReadonlyMap<string, string>

/** A source as it is asked: a pointer into the payload, or a text in which levels are filled in. */
export type CompiledSource = { readonly pointer: JsonPointer; readonly text: string } | Template

interface Template {
  /** Between two texts stands the level of the same place in `names`. */
  readonly texts: readonly string[]
  readonly names: readonly string[]
}

const LEVEL = /<([^<>]+)>/g

export function isPointer(source: Source): boolean {
  return source.startsWith('/')
}

/** The levels that a source names. */
export function levelsNamed(source: Source): readonly string[] {
  return isPointer(source) ? [] : [...source.matchAll(LEVEL)].map(([, name]) => name as string)
}

/** `source` has been checked. */
export function compileSource(source: Source): CompiledSource {
  if (isPointer(source)) return { pointer: parsePointer(source) as JsonPointer, text: source }
  const pieces = source.split(LEVEL)
  return { texts: pieces.filter((_, i) => i % 2 === 0), names: pieces.filter((_, i) => i % 2 === 1) }
}

/** The text with the levels of a topic in it. */
export function fill({ texts, names }: Template, levels: Levels): string {
  if (names.length === 1 && texts[0] === '' && texts[1] === '') return levels.get(names[0] as string) ?? ''
  return texts.reduce((filled, text, i) => filled + (levels.get(names[i - 1] as string) ?? '') + text)
}
