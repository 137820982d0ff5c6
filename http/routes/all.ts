import { toJson } from '../json.ts'
import { openApiDocument } from '../openapi.ts'
import { z } from '../zod.ts'
import type { QueryContext, RouteContext } from './context.ts'
import { healthRoutes } from './health.ts'
import { keyRoutes } from './keys.ts'
import { buildingRoutes } from './live.ts'
import { metadataRoutes } from './metadata.ts'
import { partRoutes } from './parts.ts'
import { postQueryRoute } from './post-query.ts'
import { type Route, route } from './route.ts'
import { scanRoutes } from './scans.ts'
import { storeStreamRoutes } from './store-stream.ts'
import { storeRoutes } from './stores.ts'
import { zwaveRoutes } from './zwave.ts'

/** Every operation of the interface, with the document that describes them. */
export function allRoutes(context: RouteContext, hasToken: boolean): readonly Route[] {
  return described(
    [
      ...storesRoutes(context),
      ...metadataRoutes(context),
      ...buildingRoutes(context),
      ...zwaveRoutes(context),
      ...healthRoutes(context),
      ...partRoutes(context),
    ],
    context.version,
    hasToken,
  )
}

/** Those that any stream application can serve. */
export function queryRoutes(context: QueryContext, hasToken: boolean): readonly Route[] {
  return described([...storesRoutes(context), ...metadataRoutes(context)], context.version, hasToken)
}

function storesRoutes(context: QueryContext): readonly Route[] {
  const reads = [...keyRoutes(context), ...scanRoutes(context)]
  return [...storeRoutes(context), ...reads, postQueryRoute(reads), ...storeStreamRoutes(context)]
}

function described(operations: readonly Route[], version: string, hasToken: boolean): readonly Route[] {
  const routes: readonly Route[] = [
    ...operations,
    route({
      method: 'get',
      path: '/openapi.json',
      tag: 'operations',
      summary: 'This description',
      answers: { 200: { description: 'an OpenAPI 3.1 document', schema: z.looseObject({ openapi: z.string() }) } },
      problems: [],
      handle: async () => ({ json: document }),
    }),
  ]
  const document = toJson(openApiDocument(routes, version, hasToken))
  return routes
}
