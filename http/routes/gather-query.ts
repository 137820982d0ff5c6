import { freshnessQuery } from '../query/freshness.ts'
import { z } from '../zod.ts'

const partitions = z
  .string()
  .regex(/^\d{1,6}(,\d{1,6})*$/, 'must be numbers of partitions with commas between')
  .transform((text) => [...new Set(text.split(',').map(Number))])
  .optional()
  .meta({ description: 'partitions of the store, with commas between; default: all' })
/** Parameters of every read that is gathered from all instances. */
export const gatherQuery = freshnessQuery.extend({ partitions })
