import { formatGroupAddress, formatIndividualAddress } from './addresses.ts'
import type { GroupTelegram } from './cemi.ts'
import type { DatapointType, DptValue, GroupPayload } from './datapoint-type.ts'
import { datapointTypeOf } from './dpt.ts'
import { DptError, UnsupportedDptError } from './errors.ts'
import type { EtsGroup } from './ets-group.ts'
import { firstDpt } from './group-meaning.ts'

/** What a telegram says, for people and programs. */
export interface TelegramText {
  readonly source: string
  readonly address: string
  readonly service: 'read' | 'response' | 'write'
  /** Of the group address in the export. */
  readonly name: string | undefined
  readonly dpt: string | undefined
  /** As the datapoint type has it; `undefined` for a read, without a type, and where the payload is not of the type. */
  readonly value: DptValue | undefined
  /** `75 percent`, `red 255, green 0, blue 0`, `no valid value`, the payload in hex with why it is no more, … */
  readonly text: string
}

/** `group`: what an ETS export says of the address. */
export function telegramText(telegram: GroupTelegram, group: EtsGroup | undefined): TelegramText {
  const { source, destination, service, payload } = telegram
  const common = {
    source: formatIndividualAddress(source),
    address: formatGroupAddress(destination),
    service: SERVICES[service],
    name: group?.name,
  }
  if (service === 'GroupValue_Read') return { ...common, dpt: undefined, value: undefined, text: '' }
  const type = typeOf(group)
  return { ...common, dpt: type?.id, ...carriedBy(payload, type) }
}

const SERVICES = { GroupValue_Read: 'read', GroupValue_Response: 'response', GroupValue_Write: 'write' } as const

function typeOf(group: EtsGroup | undefined): DatapointType | undefined {
  try {
    return datapointTypeOf(firstDpt(group?.dpt) ?? '')
  } catch (error) {
    if (error instanceof UnsupportedDptError) return undefined
    throw error
  }
}

function carriedBy(payload: GroupPayload, type: DatapointType | undefined): Pick<TelegramText, 'value' | 'text'> {
  const raw = `${payload.short ? 'bits' : 'octets'} ${payload.data.toString('hex')}`
  if (type === undefined) return { value: undefined, text: raw }
  try {
    const value = type.decode(payload)
    return { value, text: value === undefined ? 'no valid value' : `${shown(value)}${withUnit(type.unit)}` }
  } catch (error) {
    if (error instanceof DptError) return { value: undefined, text: `${raw} (${error.message})` }
    throw error
  }
}

function shown(value: DptValue): string {
  if (typeof value === 'number') return String(Number(value.toPrecision(7)))
  if (typeof value === 'string') return JSON.stringify(value)
  return Object.entries(value)
    .map(([part, one]) => `${part} ${one ?? '-'}`)
    .join(', ')
}

function withUnit(unit: string): string {
  return unit === '' || unit === 'boolean' ? '' : ` ${unit}`
}
