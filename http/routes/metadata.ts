import { InstanceDocument, TaskDocument } from '../api-schemas.ts'
import { toJson } from '../json.ts'
import { requireStreams } from '../streams-view.ts'
import { z } from '../zod.ts'
import type { RouteContext } from './context.ts'
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

export function metadataRoutes({ streams }: RouteContext): readonly Route[] {
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
      path: '/v1/tasks',
      tag: 'metadata',
      summary: 'The tasks of this instance',
      answers: {
        200: { description: 'the tasks', schema: z.object({ state: z.string(), tasks: z.array(TaskDocument) }) },
      },
      problems: ['NOT_RUNNING'],
      handle: async () => {
        const client = requireStreams(streams)
        return { json: { state: client.state, tasks: toJson(client.tasks()) } }
      },
    }),
  ]
}
