/** The command line of Brook: `npx brook`, `npm run brook --`. */
import { runCli } from './cli/cli.ts'

// `brook … | head` has read enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

process.exitCode = await runCli(process.argv.slice(2), process.env, {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  isTerminal: process.stderr.isTTY === true && process.stdout.isTTY === true,
  columns: () => process.stdout.columns,
})
