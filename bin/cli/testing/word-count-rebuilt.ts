import { wordCount } from './word-count.ts'

export default wordCount('word-counts', 120_000)
