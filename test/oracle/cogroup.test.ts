import { replayArea } from './replay.ts'
import { COGROUP } from './scenarios/cogroup.ts'

replayArea('cogroup', COGROUP)
