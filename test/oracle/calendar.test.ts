import { replayArea } from './replay.ts'
import { CALENDAR } from './scenarios/calendar.ts'

replayArea('calendar', CALENDAR)
