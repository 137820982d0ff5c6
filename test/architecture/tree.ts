import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import type { Tree } from './check.ts'

const NOT_OURS = new Set(['node_modules', 'dist', 'data', 'coverage', 'test-results'])

/** The project's TypeScript sources without declaration files. */
export async function readTree(root: string): Promise<Tree> {
  const paths: string[] = []
  const visit = async (folder: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.name.startsWith('.') || NOT_OURS.has(entry.name)) continue
      const path = join(folder, entry.name)
      if (entry.isDirectory()) await visit(path)
      else if (entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts')) paths.push(path)
    }
  }
  await visit(root)
  const texts = await Promise.all(paths.sort().map((path) => readFile(path, 'utf8')))
  return new Map(paths.map((path, i) => [relative(root, path).split(sep).join('/'), texts[i] as string]))
}
