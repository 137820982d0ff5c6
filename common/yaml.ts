import { isMap, isPair, isScalar, isSeq, LineCounter, type Node, parse, parseDocument } from 'yaml'

/** The value that a YAML (or JSON) text holds; `null` for an empty one. @throws {Error} that says where it is not YAML. */
export function parseYaml(text: string): unknown {
  return parse(text) as unknown
}

/** Names and indexes that lead to a part of a document. */
export type YamlPath = readonly (string | number)[]

export interface LinedYaml {
  readonly value: unknown
  /** The line, from 1, at which the part begins; that of what would hold it when there is no such part. */
  lineOf(path: YamlPath): number
}

/** As {@link parseYaml}, with the lines kept. @throws {Error} whose message is one line with the place of the first mistake. */
export function parseYamlWithLines(text: string): LinedYaml {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: true })
  const [mistake] = document.errors
  if (mistake) throw new Error(mistake.message.split('\n')[0]?.replace(/:$/, ''))
  const value: unknown = document.toJS({ maxAliasCount: 100 })
  return {
    value,
    lineOf(path) {
      let node: unknown = document.contents
      let offset = startOf(node)
      for (const step of path) {
        const next = child(node, step)
        if (next === undefined) break
        node = next.node
        offset = next.offset ?? offset
      }
      return lines.linePos(offset ?? 0).line
    },
  }
}

function child(node: unknown, step: string | number): { node: unknown; offset: number | undefined } | undefined {
  if (isSeq(node) && typeof step === 'number') {
    const item = node.items[step]
    return item === undefined ? undefined : { node: item, offset: startOf(item) }
  }
  if (!isMap(node)) return undefined
  const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(step))
  return pair && { node: pair.value, offset: startOf(pair.key) }
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null)?.range?.[0]
}
