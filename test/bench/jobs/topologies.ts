import { StreamsBuilder, serdes, TimeWindows, type Topology, timeWindowedSerde } from '../../../streams/index.ts'
import { type Average, averageSerde, measurementSerde } from './data.ts'

/** Where a job reads and writes, and what it calls for each record that it reads. */
export interface JobPlan {
  readonly input: string
  readonly output: string
  readonly seen: () => void
}

/** The jobs, by name. */
export const JOBS = {
  /** Average per device and 5-minute window; every update of an average goes out. */
  average: ({ input, output, seen }: JobPlan): Topology => {
    const builder = new StreamsBuilder()
    builder
      .stream(input, { key: serdes.string, value: measurementSerde })
      .peek(seen)
      .groupByKey()
      .windowedBy(TimeWindows.ofSizeAndGrace('5m', '1m'))
      .aggregate<Average>(
        () => ({ count: 0, sum: 0, min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY }),
        (average, { temperature }) => {
          average.count++
          average.sum += temperature
          if (temperature < average.min) average.min = temperature
          if (temperature > average.max) average.max = temperature
          return average
        },
        { store: 'average', value: averageSerde },
      )
      .toStream()
      .to(output, { key: timeWindowedSerde(serdes.string, 300_000), value: averageSerde })
    return builder.build()
  },

  /** Decodes each record, encodes it again and writes it. */
  passthrough: ({ input, output, seen }: JobPlan): Topology => {
    const builder = new StreamsBuilder()
    builder.stream(input, { key: serdes.string, value: measurementSerde }).peek(seen).to(output, {
      key: serdes.string,
      value: measurementSerde,
    })
    return builder.build()
  },

  /** Decodes each record, makes another value of it, and keeps about half; nothing is written. */
  'map-filter': ({ input, seen }: JobPlan): Topology => {
    const builder = new StreamsBuilder()
    builder
      .stream(input, { key: serdes.string, value: measurementSerde })
      .peek(seen)
      .mapValues(({ deviceId, temperature, humidity }) => ({ deviceId, comfort: temperature - humidity / 5 }))
      .filter(({ comfort }) => comfort > 8)
      .foreach(() => {})
    return builder.build()
  },
} satisfies Record<string, (plan: JobPlan) => Topology>

export type JobName = keyof typeof JOBS
