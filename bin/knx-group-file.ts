import { readFile, stat } from 'node:fs/promises'
import { join, parse } from 'node:path'
import { asError, ConfigError } from '../common/errors.ts'
import { readEtsExport } from '../connectors/knx/ets-export.ts'
import type { EtsExport, LineProblem } from '../connectors/knx/ets-group.ts'
import { type GroupDevices, groupDevices } from '../connectors/knx/group-devices.ts'
import { readMapping, USUAL_MAPPING } from '../connectors/knx/group-mapping.ts'

/** An ETS export with what it becomes. */
export interface KnxGroupFile extends GroupDevices {
  readonly format: EtsExport['format']
  /** Lines of the export that cannot be used. */
  readonly problems: readonly LineProblem[]
  /** The mapping file beside the export, where there is one. */
  readonly mappingPath: string | undefined
  readonly mappingProblems: readonly LineProblem[]
}

/** All 65,535 addresses with long names and descriptions stay below it. */
const LARGEST_BYTES = 64 * 1024 * 1024

/**
 * Reads an ETS export and the mapping file beside it: `house.yaml` for `house.csv`.
 * @throws {ConfigError} when a file cannot be read at all.
 */
export async function readKnxGroupFile(path: string): Promise<KnxGroupFile> {
  const bytes = await contentOf(path)
  if (bytes === undefined) throw new ConfigError([`there is no file ${path} of group addresses`])
  const { dir, name } = parse(path)
  const mappingPath = join(dir, `${name}.yaml`)
  const mappingText = mappingPath === path ? undefined : await contentOf(mappingPath)
  const { mapping, problems: mappingProblems } =
    mappingText === undefined ? { mapping: USUAL_MAPPING, problems: [] } : readMapping(mappingText.toString('utf8'))
  const { format, groups, problems } = readEtsExport(bytes)
  return {
    ...groupDevices(groups, mapping),
    format,
    problems,
    mappingPath: mappingText === undefined ? undefined : mappingPath,
    mappingProblems,
  }
}

async function contentOf(path: string): Promise<Buffer | undefined> {
  try {
    const { size } = await stat(path)
    if (size > LARGEST_BYTES) throw new Error(`it has ${size} bytes, more than ${LARGEST_BYTES}`)
    return await readFile(path)
  } catch (thrown) {
    const error = asError(thrown)
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new ConfigError([`${path} cannot be read: ${error.message}`])
  }
}
