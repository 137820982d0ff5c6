import type { HandlerName } from './registry-handlers.ts'

interface Route {
  readonly pattern: string
  readonly methods: Readonly<Record<string, HandlerName>>
}

/** The routes of Confluent's registry that the embedded one has; `:name` is a parameter. */
const ROUTES: readonly Route[] = [
  { pattern: '/', methods: { GET: 'root' } },
  { pattern: '/subjects', methods: { GET: 'subjects' } },
  { pattern: '/subjects/:subject', methods: { POST: 'lookup', DELETE: 'deleteSubject' } },
  { pattern: '/subjects/:subject/versions', methods: { GET: 'versions', POST: 'register' } },
  { pattern: '/subjects/:subject/versions/:version', methods: { GET: 'version', DELETE: 'deleteVersion' } },
  { pattern: '/subjects/:subject/versions/:version/schema', methods: { GET: 'versionSchema' } },
  { pattern: '/subjects/:subject/versions/:version/referencedby', methods: { GET: 'referencedBy' } },
  { pattern: '/schemas/types', methods: { GET: 'types' } },
  { pattern: '/schemas/ids/:id', methods: { GET: 'schemaById' } },
  { pattern: '/schemas/ids/:id/schema', methods: { GET: 'rawSchemaById' } },
  { pattern: '/schemas/ids/:id/versions', methods: { GET: 'versionsById' } },
  { pattern: '/schemas/ids/:id/subjects', methods: { GET: 'subjectsById' } },
  { pattern: '/config', methods: { GET: 'config', PUT: 'setConfig', DELETE: 'deleteConfig' } },
  { pattern: '/config/:subject', methods: { GET: 'subjectConfig', PUT: 'setConfig', DELETE: 'deleteConfig' } },
  { pattern: '/mode', methods: { GET: 'mode' } },
  { pattern: '/compatibility/subjects/:subject/versions', methods: { POST: 'compatible' } },
  { pattern: '/compatibility/subjects/:subject/versions/:version', methods: { POST: 'compatible' } },
]

export interface Match {
  readonly params: Readonly<Record<string, string>>
  readonly methods: Route['methods']
}

/** The route of a path (without its query); `undefined` when there is none, or it is not decodable. */
export function matchRoute(path: string): Match | undefined {
  const parts = path.split('/').filter((part) => part !== '')
  for (const { pattern, methods } of ROUTES) {
    const params = matchPattern(pattern, parts)
    if (params) return { params, methods }
  }
  return undefined
}

function matchPattern(pattern: string, parts: readonly string[]): Record<string, string> | undefined {
  const wanted = pattern.split('/').filter((part) => part !== '')
  if (wanted.length !== parts.length) return undefined
  const params: Record<string, string> = {}
  for (const [i, want] of wanted.entries()) {
    const part = parts[i] ?? ''
    if (!want.startsWith(':')) {
      if (want !== part) return undefined
      continue
    }
    try {
      params[want.slice(1)] = decodeURIComponent(part)
    } catch {
      return undefined
    }
  }
  return params
}
