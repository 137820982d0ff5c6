import { replayArea } from './replay.ts'
import { PROCESSORS } from './scenarios/processors.ts'

replayArea('processors', PROCESSORS)
