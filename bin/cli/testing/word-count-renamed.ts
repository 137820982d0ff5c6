import { wordCount } from './word-count.ts'

export default wordCount('word-totals', 60_000)
