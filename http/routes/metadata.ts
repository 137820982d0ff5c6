import type { InputOffsets } from '../../streams/index.ts'
import { InstanceDocument, LagsDocument, StandbyTaskDocument, storeParams, TaskDocument } from '../api-schemas.ts'
import { toJson } from '../json.ts'
import { requireStreams } from '../streams-view.ts'
import { z } from '../zod.ts'
import type { QueryContext } from './context.ts'
import { type Route, route } from './route.ts'

const NodeDocument = z
  .object({
    kind: z.enum(['source', 'processor', 'sink']),
    name: z.string(),
    predecessors: z.array(z.string()),
    successors: z.array(z.string()),
    topics: z.array(z.string()).optional(),
    stores: z.array(z.string()).optional(),
  })
  .meta({ id: 'TopologyNode' })
const TopologyDocument = z
  .object({
    subtopologies: z.array(z.object({ id: z.number().int(), global: z.boolean(), nodes: z.array(NodeDocument) })),
  })
  .meta({ id: 'Topology', description: 'as text/plain: the description that Kafka Streams prints' })

/** Records that are not processed, where the end is known. */
function withLag(offsets: InputOffsets): InputOffsets & { readonly lag?: number } {
  const { endOffset, processedOffset } = offsets
  return endOffset === undefined ? offsets : { ...offsets, lag: Math.max(0, endOffset - processedOffset) }
}

export function metadataRoutes({ streams }: QueryContext): readonly Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/topology',
      tag: 'metadata',
      summary: "The topology as a graph, or with Accept: text/plain as Kafka Streams' text",
      answers: { 200: { description: 'the topology', schema: TopologyDocument } },
      problems: ['NOT_RUNNING'],
      handle: async ({ prefersText }) => {
        const topology = requireStreams(streams).describe()
        return prefersText ? { text: topology.toString() } : { json: { subtopologies: toJson(topology.subtopologies) } }
      },
    }),
    route({
      method: 'get',
      path: '/v1/metadata',
      tag: 'metadata',
      summary: 'The instances of the application with their tasks and stores',
      answers: {
        200: {
          description: 'the instances',
          schema: z.object({ applicationId: z.string(), state: z.string(), instances: z.array(InstanceDocument) }),
        },
      },
      problems: ['NOT_RUNNING'],
      handle: async () => {
        const { applicationId, state, queries } = requireStreams(streams)
        const instances = queries.instances().map((i) => ({ ...i, endpoint: i.endpoint ?? null }))
        return { json: { applicationId, state, instances: toJson(instances) } }
      },
    }),
    route({
      method: 'get',
      path: '/v1/metadata/stores/{store}',
      tag: 'metadata',
      summary: 'The instances that have a part of a store, standbys included',
      params: storeParams,
      answers: {
        200: {
          description: 'the instances',
          schema: z.object({
            store: z.string(),
            partitions: z.array(
              z.object({
                partition: z.number().int(),
                task: z.string(),
                endpoint: z.string().nullable(),
                local: z.boolean(),
                standbys: z.array(z.string()),
              }),
            ),
          }),
        },
      },
      problems: ['STORE_UNKNOWN', 'NOT_RUNNING'],
      handle: async ({ params: { store } }) => {
        const { queries } = requireStreams(streams)
        const { partitions } = queries.store(store)
        const of = Array.from({ length: partitions }, (_, p) => queries.metadataForPartition(store, p))
        return {
          json: {
            store,
            partitions: of.map(({ partition, taskId, endpoint, local, standbys }) => ({
              partition,
              task: taskId,
              endpoint: endpoint ?? null,
              local,
              standbys,
            })),
          },
        }
      },
    }),
    route({
      method: 'get',
      path: '/v1/lags',
      tag: 'metadata',
      summary: 'How far the stores of this instance are behind their changelogs, in offsets',
      answers: { 200: { description: 'per store and partition', schema: LagsDocument } },
      problems: ['NOT_RUNNING', 'TIMEOUT'],
      handle: async () => {
        const lags = await requireStreams(streams).queries.allLocalStorePartitionLags()
        return {
          json: {
            lags: [...lags].flatMap(([store, partitions]) =>
              [...partitions].map(([partition, lag]) => ({
                store,
                partition,
                currentOffset: lag.currentOffsetPosition,
                endOffset: lag.endOffsetPosition,
                lag: lag.offsetLag,
              })),
            ),
          },
        }
      },
    }),
    route({
      method: 'get',
      path: '/v1/tasks',
      tag: 'metadata',
      summary: 'The tasks of this instance, how far they are with their inputs or their restore, and its standby tasks',
      answers: {
        200: {
          description: 'the tasks',
          schema: z.object({
            state: z.string(),
            tasks: z.array(TaskDocument),
            standbyTasks: z.array(StandbyTaskDocument),
          }),
        },
      },
      problems: ['NOT_RUNNING'],
      handle: async () => {
        const client = requireStreams(streams)
        const tasks = client.tasks().map((task) => ({ ...task, offsets: task.offsets.map(withLag) }))
        return { json: toJson({ state: client.state, tasks, standbyTasks: client.standbyTasks() }) }
      },
    }),
  ]
}
