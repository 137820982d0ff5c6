import type { EtsGroup } from '../../connectors/knx/ets-group.ts'
import { KnxLink } from '../../connectors/knx/knx-link.ts'
import { telegramText } from '../../connectors/knx/telegram-text.ts'
import { readKnxGroupFile } from '../knx-group-file.ts'
import { parseGateway } from '../settings.ts'
import type { Command, CommandContext } from './command.ts'
import { UsageError } from './errors.ts'

export const knxMonitorCommand: Command = {
  name: 'knx monitor',
  summary: 'the group telegrams on a KNX bus as they go by, decoded',
  details: `Opens a tunnel of its own at the gateway (--gateway, or BROOK_KNX_GATEWAY) and only listens: nothing is written or read. Names and
datapoint types come from an export of ETS (the operand, or BROOK_KNX_GROUPS); without one, payloads are shown in hex. Ctrl-C ends it.
A gateway has few tunnels; the connector of a building needs one of them.`,
  options: {
    gateway: { type: 'string', value: 'host:port', doc: 'the KNXnet/IP gateway; the port is 3671 unless given' },
    count: { type: 'string', value: 'n', doc: 'ends after so many telegrams' },
  },
  operands: [{ name: 'file', doc: 'the export: ETS, Group Addresses, Export Group Addresses', optional: true }],
  async run({ operands, options, output, settings }) {
    const gateway = gatewayOf(options['gateway'], settings)
    const most = countOf(options['count'])
    const groups = await groupsOf(operands[0] ?? settings.knxGroups)
    const telegrams: object[] = []
    const ended = Promise.withResolvers<void>()
    const stop = (): void => ended.resolve()
    const link = new KnxLink(gateway, {
      onState: (up, reason) =>
        output.note(
          up ? `listening at ${gateway.host}:${gateway.port}` : `no tunnel: ${reason?.message}; trying again`,
        ),
      onMalformed: (error) => output.note(`dropped: ${error.message}`),
      onTelegram: (telegram) => {
        if (telegrams.length >= most) return
        const said = telegramText(telegram, groups.get(telegram.destination))
        const at = new Date().toISOString()
        telegrams.push(output.isJson ? { at, ...said, value: said.value ?? null } : said)
        const { source, address, service, name = '-', text } = said
        output.line(
          `${at}  ${source.padEnd(9)}  ${address.padEnd(9)}  ${service.padEnd(8)}  ${name}  ${text}`.trimEnd(),
        )
        if (telegrams.length >= most) stop()
      },
    })
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, stop)
    // Rejects when it is closed before a tunnel stands: then there was nothing to hear.
    const opened = link.open().catch(() => {})
    await ended.promise
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, stop)
    await link.close()
    await opened
    output.json({ gateway: `${gateway.host}:${gateway.port}`, telegrams })
    return 0
  },
}

function gatewayOf(option: string | boolean | undefined, { knxGateway }: CommandContext['settings']) {
  if (typeof option !== 'string') {
    if (knxGateway !== undefined) return knxGateway
    throw new UsageError('which gateway? --gateway host:port, or BROOK_KNX_GATEWAY')
  }
  const parsed = parseGateway(option)
  if ('value' in parsed) return parsed.value
  throw new UsageError(`--gateway ${parsed.problem}`)
}

function countOf(option: string | boolean | undefined): number {
  if (option === undefined) return Number.POSITIVE_INFINITY
  if (/^[1-9]\d{0,5}$/.test(String(option))) return Number(option)
  throw new UsageError(`--count must be a number from 1, got ${JSON.stringify(option)}`)
}

/** @throws {ConfigError} */
async function groupsOf(path: string | undefined): Promise<ReadonlyMap<number, EtsGroup>> {
  if (path === undefined) return new Map()
  const { outcomes } = await readKnxGroupFile(path)
  return new Map(outcomes.map(({ group }) => [group.address, group]))
}
