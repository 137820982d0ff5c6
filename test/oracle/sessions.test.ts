import { replayArea } from './replay.ts'
import { SESSIONS } from './scenarios/sessions.ts'

replayArea('sessions', SESSIONS)
