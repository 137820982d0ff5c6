import { OpenAPIRegistry, OpenApiGeneratorV31 } from '@asteasolutions/zod-to-openapi'
import { ProblemDocument } from './api-schemas.ts'
import { PROBLEMS, type ProblemCode } from './problem.ts'
import type { AnswerDoc, Route } from './routes/route.ts'

type PathConfig = Parameters<OpenAPIRegistry['registerPath']>[0]
export type OpenApiDocument = ReturnType<OpenApiGeneratorV31['generateDocument']>

/** The description of the interface, from the same routes and schemas that serve it. */
export function openApiDocument(routes: readonly Route[], version: string, hasToken: boolean): OpenApiDocument {
  const registry = new OpenAPIRegistry()
  registry.registerComponent('securitySchemes', 'token', { type: 'http', scheme: 'bearer' })
  for (const route of routes) registry.registerPath(pathConfig(route, hasToken))
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'Brook',
      version,
      description:
        'Reads the stores of a stream application, shows its building live and takes commands. Errors are problem documents (RFC 9457) with a stable code.',
    },
    servers: [{ url: '/' }],
    'x-problems': PROBLEMS,
  })
}

function pathConfig(route: Route, hasToken: boolean): PathConfig {
  const codes = [
    ...new Set<ProblemCode>([...route.problems, ...(hasToken && !route.isOpen ? ['UNAUTHORIZED' as const] : [])]),
  ]
  return {
    method: route.method,
    path: route.path,
    operationId: operationId(route),
    summary: route.summary,
    tags: [route.tag],
    ...(hasToken && !route.isOpen ? { security: [{ token: [] }] } : {}),
    request: {
      ...(route.params === undefined ? {} : { params: route.params }),
      ...(route.query === undefined ? {} : { query: route.query }),
      ...(route.body === undefined
        ? {}
        : { body: { required: true, content: { 'application/json': { schema: route.body } } } }),
    },
    responses: { ...problemAnswers(codes), ...goodAnswers(route.answers) },
  }
}

function goodAnswers(answers: Route['answers']): PathConfig['responses'] {
  return Object.fromEntries(
    Object.entries(answers).map(([status, answer]: [string, AnswerDoc]) => [
      status,
      {
        description: answer.description,
        ...(answer.schema === undefined
          ? {}
          : { content: { [answer.contentType ?? 'application/json']: { schema: answer.schema } } }),
      },
    ]),
  )
}

function problemAnswers(codes: readonly ProblemCode[]): PathConfig['responses'] {
  const statuses = [...new Set(codes.map((code) => PROBLEMS[code].status))]
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: codes
          .filter((code) => PROBLEMS[code].status === status)
          .map((code) => `${code}: ${PROBLEMS[code].title}`)
          .join('; '),
        content: { 'application/problem+json': { schema: ProblemDocument } },
      },
    ]),
  )
}

/** `get /v1/stores/{store}/keys/{key}` is `getStoresByKeysBy`. */
function operationId({ method, path }: Route): string {
  const words = path
    .replace(/\{[^}]*\}/g, 'by')
    .split(/[^A-Za-z]+/)
    .filter((word) => word !== '' && word !== 'v')
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
}
