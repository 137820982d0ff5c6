import { expectTypeOf } from 'vitest'
import type {
  KafkaStreams,
  RecordingLevel,
  SpanContext,
  StreamsHandlers,
  StreamsMetric,
  StreamsOptions,
  TopologyTestDriver,
  TraceState,
  Tracing,
} from '../../streams/index.ts'

/** Checked by `tsc`: nothing here runs. */

/** OpenTelemetry's API as it is declared there, as far as Brook meets it. */
declare namespace otel {
  interface Context {
    getValue(key: symbol): unknown
    setValue(key: symbol, value: unknown): Context
    deleteValue(key: symbol): Context
  }
  interface Link {
    context: SpanContext
    attributes?: Record<string, unknown>
    droppedAttributesCount?: number
  }
  interface SpanStatus {
    code: 0 | 1 | 2
    message?: string
  }
  interface Span {
    spanContext(): SpanContext
    setAttribute(key: string, value: unknown): this
    addEvent(name: string): this
    addLink(link: Link): this
    addLinks(links: Link[]): this
    setStatus(status: SpanStatus): this
    updateName(name: string): this
    end(endTime?: number | Date): void
    isRecording(): boolean
    recordException(exception: Error | string, time?: number | Date): void
  }
  interface SpanOptions {
    kind?: number
    attributes?: Record<string, unknown>
    links?: Link[]
    startTime?: number | Date
    root?: boolean
  }
  interface Tracer {
    startSpan(name: string, options?: SpanOptions, context?: Context): Span
    startActiveSpan<F extends (span: Span) => unknown>(name: string, fn: F): ReturnType<F>
  }
  interface Api {
    readonly ROOT_CONTEXT: Context
    readonly trace: {
      getTracer(name: string, version?: string): Tracer
      setSpan(context: Context, span: Span): Context
      setSpanContext(context: Context, spanContext: SpanContext): Context
    }
    readonly context: {
      with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
        context: Context,
        fn: F,
        thisArg?: ThisParameterType<F>,
        ...args: A
      ): ReturnType<F>
    }
    createTraceState(rawTraceState?: string): TraceState
  }
}

declare const api: otel.Api
const tracing: Tracing = { api, tracer: api.trace.getTracer('orders') }
const options: Pick<StreamsOptions, 'tracing' | 'metricsRecordingLevel'> = { tracing, metricsRecordingLevel: 'DEBUG' }
void options

// Stream threads get it from the module of their topology.
const handlers: StreamsHandlers = { tracing }
void handlers

// @ts-expect-error a tracer alone cannot go on a trace
const half: Tracing = { tracer: api.trace.getTracer('orders') }
void half

// @ts-expect-error Kafka has three levels
const level: RecordingLevel = 'WARN'
void level

declare const streams: KafkaStreams
declare const driver: TopologyTestDriver
expectTypeOf(streams.metrics()).resolves.toEqualTypeOf<readonly StreamsMetric[]>()
expectTypeOf(driver.metrics()).toEqualTypeOf<readonly StreamsMetric[]>()
expectTypeOf<StreamsMetric['value']>().toEqualTypeOf<number | string>()
expectTypeOf<StreamsMetric['level']>().toEqualTypeOf<RecordingLevel>()
