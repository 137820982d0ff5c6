import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { AvailabilityFeed } from '../../bin/device-availability.ts'
import { silentLogger } from '../../common/log.ts'
import { Metrics } from '../../common/metrics.ts'
import { StatusTracker } from '../../connectors/status.ts'
import { LiveHub } from '../../http/live/live-hub.ts'
import { createHttpServer } from '../../http/server.ts'
import { createEmbeddedProvider } from '../../kafka/embedded.ts'
import { KafkaStreams, StreamsBuilder, serdes, TimeWindows } from '../../streams/index.ts'
import { METRICS } from '../../streams/runtime/metrics/metric-catalogue.ts'
import { prometheusLabels, prometheusName } from '../../streams/runtime/metrics/prometheus.ts'

const FOLDER = fileURLToPath(new URL('../../deploy/monitoring', import.meta.url))
const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8')

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly description: string }
}
interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
}

const rules = (parse(read('alerts.yaml')) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules)
const panels = (JSON.parse(read('dashboard.json')) as { panels: Panel[] }).panels
const expressions = [
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ...panels.flatMap(({ title, targets }) => (targets ?? []).map(({ expr }) => [title, expr] as const)),
]

/** Metric names with their labels, of everything that a building exposes. */
const known = new Map<string, ReadonlySet<string>>([['up', new Set(['job', 'instance'])]])
const TARGET_LABELS = ['job', 'instance', 'le']

beforeAll(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'brook-metrics-'))
  const metrics = new Metrics()
  const kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  await kafka.admin().createTopics([{ name: 'words', partitions: 1 }])
  const builder = new StreamsBuilder()
  builder
    .stream('words', { key: serdes.string, value: serdes.string })
    .groupByKey()
    .windowedBy(TimeWindows.ofSizeAndGrace(1000, 0))
    .count({ store: 'counts' })
  const streams = new KafkaStreams(builder.build(), { applicationId: 'app', kafka, stateDir: directory, metrics })
  new StatusTracker('mqtt', { metrics })
  const live = new LiveHub({ metrics })
  new AvailabilityFeed({ hub: live, minSilenceMs: 1_000, metrics, log: silentLogger })
  createHttpServer({ metrics, live, streams: () => streams })
  await streams.start()
  await streams.waitFor('RUNNING')
  for (const spec of METRICS)
    if (spec.level === 'INFO' && spec.kind !== 'text') known.set(prometheusName(spec), new Set(prometheusLabels(spec)))
  for (const { name, ...metric } of metrics.registry.getMetricsAsArray()) {
    const labels = new Set((metric as unknown as { labelNames?: readonly string[] }).labelNames ?? [])
    const isHistogram = String(metric.type) === 'histogram'
    for (const suffix of isHistogram ? ['_bucket', '_sum', '_count'] : ['']) known.set(`${name}${suffix}`, labels)
  }
  await streams.close()
  await kafka.close()
  live.close()
  rmSync(directory, { recursive: true, force: true })
})

/** The metric names of an expression, and its labels, without functions, numbers and Grafana's variables. */
function readExpression(expr: string): { readonly metrics: readonly string[]; readonly labels: readonly string[] } {
  const labels = [
    ...[...expr.matchAll(/\{([^}]*)\}/g)].flatMap(([, inside]) =>
      [...(inside ?? '').matchAll(/(\w+) *(?:=~|!~|!=|=)/g)].map((m) => m[1] ?? ''),
    ),
    ...[...expr.matchAll(/\b(?:by|without|on|ignoring) *\(([^)]*)\)/g)].flatMap(([, inside]) =>
      (inside ?? '').split(',').map((l) => l.trim()),
    ),
  ].filter((label) => label !== '')
  const bare = expr
    .replaceAll(/\{[^}]*\}/g, '')
    .replaceAll(/\[[^\]]*\]/g, '')
    .replaceAll(/\b(?:by|without|on|ignoring) *\([^)]*\)/g, '')
  const metrics = [...bare.matchAll(/\b([a-z_][a-z0-9_]*)\b(?! *\()/gi)]
    .map(([, name]) => name ?? '')
    .filter((name) => !['and', 'or', 'unless', 'by', 'on', 'sum', 'count', 'max', 'min', 'avg'].includes(name))
  return { metrics, labels }
}

