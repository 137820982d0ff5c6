// Plain JavaScript for whatever Node the machine has: this runs before the project's own Node 24 is installed.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const OLDEST_NODE = 20
const root = process.env['BROOK_INSTALL_ROOT'] || dirname(dirname(fileURLToPath(import.meta.url)))

function fail(message) {
  console.error(`brook: ${message}`)
  process.exit(1)
}

/** Why the packages have to be installed, or `undefined` when node_modules is what the lock file says. */
function reasonToInstall() {
  const installed = packagesOf(join(root, 'node_modules', '.package-lock.json'))
  if (installed === undefined) return 'node_modules is missing'
  const wanted = packagesOf(join(root, 'package-lock.json'))
  if (wanted === undefined) fail('package-lock.json is missing: is this a whole clone of the repository?')
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue
    const there = installed[path]
    // A package for another platform is left out by npm on purpose.
    if (there === undefined && (entry.optional || entry.devOptional || entry.peer)) continue
    const name = path.slice('node_modules/'.length)
    if (there === undefined) return `${name} ${entry.version} is missing`
    if (there.version !== entry.version) return `${name} is ${there.version}, wanted is ${entry.version}`
  }
  if (!existsSync(join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node')))
    return 'Node 24 is missing in node_modules'
}

function packagesOf(file) {
  let text
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
  return JSON.parse(text).packages
}

/** The environment of the machine itself: the project's own Node goes away while npm installs it anew. */
function machineEnvironment() {
  const path = (process.env['PATH'] || '').split(delimiter).filter((folder) => !folder.includes('node_modules'))
  return { ...process.env, PATH: path.join(delimiter) }
}

function install(reason) {
  console.log(`brook: ${reason}: running npm ci (about half a minute)`)
  const startedMs = Date.now()
  const npm = spawnSync('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    env: machineEnvironment(),
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (npm.error) fail(`npm cannot be started (${npm.error.message}): install Node ${OLDEST_NODE} or later with npm`)
  if (npm.status !== 0)
    fail(`npm ci failed (exit code ${npm.status}${npm.signal ? `, ${npm.signal}` : ''}): see its message above`)
  const left = reasonToInstall()
  if (left !== undefined)
    fail(`npm ci ended well, yet ${left}. If npm is set to ignore-scripts, run: npm ci --ignore-scripts=false`)
  console.log(`brook: installed in ${Math.round((Date.now() - startedMs) / 1000)} s`)
}

/** rocksdb-native is linked against libatomic, which small Linux images lack. */
function checkLibatomic() {
  if (process.platform !== 'linux' || hasLibatomic()) return
  const tried = spawnSync(process.execPath, ['-e', 'require("rocksdb-native")'], { cwd: root, encoding: 'utf8' })
  if (tried.status === 0) return
  const canInstall = process.env['CI'] && typeof process.getuid === 'function' && process.getuid() === 0
  if (canInstall && spawnSync('apt-get', ['--version']).status === 0) {
    console.log('brook: installing libatomic1, which RocksDB needs')
    spawnSync('apt-get', ['-qq', 'update'], { stdio: 'inherit' })
    if (spawnSync('apt-get', ['-qq', '-y', 'install', 'libatomic1'], { stdio: 'inherit' }).status === 0) return
  }
  fail(
    'RocksDB cannot be loaded because libatomic.so.1 is missing. Install it: sudo apt-get install libatomic1 ' +
      '(Fedora: sudo dnf install libatomic; Alpine: apk add libatomic)',
  )
}

function hasLibatomic() {
  const parents = ['/lib', '/usr/lib', '/lib64', '/usr/lib64', '/usr/local/lib']
  return parents.some((parent) => {
    if (existsSync(join(parent, 'libatomic.so.1'))) return true
    if (!existsSync(parent)) return false
    return readdirSync(parent).some(
      (folder) => folder.includes('-linux-') && existsSync(join(parent, folder, 'libatomic.so.1')),
    )
  })
}

const major = Number(process.versions.node.split('.')[0])
if (major < OLDEST_NODE)
  fail(`this is Node ${process.versions.node}; Node ${OLDEST_NODE} or later is needed (https://nodejs.org)`)
const reason = reasonToInstall()
if (reason !== undefined) install(reason)
checkLibatomic()
