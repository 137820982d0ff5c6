/** A row of a CSV file, with the line that it begins on, from 1. */
export interface CsvRow {
  readonly line: number
  readonly cells: readonly string[]
  /** The row has a quotation mark that is not closed; it was read as if there were none. */
  readonly isOpen?: true
}

const DELIMITERS = ['\t', ';', ','] as const

/** The rows that are not empty. The delimiter (tab, semicolon or comma) is the most frequent one of the first of them. */
export function csvRows(text: string): readonly CsvRow[] {
  const delimiter = delimiterOf(text)
  const rows: CsvRow[] = []
  for (let at = 0, line = 1; at < text.length; ) {
    const quoted = readRow(text, at, delimiter)
    const end = quoted?.end ?? endOfLine(text, at)
    const cells = quoted?.cells ?? text.slice(at, end).split(delimiter)
    const trimmed = cells.map((cell) => cell.trim())
    if (trimmed.some((cell) => cell !== '')) rows.push({ line, cells: trimmed, ...(quoted ? {} : { isOpen: true }) })
    for (let i = at; i < end; i++) if (isBreak(text, i)) line++
    line++
    at = end + (text.startsWith('\r\n', end) ? 2 : 1)
  }
  return rows
}

/** `undefined` when a quotation mark is not closed. */
function readRow(text: string, start: number, delimiter: string): { cells: string[]; end: number } | undefined {
  const cells: string[] = []
  let cell = ''
  let at = start
  for (;;) {
    if (cell.trim() === '' && text[at] === '"') {
      const close = closingQuote(text, at + 1)
      cell = text.slice(at + 1, close).replaceAll('""', '"')
      at = close + 1
      // Else it is the mark that opens a later row.
      if (close < 0 || !(at >= text.length || `${delimiter}\r\n `.includes(text[at]!))) return undefined
    } else if (at >= text.length || text[at] === '\n' || text[at] === '\r') {
      cells.push(cell)
      return { cells, end: at }
    } else if (text[at] === delimiter) {
      cells.push(cell)
      cell = ''
      at++
    } else cell += text[at++]
  }
}

function closingQuote(text: string, from: number): number {
  for (let at = from; ; ) {
    const quote = text.indexOf('"', at)
    if (quote < 0 || text[quote + 1] !== '"') return quote
    at = quote + 2
  }
}

function endOfLine(text: string, from: number): number {
  for (let at = from; at < text.length; at++) if (text[at] === '\n' || text[at] === '\r') return at
  return text.length
}

/** `\r\n` is one break, at its `\n`. */
function isBreak(text: string, at: number): boolean {
  return text[at] === '\n' || (text[at] === '\r' && text[at + 1] !== '\n')
}

function delimiterOf(text: string): string {
  const first = text.split(/[\r\n]+/).find((line) => line.trim() !== '') ?? ''
  const bare = first.replaceAll(/"[^"]*"/g, '')
  const counts = DELIMITERS.map((delimiter) => bare.split(delimiter).length)
  return DELIMITERS[counts.indexOf(Math.max(...counts))] ?? ','
}
