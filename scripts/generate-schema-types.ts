import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateTypes, readSchemas } from '../schemas/codegen.ts'

/** `npm run schemas` writes `schemas/types.ts`; with `-- --check` it only says whether it is up to date. */
const directory = join(import.meta.dirname, '..', 'schemas')
const target = join(directory, 'types.ts')
const text = generateTypes(readSchemas(directory))

if (!process.argv.includes('--check')) {
  writeFileSync(target, text)
  console.log('wrote schemas/types.ts')
} else if (readIfThere(target) !== text) {
  console.error('schemas/types.ts does not match the .avsc files: run npm run schemas')
  process.exitCode = 1
} else {
  console.log('schemas/types.ts is up to date')
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
