import { formatGroupAddress } from '../../connectors/knx/addresses.ts'
import type { GroupOutcome } from '../../connectors/knx/group-devices.ts'
import { readKnxGroupFile } from '../knx-group-file.ts'
import type { Command } from './command.ts'
import { plural } from './output.ts'

export const knxCheckCommand: Command = {
  name: 'knx check',
  summary: 'what the group addresses of an ETS export become: rooms, devices, kinds',
  details: `Reads an export of group addresses (CSV or XML) as BROOK_KNX_GROUPS would, with the mapping file beside it (house.yaml for
house.csv), and shows what each address becomes, which are not used and why, and which lines cannot be read. Nothing is sent.
Exit code 1 when a line of the export or of the mapping file cannot be used, or no address becomes part of a device.`,
  options: {},
  operands: [{ name: 'file', doc: 'the export: ETS, Group Addresses, Export Group Addresses' }],
  async run({ operands, output }) {
    const [path = ''] = operands
    const file = await readKnxGroupFile(path)
    const { outcomes, devices, rooms, problems, mappingProblems, mappingPath } = file
    output.json({
      path,
      format: file.format,
      mapping: mappingPath ?? null,
      devices,
      rooms,
      addresses: outcomes.map(documentOf),
      problems,
      mappingProblems,
    })
    const used = outcomes.flatMap((one) => (one.unused === undefined ? [one] : []))
    const unused = outcomes.flatMap((one) => (one.unused === undefined ? [] : [one]))
    if (used.length > 0)
      output.table(
        ['ADDRESS', 'ROOM', 'DEVICE', 'KIND', 'DPT', 'USE', 'NAME', 'NOTE'],
        used.map((one) => [
          formatGroupAddress(one.group.address),
          one.roomId,
          one.deviceId,
          one.kind,
          one.inverted ? `${one.dpt} inverted` : one.dpt,
          one.role,
          one.group.name,
          one.note,
        ]),
      )
    if (unused.length > 0) {
      output.line()
      output.line('Not used:')
      output.table(
        ['LINE', 'ADDRESS', 'DPT', 'NAME', 'WHY'],
        unused.map(({ group, unused: why }) => [
          group.line,
          formatGroupAddress(group.address),
          group.dpt,
          group.name,
          why,
        ]),
      )
    }
    for (const [what, list] of [
      [path, problems],
      [mappingPath ?? '', mappingProblems],
    ] as const)
      for (const { line, reason } of list)
        output.line(`${list[0]?.line === line ? '\n' : ''}${what}, line ${line}: ${reason}`)
    output.line()
    output.line(
      `${file.format}, ${mappingPath === undefined ? 'no mapping file beside it' : `with ${mappingPath}`}: ${plural(rooms.length, 'room')}, ` +
        `${plural(devices.length, 'device')} of ${plural(used.length, 'address', 'addresses')}; ${unused.length} not used, ` +
        `${plural(problems.length, 'line')} that cannot be read.`,
    )
    return problems.length + mappingProblems.length > 0 || devices.length === 0 ? 1 : 0
  },
}

function documentOf(one: GroupOutcome) {
  const { line, address, name, path, dpt } = one.group
  const common = { line, address: formatGroupAddress(address), name, path, exportedDpt: dpt ?? null }
  if (one.unused !== undefined) return { ...common, unused: one.unused }
  const { roomId, deviceId, kind, role, inverted, note = null } = one
  return { ...common, roomId, deviceId, kind, role, dpt: one.dpt, inverted, note }
}
