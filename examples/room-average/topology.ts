import { StreamsBuilder, serdes, TimeWindows, type Topology } from '../../streams/index.ts'

export interface Average {
  count: number
  mean: number
}

/** The mean temperature per room and 5 minutes, told anew with every reading. Readings up to a minute out of order count. */
export function roomAverages(): Topology {
  const builder = new StreamsBuilder()
  builder
    .stream('temperatures', { key: serdes.string, value: serdes.double })
    .filter((celsius) => celsius > -60 && celsius < 100)
    .groupByKey()
    .windowedBy(TimeWindows.ofSizeAndGrace('5m', '1m'))
    .aggregate((): Average => ({ count: 0, mean: 0 }), addReading, {
      store: 'averages',
      value: serdes.json<Average>(),
      caching: false,
    })
    .toStream((_average, window) => window.key)
    .to('room-averages', { key: serdes.string, value: serdes.json<Average>() })
  return builder.build()
}

function addReading(average: Average, celsius: number): Average {
  average.count++
  average.mean += (celsius - average.mean) / average.count
  return average
}
