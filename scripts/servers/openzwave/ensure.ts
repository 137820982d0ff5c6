import { ensureParts } from '../apt.ts'
import type { Progress } from '../maven.ts'
import { buildOpenzwave } from './build.ts'

/**
 * Library, compiler and the built driver, for tests and `npm run openzwave`: installs what is missing where we are root and have
 * apt-get. @throws {MissingPartError | ServerStartError}
 */
export async function ensureOpenzwave(progress: Progress = () => undefined): Promise<void> {
  await ensureParts(['libopenzwave', 'g++', 'socat'], progress)
  await buildOpenzwave(progress)
}

if (process.argv[1] === import.meta.filename) {
  await ensureOpenzwave((text) => console.log(`brook: ${text}`))
  console.log('brook: the Z-Wave driver OpenZWave is ready: BROOK_ZWAVE_DRIVER=openzwave')
}
