// Generated from schemas/*.avsc by `npm run schemas`. Change the schema, not this file.
import { type AvroType, defineAvroType } from './avro-type.ts'

/** The symbols of {@link Bus} in their order. */
export const busSymbols = ['mqtt', 'knx', 'zwave', 'unknown'] as const
/** The bus a device is on. */
export type Bus = (typeof busSymbols)[number]

/** The symbols of {@link CommandKind} in their order. */
export const commandKindSymbols = ['blinds', 'radiator', 'light', 'switch', 'unknown'] as const
/** What a command sets. */
export type CommandKind = (typeof commandKindSymbols)[number]

/** The symbols of {@link CommandStatus} in their order. */
export const commandStatusSymbols = ['sent', 'confirmed', 'timed_out', 'refused', 'expired', 'superseded', 'unknown'] as const
/** How far a command has come: sent to the bus, confirmed by the device, without an answer in time, refused by the bus or device, past its expiry before it was sent, or replaced by a newer one. */
export type CommandStatus = (typeof commandStatusSymbols)[number]

/** The symbols of {@link DeviceType} in their order. */
export const deviceTypeSymbols = ['multisensor', 'sensor', 'blinds', 'radiator', 'dimmer', 'switch', 'unknown'] as const
/** What sort of device it is. */
export type DeviceType = (typeof deviceTypeSymbols)[number]

/** The symbols of {@link EvaluationResult} in their order. */
export const evaluationResultSymbols = ['fired', 'unchanged', 'held_by_override', 'conditions_not_met', 'disabled', 'no_data', 'unknown'] as const
/** What came of an evaluation of a rule: a command was sent, the device is already as wanted, a manual override holds, a condition does not hold, the rule is switched off for the room, or a reading it needs has never come. */
export type EvaluationResult = (typeof evaluationResultSymbols)[number]

/** The symbols of {@link Quality} in their order. */
export const qualitySymbols = ['good', 'uncertain'] as const
/** How far a reading can be trusted: good when it comes fresh from the device, uncertain when it may be old or its time is a guess. */
export type Quality = (typeof qualitySymbols)[number]

/** The symbols of {@link ReadingKind} in their order. */
export const readingKindSymbols = ['temperature', 'humidity', 'luminance', 'motion', 'pressure', 'battery', 'blinds', 'radiator', 'light', 'switch', 'unknown'] as const
/** What a reading measures or what a device is set to. */
export type ReadingKind = (typeof readingKindSymbols)[number]

/** The symbols of {@link RoomEventType} in their order. */
export const roomEventTypeSymbols = ['reading', 'command', 'result', 'device_added', 'device_removed', 'rules', 'unknown'] as const
/** What happened in a room. Internal to the building's application. */
export type RoomEventType = (typeof roomEventTypeSymbols)[number]

/** What is known of one kind of one device that can be set. Internal to the building's application. */
export interface ActuatorState {
  /** The device. */
  readonly deviceId: string
  /** What can be set. */
  readonly kind: CommandKind
  /** What the device last reported or confirmed; null when it never did. */
  readonly level: number | null
  /** When it did. */
  readonly levelAtMs: number | null
  /** Where it ought to be by the last command or hand; null when nobody ever set it. */
  readonly expected: number | null
  /** Since when. */
  readonly expectedAtMs: number | null
  /** The last command; null when a hand set it, or it was found as wanted. */
  readonly commandId: string | null
  /** Whether the device was seen where it ought to be. */
  readonly confirmed: boolean
  /** The manual override in force, if there is one. */
  readonly override: ManualOverride | null
  /** When rules lately changed it, oldest first. */
  readonly sentAtMs: readonly number[]
}

