import { replayArea } from './replay.ts'
import { FOREIGN_KEYS } from './scenarios/foreign-keys.ts'

replayArea('foreign-keys', FOREIGN_KEYS)
