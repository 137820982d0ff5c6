import { memoryPlace } from '../contract/contract-places.ts'
import { changeBufferContract } from '../contract.ts'

changeBufferContract('buffer of updates in memory', { place: memoryPlace })
