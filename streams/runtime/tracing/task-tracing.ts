import type { Awaitable } from '../../../common/awaitable.ts'
import { asError } from '../../../common/errors.ts'
import type { Headers } from '../../../common/record.ts'
import type { RecordMetadata, StreamRecord } from '../../record.ts'
import { remoteContextOf, withSpanContext } from '../../trace-context.ts'
import type { Span, SpanContext, SpanLink, Tracing } from '../../tracing.ts'
import { SourceRecord } from '../task/source-record.ts'

/** OpenTelemetry's numbers. */
const INTERNAL = 0
const CONSUMER = 4
const ERROR = 2
const SAMPLED = 1
/** Most links of one span: what uses more rows than this is not the work of a few records. */
const MAX_LINKS = 32

/** What is being done, and its span, which is started when it is needed. */
interface Scope {
  readonly start: () => Span
  span: Span | undefined
  readonly parent: SpanContext | undefined
  readonly linked: Set<string>
}

interface TracedTask {
  readonly applicationId: string
  readonly taskId: string
}

/**
 * The spans of a task. A record that is read is one span, which goes on the trace of the record's headers; what is written meanwhile carries
 * it. What is held back and sent later is a span of its own below that of its record, with a link to what set it free. Rows carry no
 * trace: who wrote them is remembered by {@link StateAuthors}, and linked when they are used.
 */
export class TaskTracing {
  readonly #tracing: Tracing
  readonly #attributes: Readonly<Record<string, string>>
  #scope: Scope | undefined

  constructor(tracing: Tracing, { applicationId, taskId }: TracedTask) {
    this.#tracing = tracing
    this.#attributes = {
      'messaging.system': 'kafka',
      'messaging.consumer.group.name': applicationId,
      'brook.task.id': taskId,
    }
  }

  /** The span that is open now, where it is sampled: what it writes may be linked to it. */
  get author(): SpanContext | undefined {
    return this.#scope === undefined ? undefined : sampled(spanOf(this.#scope).spanContext())
  }

  /** Processes a record that was read: `run` is given the record as it goes on, whose headers name the span. */
  process(
    record: StreamRecord<unknown, unknown>,
    at: SourceRecord,
    run: (record: StreamRecord<unknown, unknown>) => Awaitable<void>,
  ): Awaitable<void> {
    const { api } = this.#tracing
    const parent = remoteContextOf(record.headers, api)
    const span = this.#start(`process ${at.topic}`, CONSUMER, at, parent)
    const context = span.spanContext()
    at.trace = context
    return this.#within(scopeOf(span), () => run(record.withHeaders(withSpanContext(record.headers, context))))
  }

  /** Goes on with what a record has left behind: a span of its own, if it comes to anything. `headers`: of what is sent, where that is known. */
  resume(
    origin: RecordMetadata | undefined,
    headers: Headers | undefined,
    run: () => Awaitable<void>,
  ): Awaitable<void> {
    const own = origin instanceof SourceRecord ? origin.trace : undefined
    const parent = own ?? (headers && remoteContextOf(headers, this.#tracing.api))
    if (parent === undefined) return this.#within(undefined, run)
    const trigger = this.#scope
    const name = origin === undefined ? 'continue' : `continue ${origin.topic}`
    const start = (): Span => this.#start(name, INTERNAL, origin, parent, linksTo(trigger))
    return this.#within({ start, span: undefined, parent, linked: new Set() }, run)
  }

  /** Something is done because it is time: a span of its own, if it comes to anything. */
  punctuate(node: string, run: () => Awaitable<void>): Awaitable<void> {
    const start = (): Span => this.#start(`punctuate ${node}`, INTERNAL, undefined, undefined)
    return this.#within({ start, span: undefined, parent: undefined, linked: new Set() }, run)
  }

  /** The record as it is written: its headers name the span that is open. */
  written(record: StreamRecord<unknown, unknown>): StreamRecord<unknown, unknown> {
    if (this.#scope === undefined) return record
    return record.withHeaders(withSpanContext(record.headers, spanOf(this.#scope).spanContext()))
  }

  /** Something was used that another span has made. */
  uses(author: SpanContext): void {
    const scope = this.#scope
    if (scope === undefined || scope.linked.size >= MAX_LINKS || scope.linked.has(author.spanId)) return
    const span = spanOf(scope)
    if (span.spanContext().spanId === author.spanId) return
    scope.linked.add(author.spanId)
    span.addLink({ context: author })
  }

  /** An operator has thrown. */
  failed(thrown: unknown): void {
    if (this.#scope === undefined) return
    const error = asError(thrown)
    const span = spanOf(this.#scope)
    span.recordException(error)
    span.setStatus({ code: ERROR, message: error.message })
  }

  #within(scope: Scope | undefined, run: () => Awaitable<void>): Awaitable<void> {
    const before = this.#scope
    this.#scope = scope
    const leave = (): void => {
      this.#scope = before
      scope?.span?.end()
    }
    let pending: Awaitable<void>
    try {
      pending = this.#active(scope, run)
    } catch (error) {
      this.failed(error)
      leave()
      throw error
    }
    if (!(pending instanceof Promise)) return leave()
    return pending
      .catch((error) => {
        this.failed(error)
        throw error
      })
      .finally(leave)
  }

  /** What user code starts is below the span, or below its parent where it may come to nothing. */
  #active(scope: Scope | undefined, run: () => Awaitable<void>): Awaitable<void> {
    const { context, trace, ROOT_CONTEXT } = this.#tracing.api
    if (scope?.span !== undefined) return context.with(trace.setSpan(ROOT_CONTEXT, scope.span), run)
    if (scope?.parent !== undefined) return context.with(trace.setSpanContext(ROOT_CONTEXT, scope.parent), run)
    return run()
  }

  #start(
    name: string,
    kind: number,
    at: RecordMetadata | undefined,
    parent: SpanContext | undefined,
    links: SpanLink[] = [],
  ): Span {
    const { api, tracer } = this.#tracing
    const attributes: Record<string, string | number> = { ...this.#attributes }
    if (kind === CONSUMER) attributes['messaging.operation.type'] = 'process'
    if (at !== undefined) {
      attributes['messaging.destination.name'] = at.topic
      attributes['messaging.destination.partition.id'] = String(at.partition)
      attributes['messaging.kafka.offset'] = at.offset
    }
    const context = parent === undefined ? api.ROOT_CONTEXT : api.trace.setSpanContext(api.ROOT_CONTEXT, parent)
    return tracer.startSpan(name, { kind, attributes, links }, context)
  }
}

function scopeOf(span: Span): Scope {
  return { start: () => span, span, parent: undefined, linked: new Set() }
}

/** What set something free: its span, or the one above where nothing else has come of it. */
function linksTo(trigger: Scope | undefined): SpanLink[] {
  if (trigger === undefined) return []
  const context = sampled(trigger.span?.spanContext() ?? trigger.parent ?? spanOf(trigger).spanContext())
  return context === undefined ? [] : [{ context }]
}

function sampled(context: SpanContext): SpanContext | undefined {
  return (context.traceFlags & SAMPLED) === 0 ? undefined : context
}

function spanOf(scope: Scope): Span {
  scope.span ??= scope.start()
  return scope.span
}
