import type { DatapointType, Dpt } from './datapoint-type.ts'
import {
  bit,
  float16,
  float32,
  type SubType,
  scaled,
  signed64,
  type WholeNumberOptions,
  wholeNumbers,
} from './dpt-numbers.ts'
import {
  colour,
  colourAndWhite,
  date,
  dateTime,
  forced,
  relativeControl,
  sceneControl,
  text,
  timeOfDay,
} from './dpt-parts.ts'
import { UnsupportedDptError } from './errors.ts'

export type { Dpt, GroupPayload } from './datapoint-type.ts'

const BITS =
  'Switch Bool Enable Ramp Alarm BinaryValue Step UpDown OpenClose Start State Invert DimSendStyle InputSource Reset Ack Trigger Occupancy Window_Door'.split(
    ' ',
  )
const MORE_BITS: readonly SubType[] = [
  ['021', 'LogicalFunction'],
  ['022', 'Scene_AB'],
  ['023', 'ShutterBlinds_Mode'],
  ['024', 'DayNight'],
  ['100', 'Heat_Cool'],
]
const FORCED =
  'Switch_Control Bool_Control Enable_Control Ramp_Control Alarm_Control BinaryValue_Control Step_Control Direction1_Control Direction2_Control Start_Control State_Control Invert_Control'.split(
    ' ',
  )

/** Sub types whose values are whole numbers: what their octets are, then one row each, with what differs. */
const WHOLE: readonly (readonly [
  main: string,
  WholeNumberOptions,
  readonly (readonly [...Required<SubType>, Partial<WholeNumberOptions>?])[],
])[] = [
  [
    '5',
    { octets: 1 },
    [
      ['004', 'Percent_U8', 'percent'],
      ['005', 'DecimalFactor', ''],
      ['006', 'Tariff', '', { maxRaw: 254 }],
      ['010', 'Value_1_Ucount', ''],
    ],
  ],
  [
    '6',
    { octets: 1, signed: true },
    [
      ['001', 'Percent_V8', 'percent'],
      ['010', 'Value_1_Count', ''],
    ],
  ],
  [
    '7',
    { octets: 2 },
    [
      ['001', 'Value_2_Ucount', ''],
      ['002', 'TimePeriodMsec', 'milliseconds'],
      ['003', 'TimePeriod10Msec', 'milliseconds', { step: 10 }],
      ['004', 'TimePeriod100Msec', 'milliseconds', { step: 100 }],
      ['005', 'TimePeriodSec', 'seconds'],
      ['006', 'TimePeriodMin', 'minutes'],
      ['007', 'TimePeriodHrs', 'hours'],
      ['010', 'PropDataType', ''],
      ['011', 'Length_mm', 'millimetres'],
      ['012', 'UElCurrentmA', 'milliamperes'],
      ['013', 'Brightness', 'lux'],
      ['600', 'Absolute_Colour_Temperature', 'kelvin'],
    ],
  ],
  [
    '8',
    { octets: 2, signed: true },
    [
      ['001', 'Value_2_Count', ''],
      ['002', 'DeltaTimeMsec', 'milliseconds'],
      ['003', 'DeltaTime10Msec', 'milliseconds', { step: 10 }],
      ['004', 'DeltaTime100Msec', 'milliseconds', { step: 100 }],
      ['005', 'DeltaTimeSec', 'seconds'],
      ['006', 'DeltaTimeMin', 'minutes'],
      ['007', 'DeltaTimeHrs', 'hours'],
      ['010', 'Percent_V16', 'percent', { step: 0.01, invalid: 0x7fff }],
      ['011', 'Rotation_Angle', 'degrees'],
    ],
  ],
  [
    '12',
    { octets: 4 },
    [
      ['001', 'Value_4_Ucount', ''],
      ['100', 'LongTimePeriod_Sec', 'seconds'],
      ['101', 'LongTimePeriod_Min', 'minutes'],
      ['102', 'LongTimePeriod_Hrs', 'hours'],
      ['1200', 'VolumeLiquid_Litre', 'litres'],
      ['1201', 'Volume_m3', 'cubic metres'],
    ],
  ],
  [
    '13',
    { octets: 4, signed: true },
    [
      ['001', 'Value_4_Count', ''],
      ['002', 'FlowRate_m3/h', 'cubic metres per hour', { step: 0.0001 }],
      ['010', 'ActiveEnergy', 'watt hours'],
      ['011', 'ApparantEnergy', 'volt ampere hours'],
      ['012', 'ReactiveEnergy', 'var hours'],
      ['013', 'ActiveEnergy_kWh', 'kilowatt hours'],
      ['014', 'ApparantEnergy_kVAh', 'kilovolt ampere hours'],
      ['015', 'ReactiveEnergy_kVARh', 'kilovar hours'],
      ['016', 'ActiveEnergy_MWh', 'megawatt hours'],
      ['100', 'LongDeltaTimeSec', 'seconds'],
    ],
  ],
  ['17', { octets: 1, maxRaw: 63 }, [['001', 'SceneNumber', '']]],
  [
    '20',
    { octets: 1 },
    [
      ['001', 'SCLOMode', '', { maxRaw: 3 }],
      ['002', 'BuildingMode', '', { maxRaw: 2 }],
      ['003', 'OccMode', '', { maxRaw: 2 }],
      ['102', 'HVACMode', '', { maxRaw: 4 }],
      ['103', 'DHWMode', '', { maxRaw: 4 }],
      ['105', 'HVACContrMode', '', { maxRaw: 20 }],
    ],
  ],
]

