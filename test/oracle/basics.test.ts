import { replayArea } from './replay.ts'
import { BASICS } from './scenarios/basics.ts'

replayArea('basics', BASICS)
