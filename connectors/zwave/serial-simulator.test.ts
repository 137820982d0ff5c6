import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { ACK, encodeFrame, REQUEST, type SerialFrame, SerialFrameParser } from './serial-frame.ts'
import { roomNodes, SerialSimulator } from './serial-simulator.ts'
import { DIMMER, MULTISENSOR, MULTISENSOR_BINARY_FAHRENHEIT } from './simulated-node.ts'

/** A host that acknowledges and collects. */
class Host {
  readonly frames: SerialFrame[] = []
  readonly control: string[] = []
  readonly socket: Socket
  readonly #parser = new SerialFrameParser()

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      for (const token of this.#parser.push(chunk)) {
        if (token.kind !== 'frame') this.control.push(token.kind)
        else {
          this.frames.push(token.frame)
          socket.write(Buffer.of(ACK))
        }
      }
    })
  }

  static async connect(port: number): Promise<Host> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new Host(socket)
  }

  ask(func: number, ...data: number[]): void {
    this.socket.write(encodeFrame({ type: REQUEST, func, data: Buffer.from(data) }))
  }

  async answers(count: number): Promise<string[]> {
    await expect.poll(() => this.frames.length, { timeout: 2000, interval: 5 }).toBeGreaterThanOrEqual(count)
    return this.frames.map((f) => `${f.func.toString(16).padStart(2, '0')}:${f.data.toString('hex')}`)
  }
}

let sim: SerialSimulator
let host: Host

async function plugIn(
  nodes = new Map([
    [5, MULTISENSOR],
    [232, DIMMER],
  ]),
): Promise<void> {
  sim = new SerialSimulator({ nodes })
  await sim.start()
  host = await Host.connect(sim.port)
}

afterEach(async () => {
  host.socket.destroy()
  await sim.stop()
})

describe('the simulated stick', () => {
  it('tells its nodes up to 232 in a mask of 29 bytes', async () => {
    await plugIn()
    host.ask(0x02)
    const mask = `11${'00'.repeat(27)}80`
    expect(await host.answers(1)).toEqual([`02:05081d${mask}0500`])
  })

  it('tells what a node is', async () => {
    await plugIn()
    host.ask(0x60, 232)
    expect(await host.answers(2)).toEqual(['60:01', '49:84e80604110186 72 26'.replaceAll(' ', '')])
  })

  it('answers, calls back, and then lets the node report', async () => {
    await plugIn()
    host.ask(0x13, 5, 2, 0x80, 0x02, 0x25, 9)
    expect(await host.answers(3)).toEqual(['13:01', '13:09000002', '04:0005 03800364'.replace(' ', '')])
  })

  it('calls back without acknowledgement for a dead node, and gives its node information as failed', async () => {
    await plugIn()
    sim.setDead(5, true)
    host.ask(0x13, 5, 2, 0x80, 0x02, 0x25, 9)
    expect(await host.answers(2)).toEqual(['13:01', '13:09010002'])
    host.ask(0x60, 5)
    expect((await host.answers(4)).slice(2)).toEqual(['60:01', '49:810000'])
    host.ask(0x62, 5)
    expect((await host.answers(5)).slice(4)).toEqual(['62:01'])
    expect(sim.node(5).received).toEqual([])
  })

  it('answers and notes a function that it does not have', async () => {
    await plugIn()
    host.ask(0xf3)
    expect(await host.answers(1)).toEqual(['f3:00'])
    expect([...sim.unknownFunctions]).toEqual([0xf3])
  })

  it('passes on what nodes report by themselves', async () => {
    await plugIn(
      new Map([
        [5, MULTISENSOR],
        [6, MULTISENSOR_BINARY_FAHRENHEIT],
        [7, DIMMER],
      ]),
    )
    sim.report(5, 'temperature', 23.4)
    sim.setMotion(5, true)
    sim.setMotion(6, true)
    sim.setBattery(5, 80)
    sim.turnByHand(7, 60)
    sim.reportAll(5)
    expect(await host.answers(8)).toEqual([
      '04:000508310501240000 00ea'.replace(' ', ''),
      '04:0005097105000000ff070800',
      '04:0006043003ff0c',
      '04:000503800350',
      '04:00070526033c3c00',
      '04:0005083105012400 0000ea'.replace(' ', ''),
      '04:00050831 05030c00000140'.replace(' ', ''),
      '04:0005083105050400 00002c'.replace(' ', ''),
    ])
  })

  it('refuses connections while it is unplugged and is back on the same port', async () => {
    await plugIn()
    const { port } = sim
    const closed = once(host.socket, 'close')
    await sim.unplug()
    await closed
    await expect(Host.connect(port)).rejects.toThrow('ECONNREFUSED')
    await sim.start()
    expect(sim.port).toBe(port)
    host = await Host.connect(port)
    host.ask(0x56)
    expect(await host.answers(1)).toEqual(['56:01'])
  })

  it('gives itself to the host that came last', async () => {
    await plugIn()
    const first = host
    const closed = once(first.socket, 'close')
    host = await Host.connect(sim.port)
    await closed
    host.ask(0x56)
    expect(await host.answers(1)).toEqual(['56:01'])
  })

  it('says nothing while its firmware hangs', async () => {
    await plugIn()
    sim.setSilent(true)
    host.ask(0x56)
    sim.report(5, 'humidity', 50)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(host).toMatchObject({ frames: [], control: [] })
  })

  it('refuses frames when it is told to, and survives garbage', async () => {
    await plugIn()
    sim.refuseNext(1)
    host.socket.write(Buffer.from('ddeeff', 'hex'))
    host.ask(0x56)
    await expect.poll(() => host.control).toEqual(['nak'])
    host.ask(0x56)
    expect(await host.answers(1)).toEqual(['56:01'])
  })

  it.each([0, 1, 233, 2.5])('has no node %d', (id) => {
    expect(() => new SerialSimulator({ nodes: new Map([[id, DIMMER]]) })).toThrow('2..232')
  })

  it('has a multisensor and a dimmer for each room', () => {
    const nodes = roomNodes(12)
    expect([...nodes.keys()]).toEqual(Array.from({ length: 24 }, (_, i) => i + 2))
    expect([...nodes.values()].filter((model) => model === DIMMER)).toHaveLength(12)
  })
})
