/**
 * Gives out node and store names as Kafka Streams does: a prefix and a ten-digit number from one counter for the whole
 * builder. Topic names depend on them, so every call of the JVM's builder that takes a number takes one here.
 * @see InternalStreamsBuilder.newProcessorName, newStoreName; NamedInternal
 */
export class NameSource {
  #next = 0

  node(prefix: string): string {
    return `${prefix}${this.#number()}`
  }

  store(prefix: string): string {
    return `${prefix}STATE-STORE-${this.#number()}`
  }

  /** The user's name, or a generated one; the number is taken either way, so that naming one node renames no other. */
  orElse(name: string | undefined, prefix: string): string {
    const generated = this.node(prefix)
    return name ?? generated
  }

  /** The user's name with a suffix, or a generated one; the number is taken either way. */
  suffixed(name: string | undefined, suffix: string, prefix: string): string {
    const generated = this.node(prefix)
    return name === undefined ? generated : `${name}${suffix}`
  }

  #number(): string {
    return String(this.#next++).padStart(10, '0')
  }
}
