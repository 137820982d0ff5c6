/**
 * How far ahead of its arrival the time of a reading may be. A record moves the stream time of all rooms that share its task: a clock
 * further ahead than the averages' grace (1 min) would make the readings of the others late. Half of it leaves room for the way
 * through the log.
 */
export const MAX_AHEAD_MS = 30_000
