import { describe, expect, it } from 'vitest'
import { type KTable, StreamsBuilder, serdes, TopologyTestDriver } from '../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }
type Texts = KTable<string, string>

const JOINS: Readonly<Record<string, (left: Texts, right: Texts) => Texts>> = {
  'a join': (left, right) => left.join(right, (a, b) => `${a}|${b}`),
  'a left join': (left, right) => left.leftJoin(right, (a, b) => `${a}|${b ?? '-'}`),
  'a join by foreign key': (left, right) =>
    left.join(
      right,
      () => 'k',
      (a, b) => `${a}|${b}`,
    ),
  'a left join by foreign key': (left, right) =>
    left.leftJoin(
      right,
      () => 'k',
      (a, b) => `${a}|${b ?? '-'}`,
    ),
}

/** The left table sends its updates on at once, the right one holds them back until the commit. */
async function driverOf(join: (left: Texts, right: Texts) => Texts): Promise<TopologyTestDriver> {
  const builder = new StreamsBuilder()
  const left = builder.table('left', { ...TEXT, store: 'left', caching: false })
  const right = builder.table('right', { ...TEXT, store: 'right', caching: true })
  join(left, right).toStream().to('out', TEXT)
  return TopologyTestDriver.create(builder.build(), { commitEveryRecord: false })
}

describe('a row that comes and goes in the record cache', () => {
  it.each(Object.entries(JOINS))('takes back what %s has made of it meanwhile', async (name, join) => {
    const driver = await driverOf(join)
    const [left, right] = [driver.createInputTopic('left', TEXT), driver.createInputTopic('right', TEXT)]
    const out = driver.createOutputTopic('out', TEXT)
    right.pipeInput('k', 'r', 1)
    left.pipeInput('k', 'l', 2)
    right.pipeInput('k', null, 3)
    for (let i = 0; i < 4; i++) driver.commit()
    expect(out.readToMap().get('k') ?? null).toBe(name.includes('left') ? 'l|-' : null)
    await driver.close()
  })

  it('is not spoken of where nobody has read it', async () => {
    const driver = await driverOf((left, right) => left.outerJoin(right, (a, b) => `${a ?? '-'}|${b ?? '-'}`))
    const right = driver.createInputTopic('right', TEXT)
    right.pipeInput('k', 'r', 1)
    right.pipeInput('k', null, 2)
    driver.commit()
    expect(driver.createOutputTopic('out', TEXT).readRecords()).toEqual([])
    await driver.close()
  })

  it('is not spoken of where a stream was joined with it: those results stay', async () => {
    const builder = new StreamsBuilder()
    const table = builder.table('right', { ...TEXT, store: 'right', caching: true })
    builder
      .stream('left', TEXT)
      .join(table, (a, b) => `${a}|${b}`)
      .to('joined', TEXT)
    table.toStream().to('out', TEXT)
    const driver = await TopologyTestDriver.create(builder.build(), { commitEveryRecord: false })
    const right = driver.createInputTopic('right', TEXT)
    right.pipeInput('k', 'r', 1)
    driver.createInputTopic('left', TEXT).pipeInput('k', 'l', 2)
    right.pipeInput('k', null, 3)
    driver.commit()
    expect(driver.createOutputTopic('joined', TEXT).readToMap().get('k')).toBe('l|r')
    expect(driver.createOutputTopic('out', TEXT).readRecords()).toEqual([])
    await driver.close()
  })
})
