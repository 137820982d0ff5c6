/** An entry of `packages` in package-lock.json, as far as it matters here. */
export interface LockEntry {
  readonly version?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly license?: string
  readonly engines?: Readonly<Record<string, string>>
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: readonly string[]
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

export type LockPackages = Readonly<Record<string, LockEntry>>

interface Gap {
  readonly name: string
  readonly version: string
  /** Who wants it. */
  readonly parent: LockEntry
}

/**
 * Optional dependencies of one exact version that the lock file does not hold. npm leaves out what it could not look up, such as
 * binaries for other platforms on a registry that has them not; `npm ci` then refuses the lock file everywhere.
 */
export function findGaps(packages: LockPackages): Gap[] {
  return Object.entries(packages).flatMap(([path, parent]) =>
    Object.entries(parent.optionalDependencies ?? {})
      .filter(([name, version]) => /^\d+\.\d+\.\d+/.test(version) && !isHeld(packages, path, name))
      .map(([name, version]) => ({ name, version, parent })),
  )
}

/** Node looks for a package beside its user and in every folder above. */
function isHeld(packages: LockPackages, path: string, name: string): boolean {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))) {
    if (`${folder === '' ? '' : `${folder}/`}node_modules/${name}` in packages) return true
    if (folder === '') return false
  }
}

const SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32']
const PROCESSORS = ['arm64', 'arm', 'ia32', 'ppc64', 'riscv64', 's390x', 'x64']

/** The packages with an entry for every gap; platform limits are read off the names (`…-linux-arm64-musl`). */
export function withoutGaps(packages: LockPackages): LockPackages {
  const added = findGaps(packages).map(({ name, version, parent }): [string, LockEntry] => {
    const words = (name.split('/').at(-1) as string).split('-')
    const os = SYSTEMS.filter((system) => words.includes(system))
    const cpu = PROCESSORS.filter((processor) => words.includes(processor))
    if (os.length !== 1 || cpu.length !== 1) throw new Error(`the platform of ${name} cannot be read off its name`)
    const libc = words.some((word) => word.startsWith('musl'))
      ? ['musl']
      : words.some((word) => word.startsWith('gnu'))
        ? ['glibc']
        : []
    return [
      `node_modules/${name}`,
      {
        version,
        cpu,
        ...(parent.dev ? { dev: true } : {}),
        ...(libc.length > 0 ? { libc } : {}),
        ...(parent.license === undefined ? {} : { license: parent.license }),
        optional: true,
        os,
        ...(parent.engines === undefined ? {} : { engines: parent.engines }),
      },
    ]
  })
  const all = [...Object.entries(packages), ...added]
  return Object.fromEntries(all.sort(([a], [b]) => a.localeCompare(b, 'en')))
}
