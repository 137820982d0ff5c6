import { Metrics } from '../../common/metrics.ts'
import { LiveHub, type LiveHubOptions } from '../live/live-hub.ts'
import { createHttpServer, type HttpServerOptions } from '../server.ts'
import { DemoBuilding } from './demo-building.ts'
import { createDemoStreams } from './demo-streams.ts'

export interface DemoServer {
  readonly url: string
  readonly hub: LiveHub
  readonly building: DemoBuilding
  stop(): Promise<void>
}

/** The whole interface on a building that lives in this process alone. With `tickMs` 0 it moves only by hand. */
export async function startDemoServer(
  options: { readonly tickMs?: number; readonly live?: LiveHubOptions } & Omit<Partial<HttpServerOptions>, 'live'> = {},
): Promise<DemoServer> {
  const { tickMs = 1_000, live, ...server } = options
  const metrics = new Metrics()
  const streams = await createDemoStreams(Date.now())
  const hub = new LiveHub({ metrics, ...live })
  const building = new DemoBuilding(streams, hub, Date.now)
  building.begin()
  const http = createHttpServer({
    port: 0,
    version: '0.1.0',
    streams: () => streams,
    metrics,
    live: hub,
    commands: async (request) => building.command(request),
    ...server,
  })
  const { url } = await http.start()
  const timer = tickMs > 0 ? setInterval(() => building.tick(), tickMs) : undefined
  return {
    url,
    hub,
    building,
    stop: async () => {
      clearInterval(timer)
      building.stop()
      await http.stop()
      await streams.close()
    },
  }
}

if (import.meta.main) {
  const demo = await startDemoServer({ port: Number(process.argv[2] ?? 8080) })
  process.stdout.write(`${demo.url}\n`)
  process.once('SIGINT', () => void demo.stop())
  process.once('SIGTERM', () => void demo.stop())
}
