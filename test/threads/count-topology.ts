/** A count by word for the tests of stream threads: each thread imports this module for itself. */
import { threadId } from 'node:worker_threads'
import { StreamsBuilder, serdes, type Topology, type TopologyWithHandlers } from '../../streams/index.ts'

export interface CountSettings {
  readonly input: string
  readonly output: string
  /** Burns so much time for each record. */
  readonly workMs?: number
  /** A record with this value ends the thread that reads it: by an error, by one outside of any task, or by ending its worker. */
  readonly poison?: { readonly value: string; readonly by: 'error' | 'stray-error' | 'exit' }
  /** A topic that each thread has in a global table. */
  readonly global?: string
}

export default function countTopology(settings: CountSettings): Topology {
  return build(settings)
}

/** The same, passing over what it fails on. */
export function lenientTopology(settings: CountSettings): TopologyWithHandlers {
  return { topology: build(settings), handlers: { onProcessingError: () => 'continue' } }
}

export const notAFunction = 'a text'

export function noTopology(): string {
  return 'a text'
}

export function failing(): Topology {
  throw new RangeError('the factory failed')
}

function build({ input, output, workMs = 0, poison, global }: CountSettings): Topology {
  const builder = new StreamsBuilder()
  const words = builder.stream(input, { key: serdes.string, value: serdes.string }).peek((word) => {
    const until = performance.now() + workMs
    while (performance.now() < until);
    if (poison?.value === word) end(poison.by)
  })
  if (global !== undefined) builder.globalTable(global, { store: 'names', key: serdes.string, value: serdes.string })
  words
    .groupBy((word) => word, { key: serdes.string, value: serdes.string })
    .count({ store: 'counts' })
    .toStream()
    .to(output, { key: serdes.string, value: serdes.long })
  return builder.build()
}

function end(by: 'error' | 'stray-error' | 'exit'): void {
  if (by === 'exit') process.exit(7)
  if (by === 'error') throw new RangeError(`poison in thread ${threadId}`)
  setTimeout(() => {
    throw new RangeError('a timer of the topology failed')
  })
}
