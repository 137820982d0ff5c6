import { describe, expect, it } from 'vitest'
import * as fc from '../../../test/support/property.ts'
import { StreamsBuilder, serdes, TopologyTestDriver } from '../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }

type Kind = 'join' | 'leftJoin'
/** A left value is its foreign key and a number; `-` is none. A burst is several updates that one record makes. */
type Command =
  | { readonly do: 'left'; readonly key: string; readonly values: readonly (string | null)[] }
  | { readonly do: 'right'; readonly key: string; readonly value: string | null }
  | { readonly do: 'commit' }

const leftValue = fc.option(
  fc.tuple(fc.constantFrom('a', 'b', 'c', '-'), fc.nat(2)).map(([key, n]) => key + n),
  { freq: 4 },
)
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('left' as const),
      key: fc.constantFrom('1', '2', '3'),
      values: fc.array(leftValue, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('right' as const),
      key: fc.constantFrom('a', 'b', 'c'),
      value: fc.option(
        fc.nat(3).map((n) => `r${n}`),
        { freq: 3 },
      ),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ do: 'commit' as const }) },
)

function topology(kind: Kind, stored: boolean) {
  const builder = new StreamsBuilder()
  const left = builder
    .stream('left', TEXT)
    .flatMapValues((list) => list.split(',').map((v) => (v === '' ? (null as never) : v)))
    .toTable({ ...TEXT, store: 'left-rows' })
  const right = builder.table('right', { ...TEXT, store: 'right-rows' })
  const key = (v: string): string | null => (v.startsWith('-') ? null : v.slice(0, 1))
  const options = stored ? { store: 'result', value: serdes.string } : {}
  const joined =
    kind === 'join'
      ? left.join(right, key, (a, b) => `${a}|${b}`, options)
      : left.leftJoin(right, key, (a, b) => `${a}|${b ?? ''}`, options)
  joined.toStream().to('out', TEXT)
  return builder.build()
}

function modelOf(kind: Kind, commands: readonly Command[]): ReadonlyMap<string, string> {
  const [left, right] = [new Map<string, string | null>(), new Map<string, string | null>()]
  for (const step of commands) {
    if (step.do === 'left') left.set(step.key, step.values.at(-1) ?? null)
    if (step.do === 'right') right.set(step.key, step.value)
  }
  const joined = new Map<string, string>()
  for (const [key, value] of left) {
    if (value === null) continue
    const other = right.get(value.slice(0, 1)) ?? undefined
    if (other !== undefined || kind === 'leftJoin') joined.set(key, `${value}|${other ?? ''}`)
  }
  return joined
}

async function adds(kind: Kind, stored: boolean, cacheMaxBytes: number, commands: readonly Command[]) {
  const driver = await TopologyTestDriver.create(topology(kind, stored), { commitEveryRecord: false, cacheMaxBytes })
  const [left, right] = [driver.createInputTopic('left', TEXT), driver.createInputTopic('right', TEXT)]
  for (const [timestampMs, step] of commands.entries()) {
    if (step.do === 'left') left.pipeInput(step.key, step.values.map((v) => v ?? '').join(','), { timestampMs })
    else if (step.do === 'right') right.pipeInput(step.key, step.value, { timestampMs })
    else driver.commit()
  }
  // One commit sends on what waited; what comes of it may wait for the next.
  for (let i = 0; i < 6; i++) driver.commit()
  const out = new Map<string, string>()
  for (const { key, value } of driver.createOutputTopic('out', TEXT).readRecords()) {
    if (value === null) out.delete(key as string)
    else out.set(key as string, value)
  }
  await driver.close()
  return out
}

const SMALL_CACHE = 400

describe('whatever is put, and whenever it is committed, the results add up to the join', () => {
  for (const kind of ['join', 'leftJoin'] as const) {
    for (const stored of [false, true]) {
      it.each([0, SMALL_CACHE, 1_000_000])(
        `${kind}, ${stored ? 'stored' : 'not stored'}, record cache of %i bytes`,
        async (cache) => {
          await fc.assert(
            fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 40, size: 'max' }), async (list) => {
              expect(await adds(kind, stored, cache, list)).toEqual(modelOf(kind, list))
            }),
            { numRuns: 60 },
          )
        },
      )
    }
  }
})
