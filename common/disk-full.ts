import { BrookError } from './errors.ts'

const FULL_CODES: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
const FULL_MESSAGE = /no space left|quota exceeded|file too large/i

/**
 * A file system has no room left, or a quota or limit of file sizes does not allow more. What was not written is not there; what was is.
 * Tasks begin anew from their last commit until there is room, for `taskTimeout` in all.
 */
export class DiskFullError extends BrookError {
  readonly code = 'DISK_FULL'
  readonly domain = 'external'
  readonly recovery = 'retry'
  readonly path: string

  constructor(path: string, said: string, options?: ErrorOptions) {
    super(
      `there is no room for ${path}: ${said}. Make room on its file system, or move the directory to one that has more`,
      options,
    )
    this.path = path
  }
}

/** The error as a {@link DiskFullError} for `path` when that is what it, or a cause of it, says; else as it is. */
export function orDiskFull(path: string, error: Error): Error {
  for (let at: unknown = error; at !== undefined && at !== null; at = at instanceof Error ? at.cause : undefined) {
    if (at instanceof DiskFullError) return at
    const said = at instanceof Error ? at.message : String(at)
    const code = at instanceof Error && 'code' in at ? at.code : undefined
    if (FULL_CODES.has(code) || FULL_MESSAGE.test(said)) return new DiskFullError(path, said, { cause: error })
  }
  return error
}
