import { replayArea } from './replay.ts'
import { NAMING } from './scenarios/naming.ts'

replayArea('naming', NAMING)