describe('expressions', () => {
  test('are read as they are meant', () => {
    const expr =
      'histogram_quantile(0.99, sum by (instance, le) (rate(a_bucket{status=~"5.."}[5m]))) > 1 and on() up == 0'
    expect(readExpression(expr)).toEqual({ metrics: ['a_bucket', 'up'], labels: ['status', 'instance', 'le'] })
  })

  test.each(expressions)('%s: %s is of metrics that exist, with their labels', (_, expr) => {
    const { metrics, labels } = readExpression(expr)
    expect(metrics.length).toBeGreaterThan(0)
    expect(metrics.filter((name) => !known.has(name))).toEqual([])
    const has = new Set([...TARGET_LABELS, ...metrics.flatMap((name) => [...(known.get(name) ?? [])])])
    expect(labels.filter((label) => !has.has(label))).toEqual([])
    const counts = (text: string, of: string): number => text.split(of).length
    for (const [open, close] of ['()', '{}', '[]'])
      expect(counts(expr, open as string)).toBe(counts(expr, close as string))
  })

  test.each(expressions)('%s: %s takes rates of counters only', (_, expr) => {
    for (const [, name] of expr.matchAll(/\b(?:rate|increase)\((\w+)/g))
      expect(name).toMatch(/_(total|count|sum|bucket)$/)
  })
})

describe('alerts', () => {
  test.each(rules)(
    '$alert says how bad it is, what has happened and what to do',
    ({ alert, labels, annotations, for: time }) => {
      expect(alert).toMatch(/^Brook[A-Z]\w+$/)
      expect(['critical', 'warning']).toContain(labels.severity)
      expect(time).toMatch(/^\d+m$/)
      for (const text of Object.values(annotations)) expect(text.length).toBeGreaterThan(15)
      const { labels: known } = readExpression(rules.find((rule) => rule.alert === alert)?.expr ?? '')
      for (const [, label] of annotations.summary.matchAll(/\$labels\.(\w+)/g))
        expect([...known, 'instance', 'connector']).toContain(label)
    },
  )

  test('have names of their own', () => {
    const names = rules.map(({ alert }) => alert)
    expect(names).toEqual([...new Set(names)])
  })
})

describe('the dashboard', () => {
  test('has panels with names, descriptions and numbers of their own, that do not overlap', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const taken = new Set<string>()
    for (const { type, title, description, targets, gridPos } of panels) {
      expect(title.length).toBeGreaterThan(0)
      if (type !== 'row') {
        expect(description?.length).toBeGreaterThan(10)
        expect(targets?.length).toBeGreaterThan(0)
      }
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(x).toBeLessThan(24)
          expect(taken.has(`${x},${y}`), title).toBe(false)
          taken.add(`${x},${y}`)
        }
    }
  })
})

test('Prometheus scrapes the services that there are, with the token', () => {
  const { scrape_configs: jobs, rule_files: files } = parse(read('prometheus.yaml')) as {
    rule_files: string[]
    scrape_configs: { job_name: string; authorization: object; dns_sd_configs: { names: string[]; port: number }[] }[]
  }
  expect(files).toEqual(['alerts.yaml'])
  for (const { authorization, dns_sd_configs: found, job_name: job } of jobs) {
    expect(authorization).toMatchObject({ type: 'Bearer' })
    for (const { names, port } of found) {
      expect(port).toBe(8080)
      for (const name of names) {
        const service = name.split('.')[0] as string
        const manifest = readFileSync(join(FOLDER, '..', 'kubernetes', `${service}.yaml`), 'utf8')
        expect(manifest).toContain(`name: ${service}`)
      }
    }
    const used = expressions.flatMap(([, expr]) => [...expr.matchAll(/job="([^"]+)"/g)].map((match) => match[1]))
    expect(['brook-building', 'brook-connectors']).toContain(job)
    for (const name of used) expect(jobs.map((one) => one.job_name)).toContain(name)
  }
})
