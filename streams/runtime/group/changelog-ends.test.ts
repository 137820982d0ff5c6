import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../../common/log.ts'
import type { Admin } from '../../../kafka/port.ts'
import { StreamsBuilder, serdes } from '../../index.ts'
import { Application } from '../client/application.ts'
import { changelogEnds } from './changelog-ends.ts'

const TEXT = { key: serdes.string, value: serdes.string }

function application(): Application {
  const builder = new StreamsBuilder()
  builder
    .table('names', { ...TEXT, store: 'names-store' })
    .toStream()
    .groupByKey()
    .count({ store: 'counts' })
  builder.stream('plain', TEXT).to('elsewhere')
  return new Application('app', builder.build({ topologyOptimization: 'all' }))
}

const admin = (answers: Partial<Admin>): Admin => answers as Admin

describe('changelogEnds', () => {
  const tasks = ['0_0', '0_1', '1_0']

  it('sums the ends of a task’s changelogs, of source topics what is committed, and leaves out tasks without any', async () => {
    const asked: string[] = []
    const ends = await changelogEnds(
      application(),
      tasks,
      admin({
        endOffsets: async (partitions, isolationLevel) => {
          asked.push(...partitions.map((p) => `${p.topic}-${p.partition} ${isolationLevel}`))
          return new Map([
            ['app-counts-changelog-0', 10],
            ['app-counts-changelog-1', 20],
          ])
        },
        committedOffsets: async () => new Map([['names-1', { offset: 7 }]]),
      }),
      'read_committed',
      silentLogger,
    )
    expect([...ends]).toEqual([
      ['0_0', 10],
      ['0_1', 27],
    ])
    expect(asked).toEqual(['app-counts-changelog-0 read_committed', 'app-counts-changelog-1 read_committed'])
  })

  it('does not know them when nobody answers', async () => {
    const failing = admin({
      endOffsets: () => Promise.reject(new Error('no broker')),
      committedOffsets: async () => new Map(),
    })
    expect([...(await changelogEnds(application(), tasks, failing, 'read_committed', silentLogger))]).toEqual([
      ['0_0', undefined],
      ['0_1', undefined],
    ])
  })
})
