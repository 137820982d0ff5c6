export interface StreamedEvent {
  readonly event: string
  readonly data: unknown
  readonly id: string | undefined
}

/** Reads server-sent events as a client does, comments included (as events named `comment`). */
export class EventStream {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #decoder = new TextDecoder()
  readonly #events: StreamedEvent[] = []
  readonly response: Response
  #text = ''
  #lastId: string | undefined

  private constructor(response: Response, body: ReadableStream<Uint8Array>) {
    this.response = response
    this.#reader = body.getReader()
  }

  static async open(url: string, headers: Readonly<Record<string, string>> = {}): Promise<EventStream> {
    const response = await fetch(url, { headers: { accept: 'text/event-stream', ...headers } })
    if (response.body === null) throw new Error('the answer has no body')
    return new EventStream(response, response.body)
  }

  /** As a browser sends it when it comes back. */
  get lastId(): string | undefined {
    return this.#lastId
  }

  /** The next event; `undefined` when the stream has ended. */
  async next(): Promise<StreamedEvent | undefined> {
    while (this.#events.length === 0) {
      const { done, value } = await this.#reader.read()
      if (done) return undefined
      this.#text += this.#decoder.decode(value, { stream: true })
      this.#parse()
    }
    return this.#events.shift()
  }

  /** All events up to and with the first one of this name. */
  async until(name: string): Promise<StreamedEvent[]> {
    const events: StreamedEvent[] = []
    for (let event = await this.next(); event !== undefined; event = await this.next()) {
      events.push(event)
      if (event.event === name) return events
    }
    throw new Error(`the stream ended before ${name}`)
  }

  /** What comes within the time. */
  async during(ms: number): Promise<StreamedEvent[]> {
    const events: StreamedEvent[] = []
    const endMs = Date.now() + ms
    const timer = setTimeout(() => void this.close(), ms)
    for (let event = await this.next(); event !== undefined && Date.now() <= endMs; event = await this.next())
      events.push(event)
    clearTimeout(timer)
    return events
  }

  async close(): Promise<void> {
    await this.#reader.cancel()
  }

  #parse(): void {
    const blocks = this.#text.split('\n\n')
    this.#text = blocks.pop() ?? ''
    for (const block of blocks) {
      const fields = block.split('\n').map((line) => line.split(/: ?(.*)/s))
      const field = (name: string) => fields.find(([key]) => key === name)?.[1]
      const id = field('id')
      if (id !== undefined) this.#lastId = id
      const data = field('data')
      const event = field('event') ?? (field('') === undefined ? 'message' : 'comment')
      this.#events.push({ event, data: data === undefined ? undefined : JSON.parse(data), id })
    }
  }
}
