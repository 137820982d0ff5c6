import type { Span, SpanContext, SpanLink, SpanOptions, TraceState, Tracing } from '../../streams/index.ts'

/** A span that a {@link MemoryTracer} has made. */
export interface MadeSpan {
  readonly name: string
  readonly kind: number
  readonly attributes: Readonly<Record<string, string | number>>
  readonly context: SpanContext
  readonly parent: SpanContext | undefined
  readonly links: SpanContext[]
  readonly errors: Error[]
  status: number | undefined
  isEnded: boolean
}

interface MemoryContext {
  readonly parent: SpanContext | undefined
}

/** What vendors have said, as it came. */
export function traceState(text: string): TraceState {
  const state: TraceState = { get: () => undefined, set: () => state, unset: () => state, serialize: () => text }
  return state
}

/** A tracer of OpenTelemetry's shape that keeps its spans. Ids count up, so that tests can tell them. */
export class MemoryTracer {
  readonly spans: MadeSpan[] = []
  /** Of the spans in which user code has been run. */
  readonly active: SpanContext[] = []
  readonly #isSampled: boolean

  constructor(options: { readonly isSampled?: boolean } = {}) {
    this.#isSampled = options.isSampled ?? true
  }

  get tracing(): Tracing {
    return {
      tracer: { startSpan: (name, options, context) => this.#start(name, options, context as MemoryContext) },
      api: {
        ROOT_CONTEXT: { parent: undefined } satisfies MemoryContext,
        trace: {
          setSpan: (_context, span) => ({ parent: span.spanContext() }) satisfies MemoryContext,
          setSpanContext: (_context, parent) => ({ parent }) satisfies MemoryContext,
        },
        context: {
          with: (context, run) => {
            const { parent } = context as MemoryContext
            if (parent !== undefined) this.active.push(parent)
            return run()
          },
        },
        createTraceState: traceState,
      },
    }
  }

  /** The spans with this name, in the order of their start. */
  named(name: string): readonly MadeSpan[] {
    return this.spans.filter((span) => span.name === name)
  }

  #start(name: string, { kind, attributes, links = [] }: SpanOptions, { parent }: MemoryContext): Span {
    const spanId = (this.spans.length + 1).toString(16).padStart(16, '0')
    const context: SpanContext = {
      traceId: parent?.traceId ?? spanId.padStart(32, 'f'),
      spanId,
      traceFlags: this.#isSampled ? 1 : 0,
      ...(parent?.traceState === undefined ? {} : { traceState: parent.traceState }),
    }
    const span: MadeSpan = {
      name,
      kind,
      attributes,
      context,
      parent,
      links: links.map((link) => link.context),
      errors: [],
      status: undefined,
      isEnded: false,
    }
    this.spans.push(span)
    return {
      spanContext: () => context,
      addLink: (link: SpanLink) => span.links.push(link.context),
      recordException: (error) => span.errors.push(error),
      setStatus: ({ code }) => {
        span.status = code
      },
      end: () => {
        span.isEnded = true
      },
    }
  }
}
