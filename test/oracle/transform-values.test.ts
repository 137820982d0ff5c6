import { replayArea } from './replay.ts'
import { TRANSFORM_VALUES } from './scenarios/transform-values.ts'

replayArea('transform-values', TRANSFORM_VALUES)
