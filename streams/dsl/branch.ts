import { Branch, PassThrough } from '../processors/stateless.ts'
import type { KStream } from './kstream.ts'
import type { Branched, Named } from './options.ts'
import type { StreamNode } from './plan/nodes.ts'
import type { ProcessorPlan } from './plan/plan.ts'

/**
 * Branches of a stream: a record goes to the first whose predicate holds. Creates node KSTREAM-BRANCH-n and one more per branch, named
 * by the split's name and the branch's name or number (0 is the default branch).
 * @see org.apache.kafka.streams.kstream.BranchedKStream
 */
export class BranchedKStream<K, V> {
  readonly #stream: StreamNode<K, V>
  readonly #splitName: string
  readonly #split: ProcessorPlan
  readonly #branches: { child: string; predicate: (value: V, key: K) => boolean }[] = []
  readonly #outputs: Record<string, KStream<K, V>> = {}

  constructor(stream: StreamNode<K, V>, options: Named) {
    this.#stream = stream
    this.#splitName = stream.context.names.orElse(options.name, 'KSTREAM-BRANCH-')
    this.#split = stream.context.processor(this.#splitName, [stream.node], () => new Branch<K, V>(this.#branches))
  }

  /**
   * The next branch: records for which the predicate holds, and no one before it. Creates a node named after the split and the branch.
   * @see BranchedKStream#branch, Branched
   */
  branch(predicate: (value: V, key: K) => boolean, options: Branched<K, V> = {}): this {
    this.#add(options.name ?? String(this.#branches.length + 1), predicate, options)
    return this
  }

  /** Everything else goes to one more branch; gives by node name all that no `withConsumer` has taken. @see BranchedKStream#defaultBranch */
  defaultBranch(options: Branched<K, V> = {}): Readonly<Record<string, KStream<K, V>>> {
    this.#add(options.name ?? '0', () => true, options)
    return this.#outputs
  }

  /** Everything else goes no further, uncounted; gives by node name all branches that no `withConsumer` has taken. @see BranchedKStream#noDefaultBranch */
  noDefaultBranch(): Readonly<Record<string, KStream<K, V>>> {
    return this.#outputs
  }

  #add(suffix: string, predicate: (value: V, key: K) => boolean, options: Branched<K, V>): void {
    const { context, serdes, sources, repartitionRequired } = this.#stream
    const child = `${this.#splitName}${suffix}`
    context.names.node(child)
    this.#branches.push({ child, predicate })
    const node = context.processor(child, [this.#split], () => new PassThrough())
    const stream = context.make.stream<K, V>({ context, node, serdes, sources, repartitionRequired })
    if (options.withConsumer !== undefined) {
      options.withConsumer(stream)
      return
    }
    const output = options.withFunction === undefined ? stream : options.withFunction(stream)
    if (output !== undefined && output !== null) this.#outputs[child] = output
  }
}
