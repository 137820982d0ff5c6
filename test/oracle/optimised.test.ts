import { replayArea } from './replay.ts'
import { OPTIMISED } from './scenarios/optimised.ts'

replayArea('optimised', OPTIMISED)
