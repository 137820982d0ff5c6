export { murmur2, partitionForKey } from '../common/murmur2.ts'