/** 9.x: `min` where it is not what the encoding holds. */
const FLOAT16: readonly (readonly [sub: string, name: string, unit: string, min?: number])[] = [
  ['001', 'Value_Temp', 'celsius', -273],
  ['002', 'Value_Tempd', 'kelvin'],
  ['003', 'Value_Tempa', 'kelvin per hour'],
  ['004', 'Value_Lux', 'lux', 0],
  ['005', 'Value_Wsp', 'metres per second', 0],
  ['006', 'Value_Pres', 'pascal', 0],
  ['007', 'Value_Humidity', 'percent', 0],
  ['008', 'Value_AirQuality', 'ppm', 0],
  ['009', 'Value_AirFlow', 'cubic metres per hour'],
  ['010', 'Value_Time1', 'seconds'],
  ['011', 'Value_Time2', 'milliseconds'],
  ['020', 'Value_Volt', 'millivolts'],
  ['021', 'Value_Curr', 'milliamperes'],
  ['022', 'PowerDensity', 'watts per square metre'],
  ['023', 'KelvinPerPercent', 'kelvin per percent'],
  ['024', 'Power', 'kilowatts'],
  ['025', 'Value_Volume_Flow', 'litres per hour'],
  ['026', 'Rain_Amount', 'litres per square metre'],
  ['027', 'Value_Temp_F', 'fahrenheit', -459.6],
  ['028', 'Value_Wsp_kmh', 'kilometres per hour', 0],
  ['029', 'Value_Absolute_Humidity', 'grams per cubic metre', 0],
  ['030', 'Concentration_ygm3', 'micrograms per cubic metre', 0],
]

const FLOAT32: readonly Required<SubType>[] = [
  ['000', 'Value_Acceleration', 'metres per second squared'],
  ['005', 'Value_Amplitude', ''],
  ['006', 'Value_AngleRad', 'radians'],
  ['007', 'Value_AngleDeg', 'degrees'],
  ['010', 'Value_Area', 'square metres'],
  ['017', 'Value_Density', 'kilograms per cubic metre'],
  ['018', 'Value_Electric_Charge', 'coulombs'],
  ['019', 'Value_Electric_Current', 'amperes'],
  ['027', 'Value_Electric_Potential', 'volts'],
  ['028', 'Value_Electric_PotentialDifference', 'volts'],
  ['031', 'Value_Energy', 'joules'],
  ['032', 'Value_Force', 'newtons'],
  ['033', 'Value_Frequency', 'hertz'],
  ['036', 'Value_Heat_FlowRate', 'watts'],
  ['037', 'Value_Heat_Quantity', 'joules'],
  ['038', 'Value_Impedance', 'ohms'],
  ['039', 'Value_Length', 'metres'],
  ['042', 'Value_Luminous_Flux', 'lumens'],
  ['051', 'Value_Mass', 'kilograms'],
  ['055', 'Value_Phase_AngleDeg', 'degrees'],
  ['056', 'Value_Power', 'watts'],
  ['057', 'Value_Power_Factor', ''],
  ['058', 'Value_Pressure', 'pascal'],
  ['060', 'Value_Resistance', 'ohms'],
  ['065', 'Value_Speed', 'metres per second'],
  ['068', 'Value_Common_Temperature', 'celsius'],
  ['069', 'Value_Absolute_Temperature', 'kelvin'],
  ['070', 'Value_TemperatureDifference', 'kelvin'],
  ['074', 'Value_Time', 'seconds'],
  ['076', 'Value_Volume', 'cubic metres'],
  ['077', 'Value_Volume_Flux', 'cubic metres per second'],
  ['078', 'Value_Weight', 'newtons'],
  ['079', 'Value_Work', 'joules'],
  ['080', 'Value_ApparentPower', 'volt amperes'],
]

