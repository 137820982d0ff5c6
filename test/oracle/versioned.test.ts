import { replayArea } from './replay.ts'
import { VERSIONED } from './scenarios/versioned.ts'

replayArea('versioned', VERSIONED)
