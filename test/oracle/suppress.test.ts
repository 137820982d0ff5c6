import { replayArea } from './replay.ts'
import { SUPPRESS } from './scenarios/suppress.ts'

replayArea('suppress', SUPPRESS)
