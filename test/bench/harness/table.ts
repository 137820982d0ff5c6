import { cpus, totalmem } from 'node:os'
import { type CaseResult, type Measured, median } from './measured.ts'

const BEGIN = '<!-- begin: npm run bench -- --write -->'
const END = '<!-- end -->'

/** What the numbers were measured on. */
export function machine(): string {
  const [cpu] = cpus()
  return `${cpus().length} × ${cpu?.model ?? 'unknown'}, ${Math.round(totalmem() / 1024 ** 3)} GiB, Node ${process.versions.node}, Kafka 4.3.1 on the same cores`
}

/** The results as a Markdown table: medians, and the least and most of the runs. */
export function markdown(results: readonly CaseResult[]): string {
  const rows = results.map(({ name, runs }) => {
    const of = (pick: (m: Measured) => number): number[] => runs.map(pick)
    const rates = of((m) => m.recordsPerSecond)
    return [
      name,
      `**${thousands(median(rates))}**`,
      `${thousands(Math.min(...rates))} – ${thousands(Math.max(...rates))}`,
      thousands(median(of((m) => m.inclusivePerSecond))),
      median(of((m) => m.cpuMicrosPerRecord)).toFixed(2),
      String(Math.round(median(of((m) => m.maxRssMb)))),
    ]
  })
  const head = ['job', 'records/s', 'least – most', 'incl. commit and close', 'CPU µs/record', 'RSS MB']
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n')
}

/** The document with this text between its markers. */
export function withTable(document: string, text: string): string {
  const begin = document.indexOf(BEGIN)
  const end = document.indexOf(END, begin)
  if (begin < 0 || end < 0) throw new Error(`docs/benchmarks.md has no ${BEGIN} … ${END}`)
  return `${document.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${document.slice(end)}`
}

/** The document with these rows in its table: in the place of the job's old row, or else at the end. The others stay as they were measured. */
export function withRows(document: string, table: string): string {
  const begin = document.indexOf(BEGIN) + BEGIN.length
  const old = document.slice(begin, document.indexOf(END, begin)).trim().split('\n')
  const rows = new Map(
    table
      .split('\n')
      .slice(2)
      .map((row) => [jobOf(row), row]),
  )
  const kept = old.map((row) => {
    const fresh = rows.get(jobOf(row))
    rows.delete(jobOf(row))
    return fresh ?? row
  })
  return withTable(document, [...kept, ...rows.values()].join('\n'))
}

function jobOf(row: string): string {
  return row.split('|')[1]?.trim() ?? ''
}

function thousands(value: number): string {
  return `${Math.round(value / 1_000).toLocaleString('en-US')} k`
}
