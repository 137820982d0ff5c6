// Plain JavaScript for whatever Node runs it. An install never fails here, unless BROOK_OPENZWAVE is `required`.
const isRequired = process.env['BROOK_OPENZWAVE'] === 'required'

if (process.env['BROOK_OPENZWAVE'] === 'skip') process.exit(0)
try {
  if (Number(process.versions.node.split('.')[0]) < 24)
    throw new Error(`Node ${process.versions.node} runs this, not 24`)
  const { buildOpenzwave, openzwaveObstacle } = await import('./servers/openzwave/build.ts')
  const obstacle = await openzwaveObstacle()
  if (obstacle !== undefined) throw new Error(obstacle)
  await buildOpenzwave((text) => console.log(`brook: ${text}`))
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error)
  console.log(`brook: the Z-Wave driver OpenZWave is left out, zwave-js does without it: ${reason}`)
  process.exitCode = isRequired ? 1 : 0
}
