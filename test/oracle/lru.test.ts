import { replayArea } from './replay.ts'
import { LRU } from './scenarios/lru.ts'

replayArea('lru', LRU)
