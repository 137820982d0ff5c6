import type { StoreRow } from '../../streams/index.ts'
import { storeParams } from '../api-schemas.ts'
import { toJson } from '../json.ts'
import { KEY_TYPES, keyFromText, storeKeys } from '../query/keys.ts'
import { StoreStream } from '../store-stream/store-stream.ts'
import { requireStreams } from '../streams-view.ts'
import { isoTime } from '../times.ts'
import { viewOf } from '../views.ts'
import { z } from '../zod.ts'
import type { QueryContext } from './context.ts'
import { gatherQuery } from './gather-query.ts'
import { type Route, route } from './route.ts'
import { checkPartitions } from './scan-answer.ts'
import { requireType } from './stores.ts'

export const STORE_STREAM_PATH = '/v1/stores/{store}/stream'

export function storeStreamRoutes({ streams, peers, views, stores }: QueryContext): readonly Route[] {
  return [
    route({
      method: 'get',
      path: STORE_STREAM_PATH,
      tag: 'live queries',
      summary:
        'Server-sent events: the rows of a store, or of one key (between snapshot and ready), then each committed change; Last-Event-ID goes on where it stopped',
      params: storeParams,
      query: z.object({
        key: z.string().max(8_192).optional().meta({ description: 'only this key' }),
        keyType: z.enum(KEY_TYPES).optional(),
        partitions: gatherQuery.shape.partitions,
      }),
      codes: { key: 'BAD_KEY', keyType: 'BAD_KEY' },
      answers: {
        200: {
          description:
            'events snapshot, row, change (value null: deleted), ready, resume, interrupted, heartbeat and closing; ids tell where the listener stands',
          schema: z.string(),
          contentType: 'text/event-stream',
        },
      },
      problems: [
        'BAD_KEY',
        'BAD_REQUEST',
        'CLIENTS',
        'NOT_OWNER',
        'NOT_RUNNING',
        'RESTORING',
        'STORE_TYPE',
        'STORE_UNKNOWN',
      ],
      handle: async ({ params: { store }, query, isHop, lastEventId, pathAndQuery }) => {
        const client = requireStreams(streams)
        const info = requireType(client, store, ['key-value', 'window', 'session', 'versioned'])
        checkPartitions(query.partitions, info.partitions)
        stores.checkRoom()
        const { key: text, keyType } = query
        const key = text === undefined ? undefined : await keyFromText(storeKeys(client, store), text, keyType)
        const view = viewOf(views, store)
        const all = Array.from({ length: info.partitions }, (_, partition) => partition)
        const stream = new StoreStream({
          hub: stores,
          streams: client,
          peers,
          store,
          key,
          partitions:
            key === undefined ? (query.partitions ?? all) : [client.queries.metadataForKey(store, key.key).partition],
          show: (row) => JSON.stringify(rowJson(row, view)),
          isHop,
          lastEventId,
          pathFor: (partitions) => {
            const search = new URLSearchParams({ partitions: partitions.join(',') })
            if (text !== undefined) search.set('key', text)
            if (keyType !== undefined) search.set('keyType', keyType)
            return `${new URL(pathAndQuery, 'http://peer').pathname}?${search}`
          },
        })
        if (isHop) stream.checkHere()
        return { stream: (_, response) => stream.listen(response) }
      },
    }),
  ]
}

function rowJson({ key, startMs, endMs, value, timestampMs }: StoreRow, view: (value: unknown) => unknown) {
  return {
    key: toJson(key),
    ...(startMs === undefined ? {} : { start: isoTime(startMs), startMs }),
    ...(endMs === undefined ? {} : { end: isoTime(endMs), endMs }),
    value: value === null ? null : view(value),
    timestamp: isoTime(timestampMs),
    timestampMs,
  }
}