const numbered = (names: readonly string[]): readonly SubType[] =>
  names.map((name, i) => [String(i + 1).padStart(3, '0'), name])

const NUMBERS: readonly Dpt[] = [
  ...[...numbered(BITS), ...MORE_BITS].map(([sub, name]) => bit(`1.${sub}`, name)),
  scaled('5.001', 'Scaling', 'percent', 100),
  scaled('5.003', 'Angle', 'degrees', 360),
  ...WHOLE.flatMap(([main, common, subs]) =>
    subs.map(([sub, name, unit, own]) => wholeNumbers(`${main}.${sub}`, name, unit, { ...common, ...own })),
  ),
  ...FLOAT16.map(([sub, name, unit, min]) => float16(`9.${sub}`, name, unit, min)),
  ...FLOAT32.map(([sub, name, unit]) => float32(`14.${sub}`, name, unit)),
  signed64('29.010', 'ActiveEnergy_V64', 'watt hours'),
  signed64('29.011', 'ApparantEnergy_V64', 'volt ampere hours'),
  signed64('29.012', 'ReactiveEnergy_V64', 'var hours'),
]

const OTHERS: readonly DatapointType[] = [
  ...numbered(FORCED).map(([sub, name]) => forced(`2.${sub}`, name)),
  relativeControl('3.007', 'Control_Dimming'),
  relativeControl('3.008', 'Control_Blinds'),
  text('4.001', 'Char_ASCII', 1, 0x7f),
  text('4.002', 'Char_8859_1', 1, 0xff),
  timeOfDay('10.001', 'TimeOfDay'),
  date('11.001', 'Date'),
  text('16.000', 'String_ASCII', 14, 0x7f),
  text('16.001', 'String_8859_1', 14, 0xff),
  sceneControl('18.001', 'SceneControl'),
  dateTime('19.001', 'DateTime'),
  colour('232.600', 'Colour_RGB'),
  colourAndWhite('251.600', 'Colour_RGBW'),
]

const byId = <T extends { readonly id: string }>(types: readonly T[]): ReadonlyMap<string, T> =>
  new Map(types.map((type) => [type.id, type]))
const DPTS = byId(NUMBERS)
const ALL = byId<DatapointType>([...NUMBERS, ...OTHERS])

/** Every datapoint type that can be read and written, in order. */
export const DATAPOINT_TYPES: readonly DatapointType[] = [...ALL.values()]

/** `undefined` for a text that is no name of a datapoint type; `sub` is missing where only the main number is named. */
export function parseDptName(name: string): { readonly main: number; readonly sub?: number } | undefined {
  const match = /^(?:DPS?T)?[\s-]*(\d{1,3})(?:[.-](\d{1,4}))?$/i.exec(name.trim())
  if (!match) return undefined
  return { main: Number(match[1]), ...(match[2] === undefined ? {} : { sub: Number(match[2]) }) }
}

/**
 * A datapoint type of any kind of value. Takes `5.001`, `DPT5.001`, `DPT 5.001` and `DPST-5-1` (as ETS exports it).
 * @throws {UnsupportedDptError} for a type without a codec, or a main number alone.
 */
export function datapointTypeOf(name: string): DatapointType {
  const parsed = parseDptName(name)
  const id = parsed?.sub === undefined ? '' : `${parsed.main}.${String(parsed.sub).padStart(3, '0')}`
  const type = ALL.get(id)
  if (type) return type
  throw new UnsupportedDptError(
    parsed !== undefined && parsed.sub === undefined
      ? `the datapoint type ${JSON.stringify(name)} has no sub number: is it ${parsed.main}.001?`
      : `there is no codec for the datapoint type ${JSON.stringify(name)}`,
  )
}

/** A datapoint type that carries numbers. @throws {UnsupportedDptError} as `datapointTypeOf`, and for one that carries something else. */
export function dptOf(name: string): Dpt {
  const { id } = datapointTypeOf(name)
  const dpt = DPTS.get(id)
  if (dpt) return dpt
  throw new UnsupportedDptError(`the datapoint type ${id} carries no number`)
}
