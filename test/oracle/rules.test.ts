import { replayArea } from './replay.ts'
import { RULES } from './scenarios/rules.ts'

replayArea('rules', RULES)
