import { replayArea } from './replay.ts'
import { SLIDING } from './scenarios/sliding.ts'

replayArea('sliding', SLIDING)
