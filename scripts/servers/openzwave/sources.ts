import { createHash } from 'node:crypto'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ServerStartError } from '../errors.ts'
import { lastLines, run } from '../run.ts'

/** What the lock file says of a package. */
interface Pinned {
  readonly version: string
  readonly integrity: string
}

/** The folder of a package: that in node_modules, or fetched into `work` where npm (before 11) has left it out. */
export async function packageSources(name: string, pinned: Pinned, root: string, work: string): Promise<string> {
  const installed = join(root, 'node_modules', name)
  const manifest = await readFile(join(installed, 'package.json'), 'utf8').catch(() => '{}')
  const isWhole =
    name !== 'openzwave-shared' || (await readFile(join(installed, 'src', 'openzwave.cc')).catch(() => false))
  if (isWhole && (JSON.parse(manifest) as Partial<Pinned>).version === pinned.version) return installed
  return join(await unpacked(name, pinned.version, work, { integrity: pinned.integrity }), 'package')
}

/** The headers of the Node that runs this: beside its program, or out of the package that the program came in. */
export async function nodeHeaders(work: string): Promise<string> {
  const beside = join(dirname(dirname(process.execPath)), 'include', 'node')
  const version = await readFile(join(beside, 'node_version.h'), 'utf8').catch(() => '')
  if (version.includes(`NODE_MAJOR_VERSION ${process.versions.node.split('.')[0]}\n`)) return beside
  const name = `node-${process.platform}-${process.arch}`
  const folder = await unpacked(name, process.versions.node, work, { only: 'package/include' })
  return join(folder, 'package', 'include', 'node')
}

async function unpacked(
  name: string,
  version: string,
  work: string,
  { integrity, only }: { readonly integrity?: string; readonly only?: string },
): Promise<string> {
  const folder = join(work, name)
  await mkdir(folder)
  await well('npm', ['pack', `${name}@${version}`, '--silent', '--pack-destination', folder], work)
  const file = join(folder, `${name}-${version}.tgz`)
  if (integrity !== undefined) {
    const digest = createHash('sha512')
      .update(await readFile(file))
      .digest('base64')
    if (integrity !== `sha512-${digest}`)
      throw new ServerStartError(`${name} ${version} is not what package-lock.json says`)
  }
  await well('tar', ['-xzf', file, '-C', folder, ...(only === undefined ? [] : [only])], work)
  await rm(file)
  return folder
}

async function well(command: string, args: readonly string[], cwd: string): Promise<void> {
  const { exitCode, output } = await run(command, args, { cwd })
  if (exitCode !== 0) throw new ServerStartError(`${command} ${args[0]} failed: ${lastLines(output, 3)}`)
}
