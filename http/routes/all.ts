import { toJson } from '../json.ts'
import { openApiDocument } from '../openapi.ts'
import { z } from '../zod.ts'
import type { RouteContext } from './context.ts'
import { healthRoutes } from './health.ts'
import { keyRoutes } from './keys.ts'
import { buildingRoutes } from './live.ts'
import { metadataRoutes } from './metadata.ts'
import { type Route, route } from './route.ts'
import { scanRoutes } from './scans.ts'
import { storeRoutes } from './stores.ts'

/** Every operation of the interface, with the document that describes them. */
export function allRoutes(context: RouteContext, hasToken: boolean): readonly Route[] {
  const routes: readonly Route[] = [
    ...storeRoutes(context),
    ...keyRoutes(context),
    ...scanRoutes(context),
    ...metadataRoutes(context),
    ...buildingRoutes(context),
    ...healthRoutes(context),
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
  const document = toJson(openApiDocument(routes, context.version, hasToken))
  return routes
}