export const ActuatorState: AvroType<ActuatorState, 'level' | 'levelAtMs' | 'expected' | 'expectedAtMs' | 'commandId' | 'confirmed' | 'override' | 'sentAtMs'> = defineAvroType({"type":"record","name":"ActuatorState","namespace":"building","doc":"What is known of one kind of one device that can be set. Internal to the building's application.","fields":[{"name":"deviceId","doc":"The device.","type":"string"},{"name":"kind","doc":"What can be set.","type":{"type":"enum","name":"CommandKind","namespace":"building","doc":"What a command sets.","symbols":["blinds","radiator","light","switch","unknown"],"default":"unknown"}},{"name":"level","doc":"What the device last reported or confirmed; null when it never did.","type":["null","double"],"default":null},{"name":"levelAtMs","doc":"When it did.","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"default":null},{"name":"expected","doc":"Where it ought to be by the last command or hand; null when nobody ever set it.","type":["null","double"],"default":null},{"name":"expectedAtMs","doc":"Since when.","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"default":null},{"name":"commandId","doc":"The last command; null when a hand set it, or it was found as wanted.","type":["null","string"],"default":null},{"name":"confirmed","doc":"Whether the device was seen where it ought to be.","type":"boolean","default":false},{"name":"override","doc":"The manual override in force, if there is one.","type":["null",{"type":"record","name":"ManualOverride","namespace":"building","doc":"Keeps the rules from changing a device that was set by hand.","fields":[{"name":"by","doc":"Who set it: an issuer such as user:ann, hand for somebody at the device, or guard when rules changed it too often.","type":"string"},{"name":"value","doc":"What it was set to.","type":"double"},{"name":"sinceMs","doc":"When it was set.","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"untilMs","doc":"When the rules may change it again.","type":{"type":"long","logicalType":"timestamp-millis"}}]}],"default":null},{"name":"sentAtMs","doc":"When rules lately changed it, oldest first.","type":{"type":"array","items":{"type":"long","logicalType":"timestamp-millis"}},"default":[]}]})

/** A pointer to one record that led to something, with what it said. */
export interface Cause {
  /** The topic of the record. */
  readonly topic: string
  /** The partition of the record. */
  readonly partition: number
  /** The offset of the record. */
  readonly offset: number
  /** The device that the record is about, if it is about one. */
  readonly deviceId: string | null
  /** What was measured, if the record is a reading. */
  readonly kind: ReadingKind | null
  /** The measured value, if the record is a reading. */
  readonly value: number | null
  /** The event time of the record. */
  readonly timeMs: number
}

export const Cause: AvroType<Cause, 'deviceId' | 'kind' | 'value'> = defineAvroType({"type":"record","name":"Cause","namespace":"building","doc":"A pointer to one record that led to something, with what it said.","fields":[{"name":"topic","doc":"The topic of the record.","type":"string"},{"name":"partition","doc":"The partition of the record.","type":"int"},{"name":"offset","doc":"The offset of the record.","type":"long"},{"name":"deviceId","doc":"The device that the record is about, if it is about one.","type":["null","string"],"default":null},{"name":"kind","doc":"What was measured, if the record is a reading.","type":["null",{"type":"enum","name":"ReadingKind","namespace":"building","doc":"What a reading measures or what a device is set to.","symbols":["temperature","humidity","luminance","motion","pressure","battery","blinds","radiator","light","switch","unknown"],"default":"unknown"}],"default":null},{"name":"value","doc":"The measured value, if the record is a reading.","type":["null","double"],"default":null},{"name":"timeMs","doc":"The event time of the record.","type":{"type":"long","logicalType":"timestamp-millis"}}]})

/** One order to one device. */
export interface Command {
  /** Identifies the command; its results carry the same. */
  readonly commandId: string
  /** The device that is to obey; also the key of the record. */
  readonly deviceId: string
  /** The room the device is in. */
  readonly roomId: string
  /** What is to be set. */
  readonly kind: CommandKind
  /** The target value: 0 or 1 for a switch, otherwise 0 to 100 percent; blinds are 0 closed to 100 open. */
  readonly value: number
  /** Who asked: rule:<name> or user:<name>. */
  readonly issuer: string
  /** The records that led to the command; none when a person asked. */
  readonly causes: readonly Cause[]
  /** When the command was issued. */
  readonly issuedAtMs: number
  /** When the command is void if it has not been sent by then. */
  readonly expiresAtMs: number
}

export const Command: AvroType<Command, 'causes'> = defineAvroType({"type":"record","name":"Command","namespace":"building","doc":"One order to one device.","fields":[{"name":"commandId","doc":"Identifies the command; its results carry the same.","type":"string"},{"name":"deviceId","doc":"The device that is to obey; also the key of the record.","type":"string"},{"name":"roomId","doc":"The room the device is in.","type":"string"},{"name":"kind","doc":"What is to be set.","type":{"type":"enum","name":"CommandKind","namespace":"building","doc":"What a command sets.","symbols":["blinds","radiator","light","switch","unknown"],"default":"unknown"}},{"name":"value","doc":"The target value: 0 or 1 for a switch, otherwise 0 to 100 percent; blinds are 0 closed to 100 open.","type":"double"},{"name":"issuer","doc":"Who asked: rule:<name> or user:<name>.","type":"string"},{"name":"causes","doc":"The records that led to the command; none when a person asked.","type":{"type":"array","items":{"type":"record","name":"Cause","namespace":"building","doc":"A pointer to one record that led to something, with what it said.","fields":[{"name":"topic","doc":"The topic of the record.","type":"string"},{"name":"partition","doc":"The partition of the record.","type":"int"},{"name":"offset","doc":"The offset of the record.","type":"long"},{"name":"deviceId","doc":"The device that the record is about, if it is about one.","type":["null","string"],"default":null},{"name":"kind","doc":"What was measured, if the record is a reading.","type":["null",{"type":"enum","name":"ReadingKind","namespace":"building","doc":"What a reading measures or what a device is set to.","symbols":["temperature","humidity","luminance","motion","pressure","battery","blinds","radiator","light","switch","unknown"],"default":"unknown"}],"default":null},{"name":"value","doc":"The measured value, if the record is a reading.","type":["null","double"],"default":null},{"name":"timeMs","doc":"The event time of the record.","type":{"type":"long","logicalType":"timestamp-millis"}}]}},"default":[]},{"name":"issuedAtMs","doc":"When the command was issued.","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"expiresAtMs","doc":"When the command is void if it has not been sent by then.","type":{"type":"long","logicalType":"timestamp-millis"}}]})

/** One step in the life of a command. */
export interface CommandResult {
  /** The command. */
  readonly commandId: string
  /** The device of the command; also the key of the record. */
  readonly deviceId: string
  /** The room the device is in. */
  readonly roomId: string
  /** How far the command has come. */
  readonly status: CommandStatus
  /** Why, in a sentence, where there is more to say. */
  readonly detail: string | null
  /** When this became known. */
  readonly atMs: number
}

export const CommandResult: AvroType<CommandResult, 'detail'> = defineAvroType({"type":"record","name":"CommandResult","namespace":"building","doc":"One step in the life of a command.","fields":[{"name":"commandId","doc":"The command.","type":"string"},{"name":"deviceId","doc":"The device of the command; also the key of the record.","type":"string"},{"name":"roomId","doc":"The room the device is in.","type":"string"},{"name":"status","doc":"How far the command has come.","type":{"type":"enum","name":"CommandStatus","namespace":"building","doc":"How far a command has come: sent to the bus, confirmed by the device, without an answer in time, refused by the bus or device, past its expiry before it was sent, or replaced by a newer one.","symbols":["sent","confirmed","timed_out","refused","expired","superseded","unknown"],"default":"unknown"}},{"name":"detail","doc":"Why, in a sentence, where there is more to say.","type":["null","string"],"default":null},{"name":"atMs","doc":"When this became known.","type":{"type":"long","logicalType":"timestamp-millis"}}]})

/** One condition of a rule as it was found. */
export interface Condition {
  /** What is asked, such as humidity above threshold. */
  readonly name: string
  /** Whether it holds. */
  readonly holds: boolean
  /** The value found; null when there was none. */
  readonly actual: number | null
  /** The value it was compared with; null when it was compared with none. */
  readonly threshold: number | null
}

export const Condition: AvroType<Condition, 'actual' | 'threshold'> = defineAvroType({"type":"record","name":"Condition","namespace":"building","doc":"One condition of a rule as it was found.","fields":[{"name":"name","doc":"What is asked, such as humidity above threshold.","type":"string"},{"name":"holds","doc":"Whether it holds.","type":"boolean"},{"name":"actual","doc":"The value found; null when there was none.","type":["null","double"],"default":null},{"name":"threshold","doc":"The value it was compared with; null when it was compared with none.","type":["null","double"],"default":null}]})

/** Input that could not be used, with the reason. */
export interface DeadLetter {
  /** What was wrong with it, in a sentence. */
  readonly reason: string
  /** The stable code of the error. */
  readonly code: string
  /** Where it came from, such as mqtt:building/a/b/c. */
  readonly origin: string
  /** The key as it came; null when there was none. */
  readonly originalKey: Buffer | null
  /** The value as it came; null when there was none. */
  readonly originalValue: Buffer | null
  /** When it was received. */
  readonly receivedAtMs: number
  /** What came along with it. */
  readonly headers: Readonly<Record<string, string>>
}

export const DeadLetter: AvroType<DeadLetter, 'originalKey' | 'originalValue' | 'headers'> = defineAvroType({"type":"record","name":"DeadLetter","namespace":"building","doc":"Input that could not be used, with the reason.","fields":[{"name":"reason","doc":"What was wrong with it, in a sentence.","type":"string"},{"name":"code","doc":"The stable code of the error.","type":"string"},{"name":"origin","doc":"Where it came from, such as mqtt:building/a/b/c.","type":"string"},{"name":"originalKey","doc":"The key as it came; null when there was none.","type":["null","bytes"],"default":null},{"name":"originalValue","doc":"The value as it came; null when there was none.","type":["null","bytes"],"default":null},{"name":"receivedAtMs","doc":"When it was received.","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"headers","doc":"What came along with it.","type":{"type":"map","values":"string"},"default":{}}]})

/** A device of the building: what it is and where. */
export interface Device {
  /** Identifies the device; also the key of the record. */
  readonly deviceId: string
  /** The room the device is in. */
  readonly roomId: string
  /** The floor the room is on. */
  readonly floor: string
  /** The name for people. */
  readonly name: string
  /** What sort of device it is. */
  readonly type: DeviceType
  /** The bus the device is on; the address of that bus is set. */
  readonly bus: Bus
  /** What the device measures or can be set to. */
  readonly kinds: readonly ReadingKind[]
  /** The address on KNX. */
  readonly knx: KnxAddress | null
  /** The address on Z-Wave. */
  readonly zwave: ZwaveAddress | null
  /** The address on MQTT. */
  readonly mqtt: MqttAddress | null
}

export const Device: AvroType<Device, 'kinds' | 'knx' | 'zwave' | 'mqtt'> = defineAvroType({"type":"record","name":"Device","namespace":"building","doc":"A device of the building: what it is and where.","fields":[{"name":"deviceId","doc":"Identifies the device; also the key of the record.","type":"string"},{"name":"roomId","doc":"The room the device is in.","type":"string"},{"name":"floor","doc":"The floor the room is on.","type":"string"},{"name":"name","doc":"The name for people.","type":"string"},{"name":"type","doc":"What sort of device it is.","type":{"type":"enum","name":"DeviceType","namespace":"building","doc":"What sort of device it is.","symbols":["multisensor","sensor","blinds","radiator","dimmer","switch","unknown"],"default":"unknown"}},{"name":"bus","doc":"The bus the device is on; the address of that bus is set.","type":{"type":"enum","name":"Bus","namespace":"building","doc":"The bus a device is on.","symbols":["mqtt","knx","zwave","unknown"],"default":"unknown"}},{"name":"kinds","doc":"What the device measures or can be set to.","type":{"type":"array","items":{"type":"enum","name":"ReadingKind","namespace":"building","doc":"What a reading measures or what a device is set to.","symbols":["temperature","humidity","luminance","motion","pressure","battery","blinds","radiator","light","switch","unknown"],"default":"unknown"}},"default":[]},{"name":"knx","doc":"The address on KNX.","type":["null",{"type":"record","name":"KnxAddress","namespace":"building","doc":"Where a device is on KNX.","fields":[{"name":"groups","doc":"One entry for each kind that the device has.","type":{"type":"array","items":{"type":"record","name":"KnxGroup","namespace":"building","doc":"The KNX group addresses of one kind of reading of a device.","fields":[{"name":"kind","doc":"What the group addresses carry.","type":"building.ReadingKind"},{"name":"write","doc":"The group address that sets it, such as 1/2/3; null when it can only be read.","type":["null","string"],"default":null},{"name":"status","doc":"The group address that reports it; null when the device does not report it.","type":["null","string"],"default":null},{"name":"dpt","doc":"The datapoint type, such as 5.001.","type":"string"},{"name":"statusDpt","doc":"The datapoint type of the status address where it is another; null when it is the same.","type":["null","string"],"default":null},{"name":"inverted","doc":"Whether 0 and 100 percent on the bus are 100 and 0 percent here, as with blinds that count how far they are closed; where there is no percentage, whether 0 and 1 are swapped.","type":"boolean","default":false}]}},"default":[]}]}],"default":null},{"name":"zwave","doc":"The address on Z-Wave.","type":["null",{"type":"record","name":"ZwaveAddress","namespace":"building","doc":"Where a device is on Z-Wave.","fields":[{"name":"nodeId","doc":"The node number in the Z-Wave network, from 1.","type":"int"}]}],"default":null},{"name":"mqtt","doc":"The address on MQTT.","type":["null",{"type":"record","name":"MqttAddress","namespace":"building","doc":"Where a device is on MQTT.","fields":[{"name":"topic","doc":"The MQTT topic that the device publishes under.","type":"string"}]}],"default":null}]})

/** What is known of a device: its last values, and its last command. */
export interface DeviceState {
  /** The device; also the key in the store. */
  readonly deviceId: string
  /** The room it is in. */
  readonly roomId: string
  /** The last value of each kind. */
  readonly values: readonly DeviceValue[]
  /** The last command for it; null when there was none. */
  readonly lastCommand: Command | null
  /** How far that command has come; null when nothing is known yet. */
  readonly lastResult: CommandResult | null
}

export const DeviceState: AvroType<DeviceState, 'values' | 'lastCommand' | 'lastResult'> = defineAvroType({"type":"record","name":"DeviceState","namespace":"building","doc":"What is known of a device: its last values, and its last command.","fields":[{"name":"deviceId","doc":"The device; also the key in the store.","type":"string"},{"name":"roomId","doc":"The room it is in.","type":"string"},{"name":"values","doc":"The last value of each kind.","type":{"type":"array","items":{"type":"record","name":"DeviceValue","namespace":"building","doc":"The last value of one kind of a device.","fields":[{"name":"kind","doc":"What was measured or set.","type":{"type":"enum","name":"ReadingKind","namespace":"building","doc":"What a reading measures or what a device is set to.","symbols":["temperature","humidity","luminance","motion","pressure","battery","blinds","radiator","light","switch","unknown"],"default":"unknown"}},{"name":"value","doc":"The value, as in a reading.","type":"double"},{"name":"unit","doc":"Its unit.","type":"string"},{"name":"quality","doc":"How far it can be trusted.","type":{"type":"enum","name":"Quality","namespace":"building","doc":"How far a reading can be trusted: good when it comes fresh from the device, uncertain when it may be old or its time is a guess.","symbols":["good","uncertain"],"default":"uncertain"}},{"name":"timeMs","doc":"When it was measured.","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"receivedAtMs","doc":"When the connector received it.","type":{"type":"long","logicalType":"timestamp-millis"}}]}},"default":[]},{"name":"lastCommand","doc":"The last command for it; null when there was none.","type":["null",{"type":"record","name":"Command","namespace":"building","doc":"One order to one device.","fields":[{"name":"commandId","doc":"Identifies the command; its results carry the same.","type":"string"},{"name":"deviceId","doc":"The device that is to obey; also the key of the record.","type":"string"},{"name":"roomId","doc":"The room the device is in.","type":"string"},{"name":"kind","doc":"What is to be set.","type":{"type":"enum","name":"CommandKind","namespace":"building","doc":"What a command sets.","symbols":["blinds","radiator","light","switch","unknown"],"default":"unknown"}},{"name":"value","doc":"The target value: 0 or 1 for a switch, otherwise 0 to 100 percent; blinds are 0 closed to 100 open.","type":"double"},{"name":"issuer","doc":"Who asked: rule:<name> or user:<name>.","type":"string"},{"name":"causes","doc":"The records that led to the command; none when a person asked.","type":{"type":"array","items":{"type":"record","name":"Cause","namespace":"building","doc":"A pointer to one record that led to something, with what it said.","fields":[{"name":"topic","doc":"The topic of the record.","type":"string"},{"name":"partition","doc":"The partition of the record.","type":"int"},{"name":"offset","doc":"The offset of the record.","type":"long"},{"name":"deviceId","doc":"The device that the record is about, if it is about one.","type":["null","string"],"default":null},{"name":"kind","doc":"What was measured, if the record is a reading.","type":["null","building.ReadingKind"],"default":null},{"name":"value","doc":"The measured value, if the record is a reading.","type":["null","double"],"default":null},{"name":"timeMs","doc":"The event time of the record.","type":{"type":"long","logicalType":"timestamp-millis"}}]}},"default":[]},{"name":"issuedAtMs","doc":"When the command was issued.","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"expiresAtMs","doc":"When the command is void if it has not been sent by then.","type":{"type":"long","logicalType":"timestamp-millis"}}]}],"default":null},{"name":"lastResult","doc":"How far that command has come; null when nothing is known yet.","type":["null",{"type":"record","name":"CommandResult","namespace":"building","doc":"One step in the life of a command.","fields":[{"name":"commandId","doc":"The command.","type":"string"},{"name":"deviceId","doc":"The device of the command; also the key of the record.","type":"string"},{"name":"roomId","doc":"The room the device is in.","type":"string"},{"name":"status","doc":"How far the command has come.","type":{"type":"enum","name":"CommandStatus","namespace":"building","doc":"How far a command has come: sent to the bus, confirmed by the device, without an answer in time, refused by the bus or device, past its expiry before it was sent, or replaced by a newer one.","symbols":["sent","confirmed","timed_out","refused","expired","superseded","unknown"],"default":"unknown"}},{"name":"detail","doc":"Why, in a sentence, where there is more to say.","type":["null","string"],"default":null},{"name":"atMs","doc":"When this became known.","type":{"type":"long","logicalType":"timestamp-millis"}}]}],"default":null}]})

/** The last value of one kind of a device. */
export interface DeviceValue {
  /** What was measured or set. */
  readonly kind: ReadingKind
  /** The value, as in a reading. */
  readonly value: number
  /** Its unit. */
  readonly unit: string
  /** How far it can be trusted. */
  readonly quality: Quality
  /** When it was measured. */
  readonly timeMs: number
  /** When the connector received it. */
  readonly receivedAtMs: number
}

export const DeviceValue: AvroType<DeviceValue> = defineAvroType({"type":"record","name":"DeviceValue","namespace":"building","doc":"The last value of one kind of a device.","fields":[{"name":"kind","doc":"What was measured or set.","type":{"type":"enum","name":"ReadingKind","namespace":"building","doc":"What a reading measures or what a device is set to.","symbols":["temperature","humidity","luminance","motion","pressure","battery","blinds","radiator","light","switch","unknown"],"default":"unknown"}},{"name":"value","doc":"The value, as in a reading.","type":"double"},{"name":"unit","doc":"Its unit.","type":"string"},{"name":"quality","doc":"How far it can be trusted.","type":{"type":"enum","name":"Quality","namespace":"building","doc":"How far a reading can be trusted: good when it comes fresh from the device, uncertain when it may be old or its time is a guess.","symbols":["good","uncertain"],"default":"uncertain"}},{"name":"timeMs","doc":"When it was measured.","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"receivedAtMs","doc":"When the connector received it.","type":{"type":"long","logicalType":"timestamp-millis"}}]})

/** Where a device is on KNX. */
export interface KnxAddress {
  /** One entry for each kind that the device has. */
  readonly groups: readonly KnxGroup[]
}

export const KnxAddress: AvroType<KnxAddress, 'groups'> = defineAvroType({"type":"record","name":"KnxAddress","namespace":"building","doc":"Where a device is on KNX.","fields":[{"name":"groups","doc":"One entry for each kind that the device has.","type":{"type":"array","items":{"type":"record","name":"KnxGroup","namespace":"building","doc":"The KNX group addresses of one kind of reading of a device.","fields":[{"name":"kind","doc":"What the group addresses carry.","type":{"type":"enum","name":"ReadingKind","namespace":"building","doc":"What a reading measures or what a device is set to.","symbols":["temperature","humidity","luminance","motion","pressure","battery","blinds","radiator","light","switch","unknown"],"default":"unknown"}},{"name":"write","doc":"The group address that sets it, such as 1/2/3; null when it can only be read.","type":["null","string"],"default":null},{"name":"status","doc":"The group address that reports it; null when the device does not report it.","type":["null","string"],"default":null},{"name":"dpt","doc":"The datapoint type, such as 5.001.","type":"string"},{"name":"statusDpt","doc":"The datapoint type of the status address where it is another; null when it is the same.","type":["null","string"],"default":null},{"name":"inverted","doc":"Whether 0 and 100 percent on the bus are 100 and 0 percent here, as with blinds that count how far they are closed; where there is no percentage, whether 0 and 1 are swapped.","type":"boolean","default":false}]}},"default":[]}]})

/** The KNX group addresses of one kind of reading of a device. */
export interface KnxGroup {
  /** What the group addresses carry. */
  readonly kind: ReadingKind
  /** The group address that sets it, such as 1/2/3; null when it can only be read. */
  readonly write: string | null
  /** The group address that reports it; null when the device does not report it. */
  readonly status: string | null
  /** The datapoint type, such as 5.001. */
  readonly dpt: string
  /** The datapoint type of the status address where it is another; null when it is the same. */
  readonly statusDpt: string | null
  /** Whether 0 and 100 percent on the bus are 100 and 0 percent here, as with blinds that count how far they are closed; where there is no percentage, whether 0 and 1 are swapped. */
  readonly inverted: boolean
}

export const KnxGroup: AvroType<KnxGroup, 'write' | 'status' | 'statusDpt' | 'inverted'> = defineAvroType({"type":"record","name":"KnxGroup","namespace":"building","doc":"The KNX group addresses of one kind of reading of a device.","fields":[{"name":"kind","doc":"What the group addresses carry.","type":{"type":"enum","name":"ReadingKind","namespace":"building","doc":"What a reading measures or what a device is set to.","symbols":["temperature","humidity","luminance","motion","pressure","battery","blinds","radiator","light","switch","unknown"],"default":"unknown"}},{"name":"write","doc":"The group address that sets it, such as 1/2/3; null when it can only be read.","type":["null","string"],"default":null},{"name":"status","doc":"The group address that reports it; null when the device does not report it.","type":["null","string"],"default":null},{"name":"dpt","doc":"The datapoint type, such as 5.001.","type":"string"},{"name":"statusDpt","doc":"The datapoint type of the status address where it is another; null when it is the same.","type":["null","string"],"default":null},{"name":"inverted","doc":"Whether 0 and 100 percent on the bus are 100 and 0 percent here, as with blinds that count how far they are closed; where there is no percentage, whether 0 and 1 are swapped.","type":"boolean","default":false}]})

/** Keeps the rules from changing a device that was set by hand. */
export interface ManualOverride {
  /** Who set it: an issuer such as user:ann, hand for somebody at the device, or guard when rules changed it too often. */
  readonly by: string
  /** What it was set to. */
  readonly value: number
  /** When it was set. */
  readonly sinceMs: number
  /** When the rules may change it again. */
  readonly untilMs: number
}

export const ManualOverride: AvroType<ManualOverride> = defineAvroType({"type":"record","name":"ManualOverride","namespace":"building","doc":"Keeps the rules from changing a device that was set by hand.","fields":[{"name":"by","doc":"Who set it: an issuer such as user:ann, hand for somebody at the device, or guard when rules changed it too often.","type":"string"},{"name":"value","doc":"What it was set to.","type":"double"},{"name":"sinceMs","doc":"When it was set.","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"untilMs","doc":"When the rules may change it again.","type":{"type":"long","logicalType":"timestamp-millis"}}]})

/** Where a device is on MQTT. */
export interface MqttAddress {
  /** The MQTT topic that the device publishes under. */
  readonly topic: string
}

export const MqttAddress: AvroType<MqttAddress> = defineAvroType({"type":"record","name":"MqttAddress","namespace":"building","doc":"Where a device is on MQTT.","fields":[{"name":"topic","doc":"The MQTT topic that the device publishes under.","type":"string"}]})

/** Whether somebody is in a room. */
export interface Occupancy {
  /** The room; also the key of the record. */
  readonly roomId: string
  /** Whether somebody is present. */
  readonly present: boolean
  /** Since when that has been so. */
  readonly since: number
  /** When motion was last seen; null when it never was. */
  readonly lastMotionMs: number | null
  /** The records that it was concluded from. */
  readonly evidence: readonly Cause[]
}

export const Occupancy: AvroType<Occupancy, 'lastMotionMs' | 'evidence'> = defineAvroType({"type":"record","name":"Occupancy","namespace":"building","doc":"Whether somebody is in a room.","fields":[{"name":"roomId","doc":"The room; also the key of the record.","type":"string"},{"name":"present","doc":"Whether somebody is present.","type":"boolean"},{"name":"since","doc":"Since when that has been so.","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"lastMotionMs","doc":"When motion was last seen; null when it never was.","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"default":null},{"name":"evidence","doc":"The records that it was concluded from.","type":{"type":"array","items":{"type":"record","name":"Cause","namespace":"building","doc":"A pointer to one record that led to something, with what it said.","fields":[{"name":"topic","doc":"The topic of the record.","type":"string"},{"name":"partition","doc":"The partition of the record.","type":"int"},{"name":"offset","doc":"The offset of the record.","type":"long"},{"name":"deviceId","doc":"The device that the record is about, if it is about one.","type":["null","string"],"default":null},{"name":"kind","doc":"What was measured, if the record is a reading.","type":["null",{"type":"enum","name":"ReadingKind","namespace":"building","doc":"What a reading measures or what a device is set to.","symbols":["temperature","humidity","luminance","motion","pressure","battery","blinds","radiator","light","switch","unknown"],"default":"unknown"}],"default":null},{"name":"value","doc":"The measured value, if the record is a reading.","type":["null","double"],"default":null},{"name":"timeMs","doc":"The event time of the record.","type":{"type":"long","logicalType":"timestamp-millis"}}]}},"default":[]}]})

/** How the lamps of a room tell on its luminance sensors. Internal to the building's application. */
export interface OwnLight {
  /** The level of the lamps that the last luminance belongs to, in percent. */
  readonly level: number
  /** Whether luminance has been measured since lamps or blinds last moved. */
  readonly settled: boolean
  /** When they last moved. */
  readonly changedAtMs: number
  /** Whether more than the lamps has moved, so that nothing can be learned from the step. */
  readonly disturbed: boolean
  /** The level of the lamps before they moved. */
  readonly beforeLevel: number
  /** The last settled luminance as measured; null when there is none. */
  readonly lux: number | null
  /** The luminance without the lamps; null when it is not known. */
  readonly ambientLux: number | null
  /** What the lamps add at 100 percent; null when it is not learned. */
  readonly fullLux: number | null
  /** The readings that the luminance comes from. */
  readonly causes: readonly Cause[]
}

export const OwnLight: AvroType<OwnLight, 'level' | 'settled' | 'changedAtMs' | 'disturbed' | 'beforeLevel' | 'lux' | 'ambientLux' | 'fullLux' | 'causes'> = defineAvroType({"type":"record","name":"OwnLight","namespace":"building","doc":"How the lamps of a room tell on its luminance sensors. Internal to the building's application.","fields":[{"name":"level","doc":"The level of the lamps that the last luminance belongs to, in percent.","type":"double","default":0},{"name":"settled","doc":"Whether luminance has been measured since lamps or blinds last moved.","type":"boolean","default":true},{"name":"changedAtMs","doc":"When they last moved.","type":{"type":"long","logicalType":"timestamp-millis"},"default":0},{"name":"disturbed","doc":"Whether more than the lamps has moved, so that nothing can be learned from the step.","type":"boolean","default":false},{"name":"beforeLevel","doc":"The level of the lamps before they moved.","type":"double","default":0},{"name":"lux","doc":"The last settled luminance as measured; null when there is none.","type":["null","double"],"default":null},{"name":"ambientLux","doc":"The luminance without the lamps; null when it is not known.","type":["null","double"],"default":null},{"name":"fullLux","doc":"What the lamps add at 100 percent; null when it is not learned.","type":["null","double"],"default":null},{"name":"causes","doc":"The readings that the luminance comes from.","type":{"type":"array","items":{"type":"record","name":"Cause","namespace":"building","doc":"A pointer to one record that led to something, with what it said.","fields":[{"name":"topic","doc":"The topic of the record.","type":"string"},{"name":"partition","doc":"The partition of the record.","type":"int"},{"name":"offset","doc":"The offset of the record.","type":"long"},{"name":"deviceId","doc":"The device that the record is about, if it is about one.","type":["null","string"],"default":null},{"name":"kind","doc":"What was measured, if the record is a reading.","type":["null",{"type":"enum","name":"ReadingKind","namespace":"building","doc":"What a reading measures or what a device is set to.","symbols":["temperature","humidity","luminance","motion","pressure","battery","blinds","radiator","light","switch","unknown"],"default":"unknown"}],"default":null},{"name":"value","doc":"The measured value, if the record is a reading.","type":["null","double"],"default":null},{"name":"timeMs","doc":"The event time of the record.","type":{"type":"long","logicalType":"timestamp-millis"}}]}},"default":[]}]})

/** What a device measured or is set to, at one moment. */
export interface Reading {
  /** The device; also the key of the record. */
  readonly deviceId: string
  /** The room the device is in. */
  readonly roomId: string
  /** The bus the reading came by. */
  readonly bus: Bus
  /** What was measured. */
  readonly kind: ReadingKind
  /** The measured value in the given unit. A boolean is 0 or 1; blinds are 0 closed to 100 open; radiator and light are 0 to 100. */
  readonly value: number
  /** The unit of the value: celsius, percent, lux, hectopascal or boolean. */
  readonly unit: string
  /** How far the reading can be trusted. */
  readonly quality: Quality
  /** When it was measured, by the device or else by the bus. */
  readonly eventTimeMs: number
  /** When the connector received it. */
  readonly receivedAtMs: number
  /** The sequence number of the source itself, where it has one. */
  readonly sequence: number | null
  /** Whether the bus replayed a stored state (an MQTT retained message) rather than a fresh one. */
  readonly retained: boolean
}

export const Reading: AvroType<Reading, 'quality' | 'sequence' | 'retained'> = defineAvroType({"type":"record","name":"Reading","namespace":"building","doc":"What a device measured or is set to, at one moment.","fields":[{"name":"deviceId","doc":"The device; also the key of the record.","type":"string"},{"name":"roomId","doc":"The room the device is in.","type":"string"},{"name":"bus","doc":"The bus the reading came by.","type":{"type":"enum","name":"Bus","namespace":"building","doc":"The bus a device is on.","symbols":["mqtt","knx","zwave","unknown"],"default":"unknown"}},{"name":"kind","doc":"What was measured.","type":{"type":"enum","name":"ReadingKind","namespace":"building","doc":"What a reading measures or what a device is set to.","symbols":["temperature","humidity","luminance","motion","pressure","battery","blinds","radiator","light","switch","unknown"],"default":"unknown"}},{"name":"value","doc":"The measured value in the given unit. A boolean is 0 or 1; blinds are 0 closed to 100 open; radiator and light are 0 to 100.","type":"double"},{"name":"unit","doc":"The unit of the value: celsius, percent, lux, hectopascal or boolean.","type":"string"},{"name":"quality","doc":"How far the reading can be trusted.","type":{"type":"enum","name":"Quality","namespace":"building","doc":"How far a reading can be trusted: good when it comes fresh from the device, uncertain when it may be old or its time is a guess.","symbols":["good","uncertain"],"default":"uncertain"},"default":"uncertain"},{"name":"eventTimeMs","doc":"When it was measured, by the device or else by the bus.","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"receivedAtMs","doc":"When the connector received it.","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"sequence","doc":"The sequence number of the source itself, where it has one.","type":["null","long"],"default":null},{"name":"retained","doc":"Whether the bus replayed a stored state (an MQTT retained message) rather than a fresh one.","type":"boolean","default":false}]})

/** What was measured in a room in one window. */
export interface RoomAverage {
  /** The room; also the key of the record. */
  readonly roomId: string
  /** The start of the window, inclusive. */
  readonly windowStartMs: number
  /** The end of the window, exclusive. */
  readonly windowEndMs: number
  /** Temperature in celsius; null when none was measured. */
  readonly temperature: Statistic | null
  /** Relative humidity in percent; null when none was measured. */
  readonly humidity: Statistic | null
  /** Luminance in lux; null when none was measured. */
  readonly luminance: Statistic | null
}

export const RoomAverage: AvroType<RoomAverage, 'temperature' | 'humidity' | 'luminance'> = defineAvroType({"type":"record","name":"RoomAverage","namespace":"building","doc":"What was measured in a room in one window.","fields":[{"name":"roomId","doc":"The room; also the key of the record.","type":"string"},{"name":"windowStartMs","doc":"The start of the window, inclusive.","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"windowEndMs","doc":"The end of the window, exclusive.","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"temperature","doc":"Temperature in celsius; null when none was measured.","type":["null",{"type":"record","name":"Statistic","namespace":"building","doc":"A summary of the values seen.","fields":[{"name":"count","doc":"How many values were seen.","type":"long"},{"name":"mean","doc":"Their arithmetic mean.","type":"double"},{"name":"min","doc":"The lowest of them.","type":"double"},{"name":"max","doc":"The highest of them.","type":"double"}]}],"default":null},{"name":"humidity","doc":"Relative humidity in percent; null when none was measured.","type":["null","building.Statistic"],"default":null},{"name":"luminance","doc":"Luminance in lux; null when none was measured.","type":["null","building.Statistic"],"default":null}]})

/** One thing that happened in a room, on its way from the topic it came by to the task of the room. Internal to the building's application. */
export interface RoomEvent {
  /** What happened. */
  readonly type: RoomEventType
  /** The topic it came by. */
  readonly topic: string
  /** The partition of that topic. */
  readonly partition: number
  /** The offset in that partition. */
  readonly offset: number
  /** The event time. */
  readonly timeMs: number
  /** The device it is about, if it is about one. */
  readonly deviceId: string | null
  /** The reading, if it is one. */
  readonly reading: Reading | null
  /** The command, if it is one. */
  readonly command: Command | null
  /** The result of a command, if it is one. */
  readonly result: CommandResult | null
  /** The device that was added or changed, if that is what happened. */
  readonly device: Device | null
  /** The rules that the room has from now on, if they changed; null for the defaults. */
  readonly rules: RoomRules | null
}

export const RoomEvent: AvroType<RoomEvent, 'deviceId' | 'reading' | 'command' | 'result' | 'device' | 'rules'> = defineAvroType({"type":"record","name":"RoomEvent","namespace":"building","doc":"One thing that happened in a room, on its way from the topic it came by to the task of the room. Internal to the building's application.","fields":[{"name":"type","doc":"What happened.","type":{"type":"enum","name":"RoomEventType","namespace":"building","doc":"What happened in a room. Internal to the building's application.","symbols":["reading","command","result","device_added","device_removed","rules","unknown"],"default":"unknown"}},{"name":"topic","doc":"The topic it came by.","type":"string"},{"name":"partition","doc":"The partition of that topic.","type":"int"},{"name":"offset","doc":"The offset in that partition.","type":"long"},{"name":"timeMs","doc":"The event time.","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"deviceId","doc":"The device it is about, if it is about one.","type":["null","string"],"default":null},{"name":"reading","doc":"The reading, if it is one.","type":["null",{"type":"record","name":"Reading","namespace":"building","doc":"What a device measured or is set to, at one moment.","fields":[{"name":"deviceId","doc":"The device; also the key of the record.","type":"string"},{"name":"roomId","doc":"The room the device is in.","type":"string"},{"name":"bus","doc":"The bus the reading came by.","type":{"type":"enum","name":"Bus","namespace":"building","doc":"The bus a device is on.","symbols":["mqtt","knx","zwave","unknown"],"default":"unknown"}},{"name":"kind","doc":"What was measured.","type":{"type":"enum","name":"ReadingKind","namespace":"building","doc":"What a reading measures or what a device is set to.","symbols":["temperature","humidity","luminance","motion","pressure","battery","blinds","radiator","light","switch","unknown"],"default":"unknown"}},{"name":"value","doc":"The measured value in the given unit. A boolean is 0 or 1; blinds are 0 closed to 100 open; radiator and light are 0 to 100.","type":"double"},{"name":"unit","doc":"The unit of the value: celsius, percent, lux, hectopascal or boolean.","type":"string"},{"name":"quality","doc":"How far the reading can be trusted.","type":{"type":"enum","name":"Quality","namespace":"building","doc":"How far a reading can be trusted: good when it comes fresh from the device, uncertain when it may be old or its time is a guess.","symbols":["good","uncertain"],"default":"uncertain"},"default":"uncertain"},{"name":"eventTimeMs","doc":"When it was measured, by the device or else by the bus.","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"receivedAtMs","doc":"When the connector received it.","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"sequence","doc":"The sequence number of the source itself, where it has one.","type":["null","long"],"default":null},{"name":"retained","doc":"Whether the bus replayed a stored state (an MQTT retained message) rather than a fresh one.","type":"boolean","default":false}]}],"default":null},{"name":"command","doc":"The command, if it is one.","type":["null",{"type":"record","name":"Command","namespace":"building","doc":"One order to one device.","fields":[{"name":"commandId","doc":"Identifies the command; its results carry the same.","type":"string"},{"name":"deviceId","doc":"The device that is to obey; also the key of the record.","type":"string"},{"name":"roomId","doc":"The room the device is in.","type":"string"},{"name":"kind","doc":"What is to be set.","type":{"type":"enum","name":"CommandKind","namespace":"building","doc":"What a command sets.","symbols":["blinds","radiator","light","switch","unknown"],"default":"unknown"}},{"name":"value","doc":"The target value: 0 or 1 for a switch, otherwise 0 to 100 percent; blinds are 0 closed to 100 open.","type":"double"},{"name":"issuer","doc":"Who asked: rule:<name> or user:<name>.","type":"string"},{"name":"causes","doc":"The records that led to the command; none when a person asked.","type":{"type":"array","items":{"type":"record","name":"Cause","namespace":"building","doc":"A pointer to one record that led to something, with what it said.","fields":[{"name":"topic","doc":"The topic of the record.","type":"string"},{"name":"partition","doc":"The partition of the record.","type":"int"},{"name":"offset","doc":"The offset of the record.","type":"long"},{"name":"deviceId","doc":"The device that the record is about, if it is about one.","type":["null","string"],"default":null},{"name":"kind","doc":"What was measured, if the record is a reading.","type":["null","building.ReadingKind"],"default":null},{"name":"value","doc":"The measured value, if the record is a reading.","type":["null","double"],"default":null},{"name":"timeMs","doc":"The event time of the record.","type":{"type":"long","logicalType":"timestamp-millis"}}]}},"default":[]},{"name":"issuedAtMs","doc":"When the command was issued.","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"expiresAtMs","doc":"When the command is void if it has not been sent by then.","type":{"type":"long","logicalType":"timestamp-millis"}}]}],"default":null},{"name":"result","doc":"The result of a command, if it is one.","type":["null",{"type":"record","name":"CommandResult","namespace":"building","doc":"One step in the life of a command.","fields":[{"name":"commandId","doc":"The command.","type":"string"},{"name":"deviceId","doc":"The device of the command; also the key of the record.","type":"string"},{"name":"roomId","doc":"The room the device is in.","type":"string"},{"name":"status","doc":"How far the command has come.","type":{"type":"enum","name":"CommandStatus","namespace":"building","doc":"How far a command has come: sent to the bus, confirmed by the device, without an answer in time, refused by the bus or device, past its expiry before it was sent, or replaced by a newer one.","symbols":["sent","confirmed","timed_out","refused","expired","superseded","unknown"],"default":"unknown"}},{"name":"detail","doc":"Why, in a sentence, where there is more to say.","type":["null","string"],"default":null},{"name":"atMs","doc":"When this became known.","type":{"type":"long","logicalType":"timestamp-millis"}}]}],"default":null},{"name":"device","doc":"The device that was added or changed, if that is what happened.","type":["null",{"type":"record","name":"Device","namespace":"building","doc":"A device of the building: what it is and where.","fields":[{"name":"deviceId","doc":"Identifies the device; also the key of the record.","type":"string"},{"name":"roomId","doc":"The room the device is in.","type":"string"},{"name":"floor","doc":"The floor the room is on.","type":"string"},{"name":"name","doc":"The name for people.","type":"string"},{"name":"type","doc":"What sort of device it is.","type":{"type":"enum","name":"DeviceType","namespace":"building","doc":"What sort of device it is.","symbols":["multisensor","sensor","blinds","radiator","dimmer","switch","unknown"],"default":"unknown"}},{"name":"bus","doc":"The bus the device is on; the address of that bus is set.","type":"building.Bus"},{"name":"kinds","doc":"What the device measures or can be set to.","type":{"type":"array","items":"building.ReadingKind"},"default":[]},{"name":"knx","doc":"The address on KNX.","type":["null",{"type":"record","name":"KnxAddress","namespace":"building","doc":"Where a device is on KNX.","fields":[{"name":"groups","doc":"One entry for each kind that the device has.","type":{"type":"array","items":{"type":"record","name":"KnxGroup","namespace":"building","doc":"The KNX group addresses of one kind of reading of a device.","fields":[{"name":"kind","doc":"What the group addresses carry.","type":"building.ReadingKind"},{"name":"write","doc":"The group address that sets it, such as 1/2/3; null when it can only be read.","type":["null","string"],"default":null},{"name":"status","doc":"The group address that reports it; null when the device does not report it.","type":["null","string"],"default":null},{"name":"dpt","doc":"The datapoint type, such as 5.001.","type":"string"},{"name":"statusDpt","doc":"The datapoint type of the status address where it is another; null when it is the same.","type":["null","string"],"default":null},{"name":"inverted","doc":"Whether 0 and 100 percent on the bus are 100 and 0 percent here, as with blinds that count how far they are closed; where there is no percentage, whether 0 and 1 are swapped.","type":"boolean","default":false}]}},"default":[]}]}],"default":null},{"name":"zwave","doc":"The address on Z-Wave.","type":["null",{"type":"record","name":"ZwaveAddress","namespace":"building","doc":"Where a device is on Z-Wave.","fields":[{"name":"nodeId","doc":"The node number in the Z-Wave network, from 1.","type":"int"}]}],"default":null},{"name":"mqtt","doc":"The address on MQTT.","type":["null",{"type":"record","name":"MqttAddress","namespace":"building","doc":"Where a device is on MQTT.","fields":[{"name":"topic","doc":"The MQTT topic that the device publishes under.","type":"string"}]}],"default":null}]}],"default":null},{"name":"rules","doc":"The rules that the room has from now on, if they changed; null for the defaults.","type":["null",{"type":"record","name":"RoomRules","namespace":"building","doc":"The switches and thresholds of the automation rules of one room.","fields":[{"name":"roomId","doc":"The room; also the key of the record.","type":"string"},{"name":"timeZone","doc":"The IANA time zone that the minutes of the day are in.","type":"string","default":"Europe/Zurich"},{"name":"radiatorDown","doc":"Whether the radiator is turned down while nobody is present.","type":"boolean","default":true},{"name":"radiatorUp","doc":"Whether the radiator is turned up while somebody is present.","type":"boolean","default":true},{"name":"blindsClose","doc":"Whether the blinds are closed when the air is humid.","type":"boolean","default":true},{"name":"blindsOpen","doc":"Whether the blinds are opened when somebody is present in the dark by day.","type":"boolean","default":true},{"name":"lights","doc":"Whether the lights are switched.","type":"boolean","default":true},{"name":"radiatorUnoccupiedPercent","doc":"Where the radiator is set while nobody is present.","type":"double","default":10},{"name":"radiatorOccupiedPercent","doc":"Where the radiator is set while somebody is present.","type":"double","default":90},{"name":"humidityAbovePercent","doc":"The humidity above which the blinds are closed.","type":"double","default":50},{"name":"blindsOpenUntilMinuteOfDay","doc":"The minute of the day from which the blinds are no longer opened.","type":"int","default":1140},{"name":"eveningFromMinuteOfDay","doc":"The minute of the day at which the evening begins for the lights.","type":"int","default":1140},{"name":"morningUntilMinuteOfDay","doc":"The minute of the day at which the night ends for the lights.","type":"int","default":420},{"name":"darkBelowLux","doc":"The luminance below which a room is dark.","type":"double","default":100},{"name":"tooDarkBelowLux","doc":"The luminance below which the light goes on at any hour.","type":"double","default":20},{"name":"humidityHysteresisPercent","doc":"How far the humidity must fall below its threshold before it counts as below.","type":"double","default":3},{"name":"luxHysteresis","doc":"How far the luminance, in lux, must rise above its threshold before it counts as above.","type":"double","default":15},{"name":"vacantAfterMs","doc":"How long, in milliseconds, no motion must be seen before the room counts as vacant.","type":"long","default":600000},{"name":"overrideMs","doc":"How long, in milliseconds, a manual setting keeps the rules from changing it.","type":"long","default":3600000}]}],"default":null}]})

/** The switches and thresholds of the automation rules of one room. */
export interface RoomRules {
  /** The room; also the key of the record. */
  readonly roomId: string
  /** The IANA time zone that the minutes of the day are in. */
  readonly timeZone: string
  /** Whether the radiator is turned down while nobody is present. */
  readonly radiatorDown: boolean
  /** Whether the radiator is turned up while somebody is present. */
  readonly radiatorUp: boolean
  /** Whether the blinds are closed when the air is humid. */
  readonly blindsClose: boolean
  /** Whether the blinds are opened when somebody is present in the dark by day. */
  readonly blindsOpen: boolean
  /** Whether the lights are switched. */
  readonly lights: boolean
  /** Where the radiator is set while nobody is present. */
  readonly radiatorUnoccupiedPercent: number
  /** Where the radiator is set while somebody is present. */
  readonly radiatorOccupiedPercent: number
  /** The humidity above which the blinds are closed. */
  readonly humidityAbovePercent: number
  /** The minute of the day from which the blinds are no longer opened. */
  readonly blindsOpenUntilMinuteOfDay: number
  /** The minute of the day at which the evening begins for the lights. */
  readonly eveningFromMinuteOfDay: number
  /** The minute of the day at which the night ends for the lights. */
  readonly morningUntilMinuteOfDay: number
  /** The luminance below which a room is dark. */
  readonly darkBelowLux: number
  /** The luminance below which the light goes on at any hour. */
  readonly tooDarkBelowLux: number
  /** How far the humidity must fall below its threshold before it counts as below. */
  readonly humidityHysteresisPercent: number
  /** How far the luminance, in lux, must rise above its threshold before it counts as above. */
  readonly luxHysteresis: number
  /** How long, in milliseconds, no motion must be seen before the room counts as vacant. */
  readonly vacantAfterMs: number
  /** How long, in milliseconds, a manual setting keeps the rules from changing it. */
  readonly overrideMs: number
}

export const RoomRules: AvroType<RoomRules, 'timeZone' | 'radiatorDown' | 'radiatorUp' | 'blindsClose' | 'blindsOpen' | 'lights' | 'radiatorUnoccupiedPercent' | 'radiatorOccupiedPercent' | 'humidityAbovePercent' | 'blindsOpenUntilMinuteOfDay' | 'eveningFromMinuteOfDay' | 'morningUntilMinuteOfDay' | 'darkBelowLux' | 'tooDarkBelowLux' | 'humidityHysteresisPercent' | 'luxHysteresis' | 'vacantAfterMs' | 'overrideMs'> = defineAvroType({"type":"record","name":"RoomRules","namespace":"building","doc":"The switches and thresholds of the automation rules of one room.","fields":[{"name":"roomId","doc":"The room; also the key of the record.","type":"string"},{"name":"timeZone","doc":"The IANA time zone that the minutes of the day are in.","type":"string","default":"Europe/Zurich"},{"name":"radiatorDown","doc":"Whether the radiator is turned down while nobody is present.","type":"boolean","default":true},{"name":"radiatorUp","doc":"Whether the radiator is turned up while somebody is present.","type":"boolean","default":true},{"name":"blindsClose","doc":"Whether the blinds are closed when the air is humid.","type":"boolean","default":true},{"name":"blindsOpen","doc":"Whether the blinds are opened when somebody is present in the dark by day.","type":"boolean","default":true},{"name":"lights","doc":"Whether the lights are switched.","type":"boolean","default":true},{"name":"radiatorUnoccupiedPercent","doc":"Where the radiator is set while nobody is present.","type":"double","default":10},{"name":"radiatorOccupiedPercent","doc":"Where the radiator is set while somebody is present.","type":"double","default":90},{"name":"humidityAbovePercent","doc":"The humidity above which the blinds are closed.","type":"double","default":50},{"name":"blindsOpenUntilMinuteOfDay","doc":"The minute of the day from which the blinds are no longer opened.","type":"int","default":1140},{"name":"eveningFromMinuteOfDay","doc":"The minute of the day at which the evening begins for the lights.","type":"int","default":1140},{"name":"morningUntilMinuteOfDay","doc":"The minute of the day at which the night ends for the lights.","type":"int","default":420},{"name":"darkBelowLux","doc":"The luminance below which a room is dark.","type":"double","default":100},{"name":"tooDarkBelowLux","doc":"The luminance below which the light goes on at any hour.","type":"double","default":20},{"name":"humidityHysteresisPercent","doc":"How far the humidity must fall below its threshold before it counts as below.","type":"double","default":3},{"name":"luxHysteresis","doc":"How far the luminance, in lux, must rise above its threshold before it counts as above.","type":"double","default":15},{"name":"vacantAfterMs","doc":"How long, in milliseconds, no motion must be seen before the room counts as vacant.","type":"long","default":600000},{"name":"overrideMs","doc":"How long, in milliseconds, a manual setting keeps the rules from changing it.","type":"long","default":3600000}]})

/** All that is known of a room and that its rules are judged by. Internal to the building's application. */
export interface RoomState {
  /** The room. */
  readonly roomId: string
  /** The devices in the room. */
  readonly devices: readonly Device[]
  /** The last reading of each sensor and kind. */
  readonly sensors: readonly SensorState[]
  /** The devices that can be set. */
  readonly actuators: readonly ActuatorState[]
  /** The last evaluation of each rule and device. */
  readonly memories: readonly RuleMemory[]
  /** How the lamps tell on the luminance sensors. */
  readonly ownLight: OwnLight
  /** Whether the air counts as humid, with hysteresis. */
  readonly humid: boolean
  /** Whether the room counts as dark, with hysteresis. */
  readonly dark: boolean
  /** Whether the room counts as too dark, with hysteresis. */
  readonly tooDark: boolean
  /** The part of the day at the last evaluation; empty before the first. */
  readonly phase: string
  /** When the rules must be evaluated again even if nothing happens; null when they need not. */
  readonly nextDueMs: number | null
}

export const RoomState: AvroType<RoomState, 'devices' | 'sensors' | 'actuators' | 'memories' | 'humid' | 'dark' | 'tooDark' | 'phase' | 'nextDueMs'> = defineAvroType({"type":"record","name":"RoomState","namespace":"building","doc":"All that is known of a room and that its rules are judged by. Internal to the building's application.","fields":[{"name":"roomId","doc":"The room.","type":"string"},{"name":"devices","doc":"The devices in the room.","type":{"type":"array","items":{"type":"record","name":"Device","namespace":"building","doc":"A device of the building: what it is and where.","fields":[{"name":"deviceId","doc":"Identifies the device; also the key of the record.","type":"string"},{"name":"roomId","doc":"The room the device is in.","type":"string"},{"name":"floor","doc":"The floor the room is on.","type":"string"},{"name":"name","doc":"The name for people.","type":"string"},{"name":"type","doc":"What sort of device it is.","type":{"type":"enum","name":"DeviceType","namespace":"building","doc":"What sort of device it is.","symbols":["multisensor","sensor","blinds","radiator","dimmer","switch","unknown"],"default":"unknown"}},{"name":"bus","doc":"The bus the device is on; the address of that bus is set.","type":{"type":"enum","name":"Bus","namespace":"building","doc":"The bus a device is on.","symbols":["mqtt","knx","zwave","unknown"],"default":"unknown"}},{"name":"kinds","doc":"What the device measures or can be set to.","type":{"type":"array","items":{"type":"enum","name":"ReadingKind","namespace":"building","doc":"What a reading measures or what a device is set to.","symbols":["temperature","humidity","luminance","motion","pressure","battery","blinds","radiator","light","switch","unknown"],"default":"unknown"}},"default":[]},{"name":"knx","doc":"The address on KNX.","type":["null",{"type":"record","name":"KnxAddress","namespace":"building","doc":"Where a device is on KNX.","fields":[{"name":"groups","doc":"One entry for each kind that the device has.","type":{"type":"array","items":{"type":"record","name":"KnxGroup","namespace":"building","doc":"The KNX group addresses of one kind of reading of a device.","fields":[{"name":"kind","doc":"What the group addresses carry.","type":"building.ReadingKind"},{"name":"write","doc":"The group address that sets it, such as 1/2/3; null when it can only be read.","type":["null","string"],"default":null},{"name":"status","doc":"The group address that reports it; null when the device does not report it.","type":["null","string"],"default":null},{"name":"dpt","doc":"The datapoint type, such as 5.001.","type":"string"},{"name":"statusDpt","doc":"The datapoint type of the status address where it is another; null when it is the same.","type":["null","string"],"default":null},{"name":"inverted","doc":"Whether 0 and 100 percent on the bus are 100 and 0 percent here, as with blinds that count how far they are closed; where there is no percentage, whether 0 and 1 are swapped.","type":"boolean","default":false}]}},"default":[]}]}],"default":null},{"name":"zwave","doc":"The address on Z-Wave.","type":["null",{"type":"record","name":"ZwaveAddress","namespace":"building","doc":"Where a device is on Z-Wave.","fields":[{"name":"nodeId","doc":"The node number in the Z-Wave network, from 1.","type":"int"}]}],"default":null},{"name":"mqtt","doc":"The address on MQTT.","type":["null",{"type":"record","name":"MqttAddress","namespace":"building","doc":"Where a device is on MQTT.","fields":[{"name":"topic","doc":"The MQTT topic that the device publishes under.","type":"string"}]}],"default":null}]}},"default":[]},{"name":"sensors","doc":"The last reading of each sensor and kind.","type":{"type":"array","items":{"type":"record","name":"SensorState","namespace":"building","doc":"The last reading of one kind of one sensor. Internal to the building's application.","fields":[{"name":"reading","doc":"The reading as a cause.","type":{"type":"record","name":"Cause","namespace":"building","doc":"A pointer to one record that led to something, with what it said.","fields":[{"name":"topic","doc":"The topic of the record.","type":"string"},{"name":"partition","doc":"The partition of the record.","type":"int"},{"name":"offset","doc":"The offset of the record.","type":"long"},{"name":"deviceId","doc":"The device that the record is about, if it is about one.","type":["null","string"],"default":null},{"name":"kind","doc":"What was measured, if the record is a reading.","type":["null","building.ReadingKind"],"default":null},{"name":"value","doc":"The measured value, if the record is a reading.","type":["null","double"],"default":null},{"name":"timeMs","doc":"The event time of the record.","type":{"type":"long","logicalType":"timestamp-millis"}}]}},{"name":"receivedAtMs","doc":"When the connector received it.","type":{"type":"long","logicalType":"timestamp-millis"}}]}},"default":[]},{"name":"actuators","doc":"The devices that can be set.","type":{"type":"array","items":{"type":"record","name":"ActuatorState","namespace":"building","doc":"What is known of one kind of one device that can be set. Internal to the building's application.","fields":[{"name":"deviceId","doc":"The device.","type":"string"},{"name":"kind","doc":"What can be set.","type":{"type":"enum","name":"CommandKind","namespace":"building","doc":"What a command sets.","symbols":["blinds","radiator","light","switch","unknown"],"default":"unknown"}},{"name":"level","doc":"What the device last reported or confirmed; null when it never did.","type":["null","double"],"default":null},{"name":"levelAtMs","doc":"When it did.","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"default":null},{"name":"expected","doc":"Where it ought to be by the last command or hand; null when nobody ever set it.","type":["null","double"],"default":null},{"name":"expectedAtMs","doc":"Since when.","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"default":null},{"name":"commandId","doc":"The last command; null when a hand set it, or it was found as wanted.","type":["null","string"],"default":null},{"name":"confirmed","doc":"Whether the device was seen where it ought to be.","type":"boolean","default":false},{"name":"override","doc":"The manual override in force, if there is one.","type":["null",{"type":"record","name":"ManualOverride","namespace":"building","doc":"Keeps the rules from changing a device that was set by hand.","fields":[{"name":"by","doc":"Who set it: an issuer such as user:ann, hand for somebody at the device, or guard when rules changed it too often.","type":"string"},{"name":"value","doc":"What it was set to.","type":"double"},{"name":"sinceMs","doc":"When it was set.","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"untilMs","doc":"When the rules may change it again.","type":{"type":"long","logicalType":"timestamp-millis"}}]}],"default":null},{"name":"sentAtMs","doc":"When rules lately changed it, oldest first.","type":{"type":"array","items":{"type":"long","logicalType":"timestamp-millis"}},"default":[]}]}},"default":[]},{"name":"memories","doc":"The last evaluation of each rule and device.","type":{"type":"array","items":{"type":"record","name":"RuleMemory","namespace":"building","doc":"The last evaluation of a rule for one device. Internal to the building's application.","fields":[{"name":"rule","doc":"The name of the rule.","type":"string"},{"name":"deviceId","doc":"The device; null when the room has none for the rule.","type":["null","string"],"default":null},{"name":"signature","doc":"The result, the target and which conditions held, as one text.","type":"string"}]}},"default":[]},{"name":"ownLight","doc":"How the lamps tell on the luminance sensors.","type":{"type":"record","name":"OwnLight","namespace":"building","doc":"How the lamps of a room tell on its luminance sensors. Internal to the building's application.","fields":[{"name":"level","doc":"The level of the lamps that the last luminance belongs to, in percent.","type":"double","default":0},{"name":"settled","doc":"Whether luminance has been measured since lamps or blinds last moved.","type":"boolean","default":true},{"name":"changedAtMs","doc":"When they last moved.","type":{"type":"long","logicalType":"timestamp-millis"},"default":0},{"name":"disturbed","doc":"Whether more than the lamps has moved, so that nothing can be learned from the step.","type":"boolean","default":false},{"name":"beforeLevel","doc":"The level of the lamps before they moved.","type":"double","default":0},{"name":"lux","doc":"The last settled luminance as measured; null when there is none.","type":["null","double"],"default":null},{"name":"ambientLux","doc":"The luminance without the lamps; null when it is not known.","type":["null","double"],"default":null},{"name":"fullLux","doc":"What the lamps add at 100 percent; null when it is not learned.","type":["null","double"],"default":null},{"name":"causes","doc":"The readings that the luminance comes from.","type":{"type":"array","items":"building.Cause"},"default":[]}]}},{"name":"humid","doc":"Whether the air counts as humid, with hysteresis.","type":"boolean","default":false},{"name":"dark","doc":"Whether the room counts as dark, with hysteresis.","type":"boolean","default":false},{"name":"tooDark","doc":"Whether the room counts as too dark, with hysteresis.","type":"boolean","default":false},{"name":"phase","doc":"The part of the day at the last evaluation; empty before the first.","type":"string","default":""},{"name":"nextDueMs","doc":"When the rules must be evaluated again even if nothing happens; null when they need not.","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"default":null}]})

/** One evaluation of one rule in one room: what it saw, what came of it and why. */
export interface RuleEvaluation {
  /** The room; also the key of the record. */
  readonly roomId: string
  /** The name of the rule. */
  readonly rule: string
  /** What came of it. */
  readonly result: EvaluationResult
  /** Why, in a sentence for people. */
  readonly reason: string
  /** The conditions in the order they were asked. */
  readonly conditions: readonly Condition[]
  /** The records the conditions were judged by. */
  readonly causes: readonly Cause[]
  /** The device the rule acts on, if the room has one. */
  readonly deviceId: string | null
  /** The command that was sent, if one was. */
  readonly commandId: string | null
  /** Where the rule wants the device set, if it wants anything. */
  readonly targetValue: number | null
  /** When the rule was evaluated, in event time. */
  readonly atMs: number
}

export const RuleEvaluation: AvroType<RuleEvaluation, 'conditions' | 'causes' | 'deviceId' | 'commandId' | 'targetValue'> = defineAvroType({"type":"record","name":"RuleEvaluation","namespace":"building","doc":"One evaluation of one rule in one room: what it saw, what came of it and why.","fields":[{"name":"roomId","doc":"The room; also the key of the record.","type":"string"},{"name":"rule","doc":"The name of the rule.","type":"string"},{"name":"result","doc":"What came of it.","type":{"type":"enum","name":"EvaluationResult","namespace":"building","doc":"What came of an evaluation of a rule: a command was sent, the device is already as wanted, a manual override holds, a condition does not hold, the rule is switched off for the room, or a reading it needs has never come.","symbols":["fired","unchanged","held_by_override","conditions_not_met","disabled","no_data","unknown"],"default":"unknown"}},{"name":"reason","doc":"Why, in a sentence for people.","type":"string"},{"name":"conditions","doc":"The conditions in the order they were asked.","type":{"type":"array","items":{"type":"record","name":"Condition","namespace":"building","doc":"One condition of a rule as it was found.","fields":[{"name":"name","doc":"What is asked, such as humidity above threshold.","type":"string"},{"name":"holds","doc":"Whether it holds.","type":"boolean"},{"name":"actual","doc":"The value found; null when there was none.","type":["null","double"],"default":null},{"name":"threshold","doc":"The value it was compared with; null when it was compared with none.","type":["null","double"],"default":null}]}},"default":[]},{"name":"causes","doc":"The records the conditions were judged by.","type":{"type":"array","items":{"type":"record","name":"Cause","namespace":"building","doc":"A pointer to one record that led to something, with what it said.","fields":[{"name":"topic","doc":"The topic of the record.","type":"string"},{"name":"partition","doc":"The partition of the record.","type":"int"},{"name":"offset","doc":"The offset of the record.","type":"long"},{"name":"deviceId","doc":"The device that the record is about, if it is about one.","type":["null","string"],"default":null},{"name":"kind","doc":"What was measured, if the record is a reading.","type":["null",{"type":"enum","name":"ReadingKind","namespace":"building","doc":"What a reading measures or what a device is set to.","symbols":["temperature","humidity","luminance","motion","pressure","battery","blinds","radiator","light","switch","unknown"],"default":"unknown"}],"default":null},{"name":"value","doc":"The measured value, if the record is a reading.","type":["null","double"],"default":null},{"name":"timeMs","doc":"The event time of the record.","type":{"type":"long","logicalType":"timestamp-millis"}}]}},"default":[]},{"name":"deviceId","doc":"The device the rule acts on, if the room has one.","type":["null","string"],"default":null},{"name":"commandId","doc":"The command that was sent, if one was.","type":["null","string"],"default":null},{"name":"targetValue","doc":"Where the rule wants the device set, if it wants anything.","type":["null","double"],"default":null},{"name":"atMs","doc":"When the rule was evaluated, in event time.","type":{"type":"long","logicalType":"timestamp-millis"}}]})

/** The last evaluation of a rule for one device. Internal to the building's application. */
export interface RuleMemory {
  /** The name of the rule. */
  readonly rule: string
  /** The device; null when the room has none for the rule. */
  readonly deviceId: string | null
  /** The result, the target and which conditions held, as one text. */
  readonly signature: string
}

export const RuleMemory: AvroType<RuleMemory, 'deviceId'> = defineAvroType({"type":"record","name":"RuleMemory","namespace":"building","doc":"The last evaluation of a rule for one device. Internal to the building's application.","fields":[{"name":"rule","doc":"The name of the rule.","type":"string"},{"name":"deviceId","doc":"The device; null when the room has none for the rule.","type":["null","string"],"default":null},{"name":"signature","doc":"The result, the target and which conditions held, as one text.","type":"string"}]})

/** The last reading of one kind of one sensor. Internal to the building's application. */
export interface SensorState {
  /** The reading as a cause. */
  readonly reading: Cause
  /** When the connector received it. */
  readonly receivedAtMs: number
}

export const SensorState: AvroType<SensorState> = defineAvroType({"type":"record","name":"SensorState","namespace":"building","doc":"The last reading of one kind of one sensor. Internal to the building's application.","fields":[{"name":"reading","doc":"The reading as a cause.","type":{"type":"record","name":"Cause","namespace":"building","doc":"A pointer to one record that led to something, with what it said.","fields":[{"name":"topic","doc":"The topic of the record.","type":"string"},{"name":"partition","doc":"The partition of the record.","type":"int"},{"name":"offset","doc":"The offset of the record.","type":"long"},{"name":"deviceId","doc":"The device that the record is about, if it is about one.","type":["null","string"],"default":null},{"name":"kind","doc":"What was measured, if the record is a reading.","type":["null",{"type":"enum","name":"ReadingKind","namespace":"building","doc":"What a reading measures or what a device is set to.","symbols":["temperature","humidity","luminance","motion","pressure","battery","blinds","radiator","light","switch","unknown"],"default":"unknown"}],"default":null},{"name":"value","doc":"The measured value, if the record is a reading.","type":["null","double"],"default":null},{"name":"timeMs","doc":"The event time of the record.","type":{"type":"long","logicalType":"timestamp-millis"}}]}},{"name":"receivedAtMs","doc":"When the connector received it.","type":{"type":"long","logicalType":"timestamp-millis"}}]})

/** A summary of the values seen. */
export interface Statistic {
  /** How many values were seen. */
  readonly count: number
  /** Their arithmetic mean. */
  readonly mean: number
  /** The lowest of them. */
  readonly min: number
  /** The highest of them. */
  readonly max: number
}

export const Statistic: AvroType<Statistic> = defineAvroType({"type":"record","name":"Statistic","namespace":"building","doc":"A summary of the values seen.","fields":[{"name":"count","doc":"How many values were seen.","type":"long"},{"name":"mean","doc":"Their arithmetic mean.","type":"double"},{"name":"min","doc":"The lowest of them.","type":"double"},{"name":"max","doc":"The highest of them.","type":"double"}]})

/** Where a device is on Z-Wave. */
export interface ZwaveAddress {
  /** The node number in the Z-Wave network, from 1. */
  readonly nodeId: number
}

export const ZwaveAddress: AvroType<ZwaveAddress> = defineAvroType({"type":"record","name":"ZwaveAddress","namespace":"building","doc":"Where a device is on Z-Wave.","fields":[{"name":"nodeId","doc":"The node number in the Z-Wave network, from 1.","type":"int"}]})
