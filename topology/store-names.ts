/** The stores of the building's application, for interactive queries. */
export const stores = {
  /** Window store, key roomId, value RoomAverage: 5-minute windows. */
  roomAverages: 'room-averages',
  /** Key roomId, value Occupancy. */
  occupancy: 'occupancy',
  /** Key deviceId and what a repeated reading has in common with the first: internal. */
  readReadings: 'read-readings',
  /** Key deviceId, value DeviceState: last values, last command and what became of it. */
  deviceStates: 'device-states',
  /** Key deviceId, value Device: the devices that there are. */
  devices: 'devices',
  /** Key roomId, value RoomRules; rooms without an entry have the defaults. */
  rules: 'rules',
  /** Key roomId, value RoomState: internal to the rules. */
  roomStates: 'room-states',
} as const
