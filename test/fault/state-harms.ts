import { readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What may happen to the files of a task's state, in its directory (`<stateDir>/<applicationId>/<task>`). */
export type Harm = (taskDirectory: string) => Promise<void>

async function filesLike(taskDirectory: string, pattern: RegExp): Promise<readonly string[]> {
  const folder = join(taskDirectory, 'rocksdb')
  const names = (await readdir(folder)).filter((name) => pattern.test(name))
  if (names.length === 0) throw new Error(`${folder} has no file like ${pattern}: nothing would be tested`)
  return names.map((name) => join(folder, name))
}

const each = (pattern: RegExp, change: (path: string, sizeBytes: number) => Promise<void>): Harm => {
  return async (taskDirectory) => {
    for (const path of await filesLike(taskDirectory, pattern)) await change(path, (await stat(path)).size)
  }
}

const cut = (pattern: RegExp): Harm => each(pattern, (path, sizeBytes) => truncate(path, Math.floor(sizeBytes / 2)))
const empty = (pattern: RegExp): Harm => each(pattern, (path) => truncate(path, 0))
const remove = (pattern: RegExp): Harm => each(pattern, (path) => rm(path))
const overwrite = (pattern: RegExp): Harm =>
  each(pattern, (path, sizeBytes) => writeFile(path, Buffer.alloc(sizeBytes, 7)))

const TABLES = /\.sst$/
const LOG = /\.log$/
const MANIFEST = /^MANIFEST/
const CURRENT = /^CURRENT$/

/** By what has happened. */
export const HARMS: Readonly<Record<string, Harm>> = {
  'its directory is deleted': (taskDirectory) => rm(taskDirectory, { recursive: true }),
  'its tables are cut in half': cut(TABLES),
  'its tables are empty': empty(TABLES),
  'a table is gone': remove(TABLES),
  'a table is overwritten': overwrite(TABLES),
  'the log of its last writes is cut in half': cut(LOG),
  'the log of its last writes is overwritten': overwrite(LOG),
  'the log of its last writes is gone': remove(LOG),
  'the list of its files is cut in half': cut(MANIFEST),
  'the list of its files is overwritten': overwrite(MANIFEST),
  'the list of its files is gone': remove(MANIFEST),
  'the pointer to the list of its files is half written': each(CURRENT, (path) => writeFile(path, 'MANI')),
  'the pointer to the list of its files is empty': empty(CURRENT),
  'the pointer to the list of its files is gone': remove(CURRENT),
  'its options and its identity are cut in half': cut(/^(OPTIONS|IDENTITY)/),
}

/** To what the application's directory has beside the tasks: the process lock and the note of who has it. */
export async function harmOwnFiles(applicationDirectory: string): Promise<void> {
  await writeFile(join(applicationDirectory, '.owner.json'), '{"pid":')
  for (const name of await readdir(join(applicationDirectory, '.lock')))
    await truncate(join(applicationDirectory, '.lock', name), 1)
}
