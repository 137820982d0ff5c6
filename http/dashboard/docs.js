import { getJson } from './api.js'
import { h } from './dom.js'

/** @typedef {any} Json */

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id))

/** Shows the description of the interface that the server gives of itself. */
async function show() {
  const api = await getJson('/openapi.json')
  byId('about').textContent = api.info.description
  const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(/** @type {Record<string, Json>} */ (methods)).map(([method, operation]) => ({
      path,
      method,
      operation,
    })),
  )
  const byTag = Map.groupBy(operations, ({ operation }) => String(operation.tags?.[0] ?? ''))
  byId('operations').replaceChildren(
    ...[...byTag].map(([tag, group]) =>
      h('section', { class: 'floor' }, h('h2', {}, title(tag)), ...group.map((entry) => operationElement(entry, api))),
    ),
    problemsElement(api['x-problems']),
    h(
      'section',
      { class: 'floor' },
      h('h2', {}, 'Schemas'),
      ...Object.entries(api.components.schemas).map(schemaElement),
    ),
  )
  if (location.hash !== '') document.getElementById(location.hash.slice(1))?.scrollIntoView()
}

/**
 * @param {{ path: string, method: string, operation: Json }} entry
 * @param {Json} api
 */
function operationElement({ path, method, operation }, api) {
  return h(
    'details',
    { class: 'panel operation', id: operation.operationId },
    h(
      'summary',
      {},
      h('code', { class: 'method' }, method.toUpperCase()),
      h('code', {}, path),
      h('span', {}, operation.summary),
    ),
    h(
      'div',
      { class: 'operation-body' },
      ...parametersTable(operation.parameters ?? []),
      ...bodySchema(operation.requestBody, api),
      h('h3', {}, 'Answers'),
      h(
        'dl',
        { class: 'facts-grid' },
        ...Object.entries(operation.responses).flatMap(([status, answer]) => answerFacts(status, answer)),
      ),
      ...(method === 'get' ? [h('h3', {}, 'Try it'), h('pre', {}, `curl -s '${location.origin}${path}'`)] : []),
    ),
  )
}

/** @param {readonly Json[]} parameters */
function parametersTable(parameters) {
  if (parameters.length === 0) return []
  const rows = parameters.map((p) =>
    h(
      'tr',
      {},
      h('th', { scope: 'row' }, h('code', {}, p.name), p.required ? '' : ' (optional)'),
      h('td', {}, p.in),
      h('td', {}, schemaText(p.schema)),
      h('td', {}, p.description ?? p.schema?.description ?? ''),
    ),
  )
  return [
    h('h3', {}, 'Parameters'),
    h(
      'div',
      { class: 'table-wrap', tabindex: 0, role: 'region', 'aria-label': 'Parameters' },
      h('table', {}, h('tbody', {}, ...rows)),
    ),
  ]
}

/**
 * @param {Json} body
 * @param {Json} api
 */
function bodySchema(body, api) {
  const schema = body?.content?.['application/json']?.schema
  if (schema === undefined) return []
  const name = schema.$ref?.split('/').at(-1)
  return [
    h('h3', {}, 'Body'),
    h('pre', {}, JSON.stringify(name === undefined ? schema : api.components.schemas[name], null, 2)),
  ]
}

/**
 * @param {string} status
 * @param {Json} answer
 */
function answerFacts(status, answer) {
  const types = Object.entries(answer.content ?? {}).map(
    ([type, content]) => `${type}: ${schemaText(/** @type {Json} */ (content).schema)}`,
  )
  return [h('dt', {}, h('code', {}, status)), h('dd', {}, [answer.description, ...types].join(' · '))]
}

/** @param {[string, Json]} entry */
function schemaElement([name, schema]) {
  return h(
    'details',
    { class: 'panel operation', id: `schema-${name}` },
    h('summary', {}, h('code', {}, name), h('span', {}, schema.description ?? '')),
    h('div', { class: 'operation-body' }, h('pre', { tabindex: 0 }, JSON.stringify(schema, null, 2))),
  )
}

/** @param {Record<string, { status: number, title: string }>} problems */
function problemsElement(problems) {
  const rows = Object.entries(problems).map(([code, { status, title: text }]) =>
    h(
      'tr',
      { id: code },
      h('th', { scope: 'row' }, h('code', {}, code)),
      h('td', {}, String(status)),
      h('td', {}, text),
    ),
  )
  const table = h('table', {}, h('tbody', {}, ...rows))
  const wrap = h('div', { class: 'panel table-wrap', tabindex: 0, role: 'region', 'aria-label': 'Problems' }, table)
  return h('section', { class: 'floor' }, h('h2', {}, 'Problems'), wrap)
}

/** @param {string} word */
function title(word) {
  return word.charAt(0).toUpperCase() + word.slice(1)
}

/** @param {Json} schema */
function schemaText(schema) {
  if (schema === undefined) return ''
  if (schema.$ref !== undefined) return schema.$ref.split('/').at(-1)
  if (schema.enum !== undefined) return schema.enum.join(' | ')
  return schema.format ?? schema.type ?? 'any'
}

show().catch((error) => {
  byId('operations').replaceChildren(h('p', { class: 'empty' }, String(error)))
})
