import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { findGaps, type LockPackages, withoutGaps } from './lock-file.ts'

/** Adds to package-lock.json what npm could not look up. Run it after every `npm install` that changed the lock file. */
const file = fileURLToPath(new URL('../package-lock.json', import.meta.url))
const lock = JSON.parse(readFileSync(file, 'utf8')) as { packages: LockPackages }
const gaps = findGaps(lock.packages)
if (gaps.length > 0)
  writeFileSync(file, `${JSON.stringify({ ...lock, packages: withoutGaps(lock.packages) }, null, 2)}\n`)
console.log(`${gaps.length} entries added to package-lock.json`)
