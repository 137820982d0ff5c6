/** One event of the live feed. */
export interface FeedEvent {
  readonly type: string
  readonly key: string
  readonly data: Readonly<Record<string, unknown>>
  readonly atMs: number
}

/** Listens to `/v1/live` as the page does. */
export class LiveListener {
  readonly events: FeedEvent[] = []
  readonly #abort = new AbortController()
  #done: Promise<void> | undefined

  /** Resolves when the feed has told everything that is known. */
  async start(baseUrl: string): Promise<void> {
    const answer = await fetch(`${baseUrl}/v1/live`, { signal: this.#abort.signal })
    const body = answer.body
    if (!answer.ok || !body) throw new Error(`/v1/live answered ${answer.status}`)
    await new Promise<void>((resolve) => {
      this.#done = this.#listen(body, resolve).catch(() => {})
    })
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#done
  }

  async #listen(body: ReadableStream<Uint8Array>, onReady: () => void): Promise<void> {
    let rest = ''
    const decoder = new TextDecoder()
    for await (const chunk of body) {
      const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1]
        const type = field('event') ?? 'message'
        if (type === 'ready') onReady()
        const data = field('data')
        if (data?.startsWith('{'))
          this.events.push({ type, ...(JSON.parse(data) as Omit<FeedEvent, 'type' | 'atMs'>), atMs: Date.now() })
      }
    }
  }
}
