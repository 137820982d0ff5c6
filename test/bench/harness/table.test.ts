import { describe, expect, it } from 'vitest'
import { cases } from './cases.ts'
import { type Measured, median } from './measured.ts'
import { markdown, withRows, withTable } from './table.ts'

function measured(recordsPerSecond: number): Measured {
  return { recordsPerSecond, inclusivePerSecond: recordsPerSecond / 2, cpuMicrosPerRecord: 1.25, maxRssMb: 400.4 }
}

describe('the benchmark table', () => {
  it.each([
    [[3, 1, 2], 2],
    [[4, 1, 2, 3], 2.5],
    [[7], 7],
  ])('takes the middle of %j', (values, middle) => {
    expect(median(values)).toBe(middle)
  })

  it('has a line per job, with the median and the least and most of its runs', () => {
    const lines = markdown([{ name: 'a job', runs: [measured(900_000), measured(100_000), measured(500_000)] }]).split(
      '\n',
    )
    expect(lines).toHaveLength(3)
    expect(lines[2]).toBe('| a job | **500 k** | 100 k – 900 k | 250 k | 1.25 | 400 |')
  })

  it('replaces what stands between the markers and nothing else', () => {
    const [begin, end] = ['<!-- begin: npm run bench -- --write -->', '<!-- end -->']
    expect(withTable(`before\n${begin}\nold\n${end}\nafter`, 'new')).toBe(`before\n${begin}\n\nnew\n\n${end}\nafter`)
    expect(() => withTable('no markers', 'new')).toThrow('has no')
  })

  it('takes in the rows of some jobs, and leaves the others as they are', () => {
    const table = (...rows: readonly string[]): string => ['| job | k/s |', '| --- | ---: |', ...rows].join('\n')
    const around = (inner: string): string =>
      `before\n<!-- begin: npm run bench -- --write -->\n\n${inner}\n\n<!-- end -->\nafter`
    const old = around(`machine\n\n${table('| one | 1 |', '| two | 2 |')}`)
    expect(withRows(old, table('| two | 4 |', '| three | 3 |'))).toBe(
      around(`machine\n\n${table('| one | 1 |', '| two | 4 |', '| three | 3 |')}`),
    )
  })

  it('sets each job beside itself on Kafka Streams when asked to', () => {
    const [own, both] = [cases(false), cases(true)]
    expect(both).toHaveLength(2 * own.length)
    for (const [i, { engine, options }] of both.entries()) {
      expect(engine).toBe(i % 2 === 0 ? 'brook' : 'kafka-streams')
      expect(options).toBe(own[i >> 1]?.options)
    }
  })
})
