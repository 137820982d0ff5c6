import { asError } from '../../common/errors.ts'
import type { Device, KnxGroup, ReadingKind } from '../../schemas/types.ts'
import { parseGroupAddress } from './addresses.ts'
import { type Carrier, carrierOf, inverted } from './carriers.ts'
import { type Dpt, dptOf } from './dpt.ts'
import { UnsupportedDptError } from './errors.ts'

/** One kind of one device, ready to be read and set. */
export interface GroupEntry {
  readonly device: Device
  readonly kind: ReadingKind
  readonly write: number | undefined
  readonly status: number | undefined
  /** Of the write address. */
  readonly dpt: Dpt
  readonly carrier: Carrier
  /** Of the status address; the same unless the record names another. */
  readonly statusDpt: Dpt
  readonly statusCarrier: Carrier
}

/** How an address of the entry is to be read. */
export function codecOf({ entry, role }: GroupUse): { readonly dpt: Dpt; readonly carrier: Carrier } {
  return role === 'status' ? { dpt: entry.statusDpt, carrier: entry.statusCarrier } : entry
}

/** `status`: what the device says it is. `write`: what it is told to be. An address that is both counts as `status`. */
export interface GroupUse {
  readonly entry: GroupEntry
  readonly role: 'status' | 'write'
}

/** What the group addresses on the line mean, from the device records. Several devices may listen on one address (central functions). */
export class GroupTable {
  readonly #devices = new Map<string, readonly GroupEntry[]>()
  readonly #uses = new Map<number, readonly GroupUse[]>()

  /** Replaces what was known of the device. Returns what of its record cannot be used, as sentences. */
  put(device: Device): readonly string[] {
    this.remove(device.deviceId)
    const problems: string[] = []
    const entries: GroupEntry[] = []
    for (const group of device.knx?.groups ?? []) {
      try {
        entries.push(entryOf(device, group))
      } catch (error) {
        problems.push(`${group.kind} of ${device.deviceId}: ${asError(error).message}`)
      }
    }
    this.#devices.set(device.deviceId, entries)
    for (const entry of entries)
      for (const [address, use] of usesOf(entry)) this.#uses.set(address, [...this.at(address), use])
    return problems
  }

  remove(deviceId: string): void {
    for (const entry of this.#devices.get(deviceId) ?? []) {
      for (const [address] of usesOf(entry)) {
        const others = this.at(address).filter((use) => use.entry.device.deviceId !== deviceId)
        if (others.length > 0) this.#uses.set(address, others)
        else this.#uses.delete(address)
      }
    }
    this.#devices.delete(deviceId)
  }

  clear(): void {
    this.#devices.clear()
    this.#uses.clear()
  }

  /** Empty for an address of nobody. */
  at(address: number): readonly GroupUse[] {
    return this.#uses.get(address) ?? []
  }

  entry(deviceId: string, kind: ReadingKind): GroupEntry | undefined {
    return this.#devices.get(deviceId)?.find((entry) => entry.kind === kind)
  }

  /** The status addresses of one device, or of all, each once. */
  statusAddresses(deviceId?: string): readonly number[] {
    const entries = deviceId === undefined ? [...this.#devices.values()].flat() : (this.#devices.get(deviceId) ?? [])
    return [...new Set(entries.flatMap(({ status }) => (status === undefined ? [] : [status])))]
  }
}

function entryOf(device: Device, group: KnxGroup): GroupEntry {
  const own = codec(group, group.dpt)
  const status = group.statusDpt === null ? own : codec(group, group.statusDpt)
  return {
    device,
    kind: group.kind,
    write: group.write === null ? undefined : parseGroupAddress(group.write),
    status: group.status === null ? undefined : parseGroupAddress(group.status),
    ...own,
    statusDpt: status.dpt,
    statusCarrier: status.carrier,
  }
}

function codec(group: KnxGroup, name: string): { readonly dpt: Dpt; readonly carrier: Carrier } {
  const dpt = dptOf(name)
  const carrier = carrierOf(group.kind, dpt)
  if (!carrier) throw new UnsupportedDptError(`DPT ${dpt.id} does not carry ${group.kind}`)
  return { dpt, carrier: isInverted(group, dpt) ? inverted(carrier, dpt) : carrier }
}

/** "Up" and "down" mean the same with blinds that count how far they are closed: where there is a percentage, it alone is inverted. */
function isInverted({ inverted: isSaid, dpt: own, statusDpt }: KnxGroup, { unit }: Dpt): boolean {
  return isSaid && (unit === 'percent' || ![own, statusDpt ?? own].some((name) => dptOf(name).unit === 'percent'))
}

function usesOf(entry: GroupEntry): readonly (readonly [number, GroupUse])[] {
  const uses: (readonly [number, GroupUse])[] = []
  if (entry.status !== undefined) uses.push([entry.status, { entry, role: 'status' }])
  if (entry.write !== undefined && entry.write !== entry.status) uses.push([entry.write, { entry, role: 'write' }])
  return uses
}
