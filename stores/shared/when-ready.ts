import { SerdeNotReadyError } from '../../common/errors.ts'

/** Runs `decode`, and again after each schema it has to wait for. */
export async function whenReady<T>(decode: () => T): Promise<T> {
  for (;;) {
    try {
      return decode()
    } catch (error) {
      if (!(error instanceof SerdeNotReadyError)) throw error
      await error.ready
    }
  }
}
