import { CalendarWindows, type StreamsBuilder, serdes, type Windowed } from '../../../streams/index.ts'
import {
  add,
  type Build,
  concat,
  out,
  outTable,
  S,
  type Scenarios,
  stream,
  subtract,
  TEXT,
  type Text,
  zero,
} from './shared.ts'

const days = [
  'Europe/Paris',
  'Europe/Paris',
  'America/New_York',
  'America/Sao_Paulo',
  'America/Sao_Paulo',
  'America/Havana',
  'America/St_Johns',
  'Asia/Beirut',
  'Pacific/Apia',
  'Australia/Lord_Howe',
  'Antarctica/Casey',
  'Asia/Kolkata',
  'Etc/GMT-6',
]

const grouped = (b: StreamsBuilder) => stream(b, 'left').groupByKey()
const whole = (_value: unknown, { key, startMs, endMs }: Windowed<Text>): Text => `${key}@${startMs}-${endMs}`
const kept = { store: 'w', value: S, caching: false } as const
const office = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'] as const

const aggregated =
  (windows: CalendarWindows): Build =>
  (b) =>
    out(grouped(b).windowedBy(windows).aggregate(zero, add, kept).toStream(whole))

const reduced =
  (windows: CalendarWindows): Build =>
  (b) =>
    out(grouped(b).windowedBy(windows).reduce(concat, kept).toStream(whole))

function kinds(zone: string): readonly (readonly [name: string, windows: CalendarWindows])[] {
  const grace = { grace: '2h' } as const
  return [
    ['week', CalendarWindows.weeks(zone, grace)],
    ['sunday_week', CalendarWindows.weeks(zone, { ...grace, firstDay: 'sunday' })],
    ['month', CalendarWindows.months(zone, grace)],
    ['hour', CalendarWindows.hours(zone, 1, grace)],
    ['hour', CalendarWindows.hours(zone, 1, grace)],
    ['six_hours', CalendarWindows.hours(zone, 6, grace)],
    ['six_hours', CalendarWindows.hours(zone, 6, grace)],
    ['office', CalendarWindows.schedule(zone, [{ days: office, from: '08:00', to: '18:00' }], grace)],
  ]
}

/** Windows of a calendar, beside ones that Kafka Streams was given with java.time. */
export const CALENDAR: Scenarios = {
  ...Object.fromEntries(
    days.map((zone, i) => [
      `day-${i}-${zone.replace('/', '-')}`,
      aggregated(CalendarWindows.days(zone, { grace: '1h' })),
    ]),
  ),
  ...Object.fromEntries(
    ['Europe/Paris', 'America/New_York'].flatMap((zone) =>
      kinds(zone).map(([name, windows], i) => [`${name}-${zone.slice(zone.indexOf('/') + 1)}-${i}`, reduced(windows)]),
    ),
  ),
  'count-cached': (b) =>
    grouped(b)
      .windowedBy(CalendarWindows.days('Europe/Paris'))
      .count()
      .toStream((_value, { key, startMs }) => `${key}@${startMs}`)
      .to('out', { key: S, value: serdes.long }),
  'group-by': {
    build: (b) =>
      outTable(
        grouped(b)
          .windowedBy(CalendarWindows.days('Europe/Paris', { grace: '1h' }))
          .aggregate(zero, add, { store: 'w', value: S })
          .groupBy((value, { key, startMs }) => [`${key}@${startMs}`, value], TEXT)
          .aggregate(zero, add, subtract, { store: 'g', value: S }),
      ),
    deviation: {
      why: 'first update of a stream aggregation, without the record cache: the initializer’s value was not there before',
      withoutCache: true,
    },
  },
}
