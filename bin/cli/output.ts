export type Cell = string | number | undefined

export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
}

/** Where a command says what it found: text for people, or one JSON document. */
export interface Output {
  readonly isJson: boolean
  /** A person watches. */
  readonly isTerminal: boolean
  /** The one document of `--json`; nothing else goes to standard output then. */
  json(document: unknown): void
  line(text?: string): void
  table(columns: readonly (string | Column)[], rows: readonly (readonly Cell[])[]): void
  /** To standard error, so that it never gets into what is piped on. */
  note(text: string): void
  /** How far something long is: one line that is written over where a person watches, nothing elsewhere. */
  progress(text: string): void
  /** Text in the place of what was drawn before it, where a person watches; elsewhere the `last` one alone. */
  redraw(text: string, last: boolean): void
}

export interface Streams {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly isTerminal: boolean
  /** Of the terminal. */
  readonly columns?: () => number | undefined
}

export function createOutput({ out, err, isTerminal, columns }: Streams, isJson: boolean): Output {
  let hasProgress = false
  let drawnLines = 0
  const endProgress = (): void => {
    if (hasProgress) err('\r\u001b[2K')
    hasProgress = false
  }
  const say = (text: string): void => {
    endProgress()
    if (!isJson) out(`${text}\n`)
  }
  return {
    isJson,
    isTerminal,
    json: (document) => {
      endProgress()
      if (isJson) out(`${JSON.stringify(document, plainMaps, 2)}\n`)
    },
    line: (text = '') => say(text),
    table: (columns, rows) => say(tableText(columns, rows)),
    note: (text) => {
      endProgress()
      err(`${text}\n`)
    },
    progress: (text) => {
      if (!isTerminal) return
      err(`\r\u001b[2K${text}`)
      hasProgress = true
    },
    redraw: (text, last) => {
      endProgress()
      if (isJson) return
      if (isTerminal && drawnLines > 0) out(`\u001b[${drawnLines}F\u001b[J`)
      // A line that wraps would be two to come back over.
      const width = isTerminal ? (columns?.() ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY
      const lines = text.split('\n').map((line) => line.slice(0, width))
      drawnLines = lines.length
      if (isTerminal || last) out(`${lines.join('\n')}\n`)
    },
  }
}

/** Columns as wide as they have to be, two spaces between; numbers to the right, `-` for what is not there. */
export function tableText(columns: readonly (string | Column)[], rows: readonly (readonly Cell[])[]): string {
  const heads = columns.map((column) => (typeof column === 'string' ? { title: column } : column))
  const texts = rows.map((row) => row.map((cell) => (cell === undefined || cell === '' ? '-' : String(cell))))
  const widths = heads.map(({ title }, i) => Math.max(title.length, ...texts.map((row) => row[i]?.length ?? 0)))
  const isRight = heads.map(({ align }, i) =>
    align === undefined ? rows.length > 0 && rows.every((row) => typeof row[i] !== 'string') : align === 'right',
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((text, i) => (isRight[i] ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd()
  return [line(heads.map(({ title }) => title)), ...texts.map(line)].join('\n')
}

/** `1536` → `1.5 KiB` */
export function bytesText(sizeBytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let size = sizeBytes
  let unit = 0
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024
    unit++
  }
  return unit === 0 ? `${size} B` : `${size.toFixed(1)} ${units[unit]}`
}

/** `14400000` → `4 h`; `undefined` stays so. */
export function durationText(ms: number | undefined): string | undefined {
  if (ms === undefined) return undefined
  if (ms < 0 || ms >= Number.MAX_SAFE_INTEGER) return 'for ever'
  for (const [unit, size] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ] as const)
    if (ms >= size && ms % size === 0) return `${ms / size} ${unit}`
  return `${ms} ms`
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

function plainMaps(_key: string, value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value) : value
}
