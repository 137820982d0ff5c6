/**
 * What Brook needs of OpenTelemetry's API, by its shape: `@opentelemetry/api` fits, and is not needed otherwise.
 * `tracing: { api, tracer: api.trace.getTracer('orders') }` with `import * as api from '@opentelemetry/api'`.
 */
export interface Tracing {
  readonly api: TracingApi
  readonly tracer: Tracer
}

export interface TracingApi {
  readonly ROOT_CONTEXT: unknown
  readonly trace: {
    setSpan(context: unknown, span: Span): unknown
    setSpanContext(context: unknown, spanContext: SpanContext): unknown
  }
  /** Makes the span of a record the active one while user code runs, where a context manager is there. */
  readonly context: { with<T>(context: unknown, run: () => T): T }
  createTraceState(text: string): TraceState
}

export interface Tracer {
  startSpan(name: string, options: SpanOptions, context: unknown): Span
}

export interface SpanOptions {
  readonly kind: number
  readonly attributes: Record<string, string | number>
  readonly links?: SpanLink[]
}

export interface SpanLink {
  readonly context: SpanContext
}

export interface Span {
  spanContext(): SpanContext
  addLink(link: SpanLink): unknown
  recordException(error: Error): void
  setStatus(status: { readonly code: number; readonly message?: string }): unknown
  end(): void
}

/** Who a span is, in all processes. */
export interface SpanContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** 16 hexadecimal digits. */
  readonly spanId: string
  /** 1: sampled. */
  readonly traceFlags: number
  readonly isRemote?: boolean
  readonly traceState?: TraceState
}

/** What vendors pass along a trace. */
export interface TraceState {
  get(key: string): string | undefined
  set(key: string, value: string): TraceState
  unset(key: string): TraceState
  serialize(): string
}
