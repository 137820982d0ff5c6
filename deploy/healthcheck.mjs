// Health check of the containers: exit code 0 when this container's program says over HTTP that it is ready.
const port = process.env['BROOK_HTTP_PORT'] || '8080'
const path = process.argv[2] ?? '/readyz'

try {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(4000) })
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`)
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
