import { replayArea } from './replay.ts'
import { EMIT_FINAL } from './scenarios/emit-final.ts'

replayArea('emit-final', EMIT_FINAL)
