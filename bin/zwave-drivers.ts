/** What may drive a Z-Wave stick. */
export const ZWAVE_DRIVERS = ['zwave-js', 'openzwave'] as const

export type ZwaveDriverName = (typeof ZWAVE_DRIVERS)[number]
